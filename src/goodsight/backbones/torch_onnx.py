"""A torch module that takes photos becomes an ONNX file."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def write(module: torch.nn.Module, side: int, path: Path, further: Sequence[str] = ()) -> None:
    """Write a module that turns uint8 RGB (n, side, side, 3) into float32 (n, ...), in evaluation mode.

    Args:
        module: gives one tensor, or a tuple of it and the ``further`` ones.
        side: of the photos, in pixels.
        path: the file.
        further: names of the outputs after the first, which is called ``embedding``.

    """
    import torch

    module.cpu().eval()
    with warnings.catch_warnings():
        # The exporter without onnxscript is the older one: it says so, and is four times faster.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.zeros((1, side, side, 3), dtype=torch.uint8),),
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=["pixels"],
            output_names=["embedding", *further],
            dynamic_axes={name: {0: "n"} for name in ("pixels", "embedding", *further)},
        )

"""A composed model in the form of OpenVINO: ``model.xml`` and ``model.bin``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from goodsight.arrays import Floats, Pixels
from goodsight.exporting import contract

_NAME = "model.xml"


def write(folder: Path, composed: bytes, said: Mapping[str, Any]) -> None:
    """Write the files, with all digits of the weights.

    Args:
        folder: where to.
        composed: the model as an ONNX file.
        said: what it says of itself, kept in the runtime information under :data:`goodsight.exporting.contract.KEY`.

    """
    import openvino as ov

    model = ov.Core().read_model(composed)
    model.set_rt_info(json.dumps(said), [contract.KEY])
    ov.save_model(model, str(folder / _NAME), compress_to_fp16=False)


def answered(folder: Path, pixels: Pixels, batch: int = 16) -> dict[str, Floats]:
    """What the files answer for photos (n, size, size, 3), by the name of the output, in float32."""
    import openvino as ov

    compiled = ov.Core().compile_model(str(folder / _NAME), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    parts = [compiled({0: pixels[i : i + batch]}) for i in range(0, len(pixels), batch)]
    found = {output: np.concatenate([part[output] for part in parts]) for output in compiled.outputs}
    # An output has every name that its values went by.
    return {name: np.asarray(values, np.float32) for output, values in found.items() for name in output.names}

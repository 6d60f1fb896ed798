"""A torch module that takes photos becomes an ONNX file."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def write(module: torch.nn.Module, side: int, path: Path, outputs: Sequence[str] = ("embedding",)) -> None:
    """Write a module that turns uint8 RGB (n, side, side, 3) into float32 (n, ...), in evaluation mode.

    One that gives several is written with the names of its ``outputs``; an engine answers with the first.
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
            output_names=list(outputs),
            dynamic_axes={name: {0: "n"} for name in ("pixels", *outputs)},
        )

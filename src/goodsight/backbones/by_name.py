"""A network by its name on the command line."""

from __future__ import annotations

from pathlib import Path

from goodsight.backbones.backbone import Backbone


def load(name: str = "lite0", *, size: int = 0, views: int = 1, colours: bool = False, grey: bool = False) -> Backbone:
    """A network to be used as it is; its ONNX file is made on the first use and kept in the cache folder.

    Args:
        name: ``lite0``, the default; ``hf:NAME`` for a hub's model or a folder with one; or a path to an .onnx file.
        size: side of the square that the network looks at, in pixels; 0 for the backbone's own.
        views: 1, or 2 to embed the centre of the photo as well and take the mean.
        colours: tell the product's colours in a block of their own; for lite0 only.
        grey: the same, but look at photos without their colours; for lite0 only.

    Raises:
        EngineError: unknown name, a size that the network cannot take, or what it takes is not installed.

    """
    from goodsight.errors import EngineError

    if name == "lite0":
        from goodsight.backbones import lite0_file

        return lite0_file.backbone(size, views, colours=colours, grey=grey)
    if views == 2:
        raise EngineError(f"`views` 2: only for lite0, not for `network` {name}")
    if name.startswith("hf:"):
        from goodsight.backbones import hub

        return hub.backbone(name.removeprefix("hf:"), size)
    if name.endswith(".onnx"):
        from goodsight.backbones import onnx_file

        return onnx_file.backbone(Path(name), size)
    raise EngineError(f"`network` {name}: not known; use lite0, hf:NAME or a path to an .onnx file")

"""Backbone by name: an ONNX network that turns pixels into an embedding, and the rules that go with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from goodsight.photos import Resize


@dataclass(frozen=True)
class Block:
    """A run of embedding columns from one stage, and how much it weighs in distances."""

    name: str
    width: int
    weight: float


@dataclass(frozen=True)
class Backbone:
    """What the rest of the program needs to know of a network; the pixels-to-embedding part is in the ONNX file.

    A block called ``imagenet`` holds the 1000 logits of the ImageNet head, which name what a photo shows.
    """

    name: str
    network: Path
    sha256: str
    resize: Resize
    blocks: tuple[Block, ...]

    @property
    def width(self) -> int:
        """Columns of an embedding."""
        return sum(block.width for block in self.blocks)

    def columns(self, name: str) -> slice | None:
        """Where a block lies in the embedding, or None when the network has no such block."""
        start = 0
        for block in self.blocks:
            if block.name == name:
                return slice(start, start + block.width)
            start += block.width
        return None

    def to_json(self) -> dict[str, Any]:
        """As ``model.json`` keeps it."""
        blocks = [{"name": b.name, "width": b.width, "weight": b.weight} for b in self.blocks]
        return {"name": self.name, "sha256": self.sha256, "resize": self.resize.to_json(), "blocks": blocks}

    @classmethod
    def from_json(cls, record: dict[str, Any], network: Path) -> Backbone:
        """The reverse of :meth:`to_json`, for the network file of a model folder."""
        blocks = tuple(Block(b["name"], int(b["width"]), float(b["weight"])) for b in record["blocks"])
        return cls(record["name"], network, record["sha256"], Resize.from_json(record["resize"]), blocks)


def load(name: str = "lite0", *, size: int = 0, views: int = 1, colours: bool = False, grey: bool = False) -> Backbone:
    """A network to be used as it is; exported on the first use and kept in the cache folder.

    Args:
        name: ``lite0``, the default; ``hf:NAME`` for a hub's model or a folder with one; or a path to an .onnx file.
        size: side of the square that the network looks at, in pixels; 0 for the backbone's own.
        views: 1, or 2 to embed the centre of the photo as well and take the mean.
        colours: tell the product's colours in a block of their own; for lite0 only.
        grey: the same, but look at photos without their colours; for lite0 only.

    Raises:
        EngineError: unknown name, a size that the network cannot take, or the ``train`` extra is not installed.

    """
    from goodsight.errors import EngineError

    if name == "lite0":
        from goodsight.backbones import lite0

        return lite0.backbone(size, views, colours=colours, grey=grey)
    if views == 2:
        raise EngineError(f"--views 2: only for lite0, not for --network {name}")
    if name.startswith("hf:"):
        from goodsight.backbones import hub

        return hub.backbone(name.removeprefix("hf:"), size)
    if name.endswith(".onnx"):
        from goodsight.backbones import onnx_file

        return onnx_file.backbone(Path(name), size)
    raise EngineError(f"--network {name}: not known; use lite0, hf:NAME or a path to an .onnx file")


@cache
def imagenet_names() -> tuple[str, ...]:
    """The 1000 ImageNet class names, in the order of the logits."""
    text = files("goodsight.backbones").joinpath("imagenet_names.txt").read_text(encoding="utf-8")
    return tuple(text.split("\n")[:1000])


def common_names(backbone: Backbone, vectors: npt.NDArray[np.floating]) -> list[str]:
    """What the network itself would call each photo of some embeddings (n, width), '' when it has no names."""
    columns = backbone.columns("imagenet")
    if columns is None:
        return [""] * len(vectors)
    return [imagenet_names()[i] for i in vectors[:, columns].argmax(axis=1)]


def file_sha256(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

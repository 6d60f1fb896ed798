"""What the rest of the program needs to know of a network."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goodsight.arrays import Half
from goodsight.backbones.naming import Named, Naming
from goodsight.photos.resize import Resize


@dataclass(frozen=True)
class Block:
    """A run of embedding columns from one stage, and how much it weighs in distances."""

    name: str
    width: int
    weight: float


@dataclass(frozen=True)
class Backbone:
    """What the rest of the program needs to know of a network; the pixels-to-embedding part is in the ONNX file.

    A block called ``imagenet`` holds the 1000 logits of the ImageNet head, which name what a photo shows. With a
    ``naming`` the embedding of a photo is the network's with what the photo's words add to its blocks ``classes`` and
    ``place``: see :meth:`worded`.
    """

    name: str
    network: Path
    sha256: str
    resize: Resize
    blocks: tuple[Block, ...]
    naming: Naming | None = None

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

    def worded(self, vectors: Half, named: Sequence[Named | None]) -> Half:
        """The network's embeddings (n, width) with what the words of each photo add; None adds nothing."""
        scores, place = self.columns("classes"), self.columns("place")
        vectors = vectors.copy()
        for vector, found in zip(vectors, named, strict=True):
            if self.naming and found:
                vector[scores], vector[place] = self.naming.add(vector[scores], vector[place], found)
        return vectors

    def to_json(self) -> dict[str, Any]:
        """As ``model.json`` keeps it."""
        blocks = [{"name": b.name, "width": b.width, "weight": b.weight} for b in self.blocks]
        said = {"name": self.name, "sha256": self.sha256, "resize": self.resize.to_json(), "blocks": blocks}
        return said | {"naming": self.naming.to_json()} if self.naming else said

    @classmethod
    def from_json(cls, record: dict[str, Any], network: Path) -> Backbone:
        """The reverse of :meth:`to_json`, for the network file of a model folder."""
        blocks = tuple(Block(b["name"], int(b["width"]), float(b["weight"])) for b in record["blocks"])
        naming = Naming.from_json(record["naming"]) if "naming" in record else None
        return cls(record["name"], network, record["sha256"], Resize.from_json(record["resize"]), blocks, naming)


def file_sha256(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""A cache of a network without weights, filled with photos that are numbers: each with its own hash and vector."""

import hashlib
from pathlib import Path

import numpy as np

from goodsight.backbones.backbone import Backbone, Block
from goodsight.catalog.rows import Row
from goodsight.embedding.cache import Cache
from goodsight.embedding.table import Embedded
from goodsight.photos.resize import Resize

WIDTH = 8


class Named:
    """As much of an engine as the cache asks for."""

    name, precision = "none", "f32"


def opened(network: str = "tiny") -> Cache:
    backbone = Backbone(network, Path("none"), network.encode().hex(), Resize(32, "pad"), (Block("all", WIDTH, 1.0),))
    return Cache(backbone, Named())  # type: ignore[arg-type]


def digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def photo(number: int) -> Embedded:
    return Embedded(
        Row("", Path()), digest(number), np.full(WIDTH, number, np.float16), np.full(256, number % 256, np.uint8)
    )


def fill(cache: Cache, *numbers: int) -> Cache:
    for number in numbers:
        cache.put(photo(number))
    cache.flush()
    return cache


def found(cache: Cache, most: int = 600) -> list[int]:
    """The numbers below ``most`` that are there, each with its own vector."""
    there = {i: cache.get(digest(i)) for i in range(most)}
    for i, entry in there.items():
        assert entry is None or (entry[0] == i).all()
        assert entry is None or (entry[1] == i % 256).all()
    return [i for i, entry in there.items() if entry]

"""Embedding columns are brought to one scale before a head looks at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Array, Doubles, Half, Vectors
from goodsight.backbones.backbone import Block
from goodsight.embedding.filed import BLOCK, Embeddings
from goodsight.embedding.filed import blocks as blocks_of
from goodsight.embedding.twins import sketch

_CLIP = 6.0


VIEWS: Mapping[str, Mapping[str, float]] = {"colour": {"colour": 1.0}}
"""What a head may look at instead of all blocks by their own weights: the blocks of each view, with their weights."""


@dataclass(frozen=True)
class Scaler:
    """Brings embedding columns to zero mean, clips outliers at 6 sigma and weighs blocks; mean squared length is 1."""

    mean: Array
    scale: Array
    bound: Array

    @classmethod
    def fit(cls, vectors: Embeddings, blocks: Sequence[Block]) -> Scaler:
        """Learn the statistics of vectors (n, width)."""
        return cls._of(_weights(blocks), _statistics(vectors))

    @classmethod
    def _of(cls, weight: Doubles, statistics: tuple[Doubles, Doubles]) -> Scaler:
        mean, spread = statistics
        return cls(mean.astype(np.float32), (weight / spread).astype(np.float32), (weight * _CLIP).astype(np.float32))

    @classmethod
    def none(cls, width: int) -> Scaler:
        """Leaves vectors as they are."""
        one = np.ones(width, np.float32)
        return cls(0 * one, one, np.inf * one)

    def learnt_anew(self, vectors: Embeddings) -> Scaler:
        """The same weights of the columns, with the statistics of other vectors (n, width)."""
        return Scaler._of(self.bound.astype(np.float64) / _CLIP, _statistics(vectors))

    def tensors(self) -> dict[str, Array]:
        """What the model folder keeps of it."""
        return {"mean": self.mean, "scale": self.scale, "bound": self.bound}

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, npt.NDArray[Any]]) -> Scaler:
        """The scaler that the model folder kept.

        Raises:
            KeyError: a tensor is not there.

        """
        return cls(tensors["mean"], tensors["scale"], tensors["bound"])

    def __call__(self, vectors: Vectors) -> Array:
        """Standardised vectors (n, width), float32."""
        x = vectors.astype(np.float32)
        x -= self.mean
        x *= self.scale
        return np.clip(x, -self.bound, self.bound, out=x)


def scalers(vectors: Embeddings, blocks: Sequence[Block]) -> dict[str, Scaler]:
    """The scaler of each view that these blocks allow, learnt from vectors (n, width); '' is the view of all."""
    statistics = _statistics(vectors)
    found = {"": Scaler._of(_weights(blocks), statistics)}
    for view, weights in VIEWS.items():
        if weights.keys() <= {block.name for block in blocks}:
            own = [replace(b, weight=weights.get(b.name, 0.0)) for b in blocks]
            found[view] = Scaler._of(_weights(own), statistics)
    return found


def sketched(scaler: Scaler, vectors: Embeddings) -> Half:
    """What twins of standardised vectors are found by (n, 256), made some thousand at a time."""
    if len(vectors) <= BLOCK:
        return sketch(scaler(vectors[:]))
    return np.concatenate([sketch(scaler(block)) for block in blocks_of(vectors)])


def _weights(blocks: Sequence[Block]) -> Doubles:
    """What each column weighs (width,)."""
    weight = np.concatenate([np.full(b.width, b.weight / np.sqrt(b.width)) for b in blocks])
    return np.asarray(weight / np.sqrt(sum(b.weight**2 for b in blocks)))


def _statistics(vectors: Embeddings) -> tuple[Doubles, Doubles]:
    """Mean and standard deviation of each column (width,), the latter never 0."""
    # In chunks, summed up in double precision: a big catalog is not held a second time, and nothing is lost.
    starts = range(0, len(vectors), 1024)
    mean = sum(vectors[i : i + 1024].sum(axis=0, dtype=np.float32).astype(np.float64) for i in starts) / len(vectors)
    away = (vectors[i : i + 1024].astype(np.float32) - mean.astype(np.float32) for i in starts)
    variance = sum(np.einsum("ij,ij->j", a, a).astype(np.float64) for a in away) / len(vectors)
    return mean, np.sqrt(variance) + 1e-6

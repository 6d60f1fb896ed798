"""Embedding columns are brought to one scale before a head looks at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Array, Doubles, Vectors
from goodsight.backbones.backbone import Block

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
    def fit(cls, vectors: Vectors, blocks: Sequence[Block]) -> Scaler:
        """Learn the statistics of vectors (n, width)."""
        weight = np.concatenate([np.full(b.width, b.weight / np.sqrt(b.width)) for b in blocks])
        return cls._weighing(weight / np.sqrt(sum(b.weight**2 for b in blocks)), vectors)

    @classmethod
    def _weighing(cls, weight: Doubles, vectors: Vectors) -> Scaler:
        # In chunks, summed up in double precision: a big catalog is not held a second time, and nothing is lost.
        chunks = [vectors[i : i + 1024] for i in range(0, len(vectors), 1024)]
        mean = sum(c.sum(axis=0, dtype=np.float32).astype(np.float64) for c in chunks) / len(vectors)
        away = (c.astype(np.float32) - mean.astype(np.float32) for c in chunks)
        spread = np.sqrt(sum(np.einsum("ij,ij->j", a, a).astype(np.float64) for a in away) / len(vectors)) + 1e-6
        return cls(mean.astype(np.float32), (weight / spread).astype(np.float32), (weight * _CLIP).astype(np.float32))

    @classmethod
    def none(cls, width: int) -> Scaler:
        """Leaves vectors as they are."""
        one = np.ones(width, np.float32)
        return cls(0 * one, one, np.inf * one)

    def learnt_anew(self, vectors: Vectors) -> Scaler:
        """The same weights of the columns, with the statistics of other vectors (n, width)."""
        return Scaler._weighing(self.bound.astype(np.float64) / _CLIP, vectors)

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


def scalers(vectors: Vectors, blocks: Sequence[Block]) -> dict[str, Scaler]:
    """The scaler of each view that these blocks allow, learnt from vectors (n, width); '' is the view of all."""
    found = {"": Scaler.fit(vectors, blocks)}
    for view, weights in VIEWS.items():
        if weights.keys() <= {block.name for block in blocks}:
            found[view] = Scaler.fit(vectors, [replace(b, weight=weights.get(b.name, 0.0)) for b in blocks])
    return found

"""Cosine heads: angles to class means in a space where the spread within classes is even."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Array, Half, Vectors
from goodsight.heads import discriminant
from goodsight.heads.examples import Examples
from goodsight.heads.head import Learnt, Setting, landmarks_of, stored
from goodsight.heads.kernels import unit
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen

MAIN = 800
"""How many main directions it looks at."""


@dataclass(frozen=True)
class Cosine(Learnt):
    """Scores ``unit(x @ landmarks.T) @ weights`` of standardised vectors.

    Attributes:
        landmarks: the rows of a projection (k, width).
        weights: unit class means in its image (k, C).

    """

    landmarks: Array
    weights: Array

    def __call__(self, vectors: Vectors) -> Array:
        """Scores (n, classes) of embeddings (n, width)."""
        return np.asarray(unit(self.scaler(vectors) @ self.landmarks.T) @ self.weights)

    @classmethod
    def learn(cls, setting: Setting, scaler: Scaler, examples: Examples) -> tuple[Self, Array]:
        """The head, and its out-of-fold scores (n, C)."""
        x = scaler(examples.vectors)
        basis = discriminant.principal(x, MAIN)
        whiten, means, scores = discriminant.learn(x @ basis, examples, setting.penalty, setting.aside)
        return cls(setting, scaler, np.ascontiguousarray((basis @ whiten).T), means), scores

    @staticmethod
    def out_of_fold(setting: Setting, seen: Seen) -> Array:
        """Scores (n, C) as a candidate, which looks at fewer directions."""
        return discriminant.learn(seen.main, seen.examples, setting.penalty, setting.aside)[2]

    def tensors(self) -> dict[str, Array | Half]:
        """What the model folder keeps of it."""
        return stored(self.scaler, self.weights, self.landmarks)

    @classmethod
    def of_tensors(cls, setting: Setting, tensors: Mapping[str, npt.NDArray[Any]], own: slice) -> Self:
        """The head that the model folder kept."""
        return cls(setting, Scaler.of_tensors(tensors), landmarks_of(tensors), tensors["weights"])

"""Cosine heads: angles to class means in a space where the spread within classes is even."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Array, Half, Vectors
from goodsight.heads import discriminant
from goodsight.heads.head import UNSCORED, Learnt, Setting, landmarks_of, stored
from goodsight.heads.kernels import each_alone, unit
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen
from goodsight.heads.streamed import Streamed


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
        return each_alone(unit(each_alone(self.scaler(vectors), self.landmarks)), self.weights.T)

    @classmethod
    def learn(cls, setting: Setting, seen: Seen, *, scored: bool = True) -> tuple[Self, Array]:
        """The head, and its out-of-fold scores (n, C)."""
        if not seen.streamed:
            learnt = discriminant.learn(seen.main, seen.examples, setting.penalty, setting.aside)
            return cls._of(setting, seen, *learnt), cls.out_of_fold(setting, seen) if scored else UNSCORED
        sums = Streamed.of(seen.low, seen.examples, aside=bool(setting.aside))
        head = cls._of(setting, seen, *sums.head(setting.penalty, setting.aside))
        return head, sums.scores(setting.penalty, setting.aside) if scored else UNSCORED

    @classmethod
    def _of(cls, setting: Setting, seen: Seen, whiten: Array, means: Array) -> Self:
        return cls(setting, seen.scaler, np.ascontiguousarray((seen.basis @ whiten).T), means)

    @classmethod
    def out_of_fold(cls, setting: Setting, seen: Seen) -> Array:
        """Its out-of-fold scores (n, C)."""
        if seen.streamed:
            return super().out_of_fold(setting, seen)
        return discriminant.out_of_fold(seen.main, seen.examples, setting.penalty, setting.aside)

    def tensors(self) -> dict[str, Array | Half]:
        """What the model folder keeps of it."""
        return stored(self.scaler, self.weights, self.landmarks)

    @classmethod
    def of_tensors(cls, setting: Setting, tensors: Mapping[str, npt.NDArray[Any]], own: slice) -> Self:
        """The head that the model folder kept."""
        return cls(setting, Scaler.of_tensors(tensors), landmarks_of(tensors), tensors["weights"])

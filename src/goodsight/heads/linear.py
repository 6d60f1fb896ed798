"""Linear heads: a ridge to the classes, which keeps no photos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Array, Half, Ints, Vectors
from goodsight.heads import ridge
from goodsight.heads.examples import Examples
from goodsight.heads.head import Learnt, Setting, stored
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen


@dataclass(frozen=True)
class Linear(Learnt):
    """Scores ``x @ weights`` of standardised vectors; the weights are (width, C)."""

    weights: Array

    def __call__(self, vectors: Vectors) -> Array:
        """Scores (n, classes) of embeddings (n, width)."""
        return np.asarray(self.scaler(vectors) @ self.weights)

    @classmethod
    def learn(cls, setting: Setting, scaler: Scaler, examples: Examples) -> tuple[Self, Array]:
        """The head, and its out-of-fold scores (n, C)."""
        targets, penalty = ridge.one_hot(examples.labels), setting.penalty * ridge.ease(examples)
        if len(examples) > ridge.EXACT:

            def features(rows: Ints) -> Array:
                return scaler(examples.vectors[rows])

            weights, scores = ridge.solve_primal(features, targets, examples.folds, penalty)
            return cls(setting, scaler, weights), scores
        x = scaler(examples.vectors)
        dual, scores = ridge.solve_dual(x @ x.T, targets, examples.folds, penalty, examples.hidden)
        return cls(setting, scaler, np.asarray(x.T @ dual)), scores

    @staticmethod
    def out_of_fold(setting: Setting, seen: Seen) -> Array:
        """Scores (n, C) as a candidate."""
        given, penalty = seen.examples, setting.penalty * seen.ease
        kernel, targets = seen.x @ seen.x.T, ridge.one_hot(given.labels)
        return ridge.solve_dual(kernel, targets, given.folds, penalty, given.hidden)[1]

    def tensors(self) -> dict[str, Array | Half]:
        """What the model folder keeps of it."""
        return stored(self.scaler, self.weights, np.empty((0, len(self.weights)), np.float32))

    @classmethod
    def of_tensors(cls, setting: Setting, tensors: Mapping[str, npt.NDArray[Any]], own: slice) -> Self:
        """The head that the model folder kept."""
        return cls(setting, Scaler.of_tensors(tensors), tensors["weights"])

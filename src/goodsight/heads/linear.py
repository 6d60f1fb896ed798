"""Linear heads: a ridge to the classes, which keeps no photos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Array, Half, Vectors
from goodsight.heads import ridge
from goodsight.heads.head import Learnt, Setting, stored
from goodsight.heads.kernels import each_alone
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen


@dataclass(frozen=True)
class Linear(Learnt):
    """Scores ``x @ weights`` of standardised vectors; the weights are (width, C)."""

    weights: Array

    def __call__(self, vectors: Vectors) -> Array:
        """Scores (n, classes) of embeddings (n, width)."""
        return each_alone(self.scaler(vectors), self.weights.T)

    @classmethod
    def learn(cls, setting: Setting, seen: Seen, *, scored: bool = True) -> tuple[Self, Array]:
        """The head, and its out-of-fold scores (n, C)."""
        examples = seen.examples
        targets, penalty = ridge.one_hot(examples.labels), setting.penalty * seen.ease
        if len(examples) > ridge.EXACT:
            weights, scores = ridge.solve_primal(seen.rows, targets, examples.folds, penalty, scored=scored)
            return cls(setting, seen.scaler, weights), scores
        dual, scores = ridge.solve_dual(seen.products.copy(), targets, examples.folds, penalty, examples.hidden)
        return cls(setting, seen.scaler, np.asarray(seen.x.T @ dual)), scores

    def tensors(self) -> dict[str, Array | Half]:
        """What the model folder keeps of it."""
        return stored(self.scaler, self.weights, np.empty((0, len(self.weights)), np.float32))

    @classmethod
    def of_tensors(cls, setting: Setting, tensors: Mapping[str, npt.NDArray[Any]], own: slice) -> Self:
        """The head that the model folder kept."""
        return cls(setting, Scaler.of_tensors(tensors), tensors["weights"])

"""Kernel heads: a ridge on the RBF kernel to the training photos or, of very many, to landmarks among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import linalg

from goodsight.arrays import Array, Half, Ints, Vectors
from goodsight.heads import ridge
from goodsight.heads.head import Learnt, Setting, landmarks_of, stored
from goodsight.heads.kernels import each_alone, rbf, root, squared_distances, squared_lengths
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen


@dataclass(frozen=True)
class Kernel(Learnt):
    """Scores ``rbf(x, landmarks) @ weights`` of standardised vectors.

    Attributes:
        landmarks: standardised training photos (k, width).
        weights: of their nearness (k, C).

    """

    landmarks: Array
    weights: Array

    def __call__(self, vectors: Vectors) -> Array:
        """Scores (n, classes) of embeddings (n, width)."""
        x = self.scaler(vectors)
        squared = squared_distances(x, self.landmarks, self._lengths, each_alone(x, self.landmarks))
        return each_alone(rbf(squared, self.setting.gamma), self.weights.T)

    @cached_property
    def _lengths(self) -> Array:
        """Squared lengths of the landmarks: for a small batch, working them out would cost as much as the answer."""
        return squared_lengths(self.landmarks)

    @classmethod
    def learn(cls, setting: Setting, seen: Seen, *, scored: bool = True) -> tuple[Self, Array]:
        """The head, and its out-of-fold scores (n, C)."""
        examples = seen.examples
        targets, penalty = ridge.one_hot(examples.labels), setting.penalty * seen.ease
        if len(examples) > ridge.EXACT:
            return cls._of_landmarks(setting, seen, targets, penalty, scored=scored)
        kernel = rbf(seen.squared, setting.gamma)
        dual, scores = ridge.solve_dual(kernel, targets, examples.folds, penalty, examples.hidden)
        return cls(setting, seen.scaler, seen.x, dual), scores

    @classmethod
    def _of_landmarks(
        cls, setting: Setting, seen: Seen, targets: Array, penalty: Array, *, scored: bool
    ) -> tuple[Self, Array]:
        """The same with the kernel kept to landmarks.

        This is the Nystroem method (Williams and Seeger 2001, Using the Nystroem Method to Speed Up Kernel Machines).
        """
        gamma, landmarks = setting.gamma, seen.landmarks(ridge.EXACT // 2)
        lower = root(landmarks, gamma)

        def features(rows: Ints) -> Array:
            near = rbf(squared_distances(landmarks, seen.rows(rows)), gamma)
            return np.asarray(linalg.solve_triangular(lower, near, lower=True, overwrite_b=True).T)

        weights, scores = ridge.solve_primal(features, targets, seen.examples.folds, penalty, scored=scored)
        weights = np.asarray(linalg.solve_triangular(lower, weights, lower=True, trans=1))
        return cls(setting, seen.scaler, landmarks, weights), scores

    def tensors(self) -> dict[str, Array | Half]:
        """What the model folder keeps of it."""
        return stored(self.scaler, self.weights, self.landmarks)

    @classmethod
    def of_tensors(cls, setting: Setting, tensors: Mapping[str, npt.NDArray[Any]], own: slice) -> Self:
        """The head that the model folder kept."""
        return cls(setting, Scaler.of_tensors(tensors), landmarks_of(tensors), tensors["weights"])

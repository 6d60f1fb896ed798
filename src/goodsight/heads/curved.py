"""Curved cosine heads: angles to class means among RBF features, where the spread within classes is even."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import linalg

from goodsight.arrays import Array, Half, Ints, Vectors
from goodsight.heads import discriminant, streamed
from goodsight.heads.head import UNSCORED, Learnt, Setting, landmarks_of, stored
from goodsight.heads.kernels import each_alone, rbf, root, squared_distances, squared_lengths, unit
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen
from goodsight.heads.streamed import Streamed

LANDMARKS = 800


MAIN = 200
"""How many main directions of the RBF features it looks at."""


@dataclass(frozen=True)
class Curved(Learnt):
    """Scores ``unit(rbf(x, landmarks) @ mix + shift) @ weights`` of standardised vectors.

    Attributes:
        landmarks: standardised training photos (m, width).
        weights: unit class means (k, C).
        mix: of their nearness (m + 1, k); the last row is the shift.

    """

    landmarks: Array
    weights: Array
    mix: Array

    def __call__(self, vectors: Vectors) -> Array:
        """Scores (n, classes) of embeddings (n, width)."""
        x = self.scaler(vectors)
        squared = squared_distances(x, self.landmarks, self._lengths, each_alone(x, self.landmarks))
        low = each_alone(rbf(squared, self.setting.gamma), self.mix[:-1].T) + self.mix[-1]
        return each_alone(unit(low), self.weights.T)

    @cached_property
    def _lengths(self) -> Array:
        """Squared lengths of the landmarks: for a small batch, working them out would cost as much as the answer."""
        return squared_lengths(self.landmarks)

    @classmethod
    def learn(cls, setting: Setting, seen: Seen, *, scored: bool = True) -> tuple[Self, Array]:
        """The head, and its out-of-fold scores (n, C)."""
        if seen.streamed:
            return cls._streamed(setting, seen, scored=scored)
        landmarks, mix, low = bent(seen.x, setting.gamma)
        whiten, means = discriminant.learn(low, seen.examples, setting.penalty, setting.aside)
        head = cls(setting, seen.scaler, landmarks, means, np.asarray(mix @ whiten))
        if not scored:
            return head, UNSCORED
        return head, discriminant.out_of_fold(low, seen.examples, setting.penalty, setting.aside)

    @classmethod
    def _streamed(cls, setting: Setting, seen: Seen, *, scored: bool) -> tuple[Self, Array]:
        landmarks = seen.landmarks(LANDMARKS)
        mix = bent_by_blocks(seen, landmarks, setting.gamma)

        def low(rows: Ints) -> Array:
            near = rbf(squared_distances(seen.rows(rows), landmarks), setting.gamma)
            return np.asarray(near @ mix[:-1] + mix[-1])

        sums = Streamed.of(low, seen.examples, aside=bool(setting.aside))
        whiten, means = sums.head(setting.penalty, setting.aside)
        head = cls(setting, seen.scaler, landmarks, means, np.asarray(mix @ whiten))
        return head, sums.scores(setting.penalty, setting.aside) if scored else UNSCORED

    def tensors(self) -> dict[str, Array | Half]:
        """What the model folder keeps of it."""
        return stored(self.scaler, self.weights, self.landmarks, self.mix)

    @classmethod
    def of_tensors(cls, setting: Setting, tensors: Mapping[str, npt.NDArray[Any]], own: slice) -> Self:
        """The head that the model folder kept."""
        return cls(setting, Scaler.of_tensors(tensors), landmarks_of(tensors), tensors["weights"], tensors["mix"])


def bent(x: Array, gamma: float) -> tuple[Array, Array, Array]:
    """The main RBF features of standardised vectors (n, width), kept to landmarks as by the Nystroem method.

    Returns:
        Landmarks (m, width), the mix (m + 1, k) of their nearness that makes the features, with a shift as its last
        row, and the features (n, k) themselves, which have the mean 0.

    """
    landmarks = x[np.random.default_rng(0).permutation(len(x))[:LANDMARKS]]
    lower = root(landmarks, gamma)
    near = rbf(squared_distances(x, landmarks), gamma)
    centre = near.mean(axis=0)
    near -= centre
    features = linalg.solve_triangular(lower, near.T, lower=True).T
    mix = linalg.solve_triangular(lower, discriminant.principal(features, MAIN), lower=True, trans=1)
    return landmarks, np.vstack([mix, -centre @ mix]).astype(np.float32), np.asarray(near @ mix, np.float32)


def bent_by_blocks(seen: Seen, landmarks: Array, gamma: float) -> Array:
    """The mix as by :func:`bent`, of photos that are looked at some thousand at a time.

    Args:
        seen: the photos.
        landmarks: standardised photos (m, width).
        gamma: of the kernel.

    """
    lower = root(landmarks, gamma)

    def near() -> Iterator[Array]:
        return (rbf(squared_distances(block, landmarks), gamma) for block in seen.blocks())

    centre = sum((some.sum(axis=0, dtype=np.float64) for some in near()), start=np.zeros(len(landmarks)))
    centre = np.asarray(centre / len(seen.examples), np.float32)
    features = (linalg.solve_triangular(lower, (some - centre).T, lower=True).T for some in near())
    mix = linalg.solve_triangular(lower, streamed.principal(features, len(landmarks), MAIN), lower=True, trans=1)
    return np.vstack([mix, -centre @ mix]).astype(np.float32)

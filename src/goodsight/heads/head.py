"""What turns embeddings into scores of classes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from goodsight.arrays import Array, Vectors
from goodsight.heads.kernels import rbf, squared_distances, squared_lengths, unit
from goodsight.heads.scaler import Scaler

Kind = Literal["linear", "kernel", "cosine", "curved", "network"]


@dataclass(frozen=True)
class Setting:
    """One candidate.

    Attributes:
        kind: of the head.
        gamma: of the RBF kernel; 0 for heads without one.
        penalty: of the ridge, or the shrinkage.
        view: what the head looks at, '' for all blocks or one of :data:`VIEWS`.
        aside: how many times the spread between the cells of a class counts as spread within it, for ``cosine`` and
            ``curved``.
        grey: whether copies of the photos, without their colours, are trained on as well, for the same.

    """

    kind: Kind
    gamma: float
    penalty: float
    view: str = ""
    aside: float = 0.0
    grey: bool = False


@dataclass(frozen=True)
class Head:
    """What turns standardised vectors ``x`` into scores.

    ``linear``: ``x @ weights``. ``kernel``: ``rbf(x, landmarks) @ weights``. ``cosine``: the landmarks are the rows of
    a projection (k, width), the weights unit class means (k, C), and the scores ``unit(x @ landmarks.T) @ weights``.
    ``curved``: as cosine, with ``rbf(x, landmarks) @ mix + shift`` for the projection; the shift is the last row of
    ``mix`` (landmarks + 1, k).
    ``network``: the scores that the network itself gives, which are the columns ``own`` of the vectors.
    """

    setting: Setting
    scaler: Scaler
    landmarks: Array
    weights: Array
    own: slice = field(default_factory=lambda: slice(0, 0))
    mix: Array = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def __call__(self, vectors: Vectors) -> Array:
        """Scores (n, classes) of embeddings (n, width)."""
        if self.setting.kind == "network":
            return np.asarray(vectors[:, self.own], np.float32)
        x = self.scaler(vectors)
        if self.setting.kind == "linear":
            return np.asarray(x @ self.weights)
        if self.setting.kind == "cosine":
            return np.asarray(unit(x @ self.landmarks.T) @ self.weights)
        near = rbf(squared_distances(x, self.landmarks, self._lengths), self.setting.gamma)
        if self.setting.kind == "curved":
            return np.asarray(unit(near @ self.mix[:-1] + self.mix[-1]) @ self.weights)
        return np.asarray(near @ self.weights)

    @cached_property
    def _lengths(self) -> Array:
        """Squared lengths of the landmarks: for a small batch, working them out would cost as much as the answer."""
        return squared_lengths(self.landmarks)


def of_network(scaler: Scaler, own: slice) -> Head:
    """The head of a network that was trained for the classes: its own scores, in the columns ``own``."""
    none = np.empty((0, 0), np.float32)
    return Head(Setting("network", 0.0, 0.0), scaler, none, none, own)

"""The head of a network that was trained for the classes: it gives the network's own scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Array, Half, Vectors
from goodsight.heads.head import Head, Setting, stored
from goodsight.heads.scaler import Scaler


@dataclass(frozen=True)
class Network(Head):
    """The scores are the columns ``own`` of the vectors. It is not learned here, but with the network."""

    own: slice

    @classmethod
    def of(cls, scaler: Scaler, own: slice) -> Self:
        """The head of a network that scores the classes in the columns ``own``."""
        return cls(Setting("network", 0.0, 0.0), scaler, own)

    def __call__(self, vectors: Vectors) -> Array:
        """Scores (n, classes) of embeddings (n, width)."""
        return np.asarray(vectors[:, self.own], np.float32)

    def tensors(self) -> dict[str, Array | Half]:
        """What the model folder keeps of it."""
        return stored(self.scaler)

    @classmethod
    def of_tensors(cls, setting: Setting, tensors: Mapping[str, npt.NDArray[Any]], own: slice) -> Self:
        """The head that the model folder kept."""
        return cls(setting, Scaler.of_tensors(tensors), own)

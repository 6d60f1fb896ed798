"""What turns embeddings into scores of classes, whatever its kind; each kind has its module."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Array, Half, Vectors
from goodsight.embedding.filed import BLOCK, Embeddings, blocks
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen

UNSCORED: Array = np.empty((0, 0), np.float32)
"""In place of scores that nobody wants."""


Kind = Literal["linear", "kernel", "cosine", "curved", "mixed", "network"]


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
        grey: whether copies of the photos, without their colours, are trained on as well.
        weight: what the scores count in a mixed head, for a part of one.
        parts: what a mixed head adds up; of other kinds none.

    """

    kind: Kind
    gamma: float
    penalty: float
    view: str = ""
    aside: float = 0.0
    grey: bool = False
    weight: float = 1.0
    parts: tuple[Setting, ...] = ()

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Setting:
        """What :func:`dataclasses.asdict` gave, once more.

        Raises:
            TypeError: something in it is no part of a setting.

        """
        return cls(**{**said, "parts": tuple(cls.of_json(part) for part in said.get("parts", ()))})


@dataclass(frozen=True)
class Head(ABC):
    """What turns embeddings into scores.

    Attributes:
        setting: how it was learned.
        scaler: standardises the embeddings; that of the setting's view.

    """

    setting: Setting
    scaler: Scaler

    @abstractmethod
    def __call__(self, vectors: Vectors) -> Array:
        """Scores (n, classes) of embeddings (n, width)."""

    @abstractmethod
    def tensors(self) -> dict[str, Array | Half]:
        """What the model folder keeps of the head; see :func:`stored`."""

    @classmethod
    @abstractmethod
    def of_tensors(cls, setting: Setting, tensors: Mapping[str, npt.NDArray[Any]], own: slice) -> Self:
        """The head that the model folder kept.

        Args:
            setting: how it was learned.
            tensors: what :meth:`tensors` gave.
            own: the columns of the embeddings in which the network itself scores the classes, if it does.

        Raises:
            KeyError: a tensor is not there.

        """


@dataclass(frozen=True)
class Learnt(Head):
    """A head that is learned from embeddings, and chosen among others."""

    @classmethod
    @abstractmethod
    def learn(cls, setting: Setting, seen: Seen, *, scored: bool = True) -> tuple[Self, Array]:
        """The head, and its out-of-fold scores (n, classes); copies of the photos are not looked at.

        Args:
            setting: the candidate.
            seen: the photos.
            scored: whether scores are wanted; else what stands for them says nothing.

        Raises:
            numpy.linalg.LinAlgError: the embeddings are not finite.

        """

    @classmethod
    def alone(cls, setting: Setting, seen: Seen) -> Self:
        """The head that :meth:`learn` gives."""
        return cls.learn(setting, seen, scored=False)[0]

    @classmethod
    def out_of_fold(cls, setting: Setting, seen: Seen) -> Array:
        """The scores (n, classes) that :meth:`learn` gives."""
        return cls.learn(setting, seen)[1]


def scored(head: Head, vectors: Embeddings) -> Array:
    """Scores (n, classes) of embeddings (n, width), some thousand at a time."""
    if len(vectors) <= BLOCK:
        return head(vectors[:])
    return np.concatenate([head(block) for block in blocks(vectors)])


def stored(
    scaler: Scaler, weights: Array | None = None, landmarks: Array | None = None, mix: Array | None = None
) -> dict[str, Array | Half]:
    """What is kept of any head, by name: what a kind does not have is empty, and landmarks lose half their digits."""
    none = np.empty((0, 0), np.float32)
    return {
        **scaler.tensors(),
        "landmarks": (none if landmarks is None else landmarks).astype(np.float16),
        "weights": none if weights is None else weights,
        "mix": none if mix is None else mix,
    }


def landmarks_of(tensors: Mapping[str, npt.NDArray[Any]]) -> Array:
    """Landmarks as they were stored, one after the other, as :func:`goodsight.heads.kernels.each_alone` wants them.

    Raises:
        KeyError: there are none.

    """
    return np.ascontiguousarray(tensors["landmarks"], np.float32)

"""Every kind of head by its name; here settings find the class that they are for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from goodsight.arrays import Array
from goodsight.heads.cosine import Cosine
from goodsight.heads.curved import Curved
from goodsight.heads.examples import Examples
from goodsight.heads.head import Head, Kind, Learnt, Setting
from goodsight.heads.kernel import Kernel
from goodsight.heads.linear import Linear
from goodsight.heads.network import Network
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen

LEARNT: Mapping[Kind, type[Learnt]] = {"linear": Linear, "kernel": Kernel, "cosine": Cosine, "curved": Curved}
"""Those that are learned from embeddings."""


KINDS: Mapping[Kind, type[Head]] = {**LEARNT, "network": Network}


def train(setting: Setting, scaler: Scaler, examples: Examples) -> tuple[Head, Array]:
    """One candidate on photos: the head, and its out-of-fold scores (n, classes).

    A grey setting learns from the photos' copies as well, where there are any: each lies in its photo's fold, and is
    not answered.

    Args:
        setting: the candidate.
        scaler: that of the setting's view.
        examples: the photos (n); without ``others`` nothing is set aside.

    Raises:
        KeyError: heads of this kind are not learned from embeddings.

    """
    every = examples.with_grey() if setting.grey else examples
    head, scores = LEARNT[setting.kind].learn(setting, scaler, every)
    return head, scores[: len(examples)]


def out_of_fold(setting: Setting, seen: Seen) -> Array:
    """Out-of-fold scores (n, classes) of a candidate.

    Raises:
        KeyError: heads of this kind are not learned from embeddings.

    """
    return LEARNT[setting.kind].out_of_fold(setting, seen)


def of_tensors(setting: Setting, tensors: Mapping[str, npt.NDArray[Any]], own: slice) -> Head:
    """The head that a model folder kept; see :meth:`Head.of_tensors`.

    Raises:
        KeyError: there is no such kind, or a tensor is not there.

    """
    return KINDS[setting.kind].of_tensors(setting, tensors, own)

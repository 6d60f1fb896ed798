"""Every kind of head by its name; here settings find the class that they are for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Array
from goodsight.heads.cosine import Cosine
from goodsight.heads.curved import Curved
from goodsight.heads.examples import Examples
from goodsight.heads.folds import held
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
    return head, _apart(setting, scaler, examples) if examples.apart else scores[: len(examples)]


def out_of_fold(setting: Setting, seen: Seen) -> Array:
    """Out-of-fold scores (n, classes) of a candidate.

    Raises:
        KeyError: heads of this kind are not learned from embeddings.

    """
    if seen.examples.apart:
        return _apart(setting, seen.scaler, seen.examples)
    return LEARNT[setting.kind].out_of_fold(setting, seen)


def _apart(setting: Setting, scaler: Scaler, examples: Examples) -> Array:
    """Scores (n, classes), each from a head and a scaler that were learnt without the photo's fold.

    The quick ways to out-of-fold scores centre on all photos. A fold that is a large part of its class then lies where
    the others do not, and so says what it is. A class that only the fold has is answered last.
    """
    scores = np.empty((len(examples), int(examples.labels.max()) + 1), np.float32)
    every = np.arange(len(examples))
    for asked, away in held(examples.folds, examples.hidden):
        rest = examples.take(np.setdiff1d(every, away))
        known, labels = np.unique(rest.labels, return_inverse=True)
        # One fold: nobody asks what it says out-of-fold.
        rest = replace(rest, labels=labels, folds=np.zeros(len(rest), np.int64), hidden=None, apart=False)
        head, _ = train(setting, scaler.learnt_anew(rest.vectors), rest)
        answers = head(examples.vectors[asked])
        scores[asked] = answers.min(axis=1, keepdims=True) - 1
        scores[np.ix_(asked, known)] = answers
    return scores


def of_tensors(setting: Setting, tensors: Mapping[str, npt.NDArray[Any]], own: slice) -> Head:
    """The head that a model folder kept; see :meth:`Head.of_tensors`.

    Raises:
        KeyError: there is no such kind, or a tensor is not there.

    """
    return KINDS[setting.kind].of_tensors(setting, tensors, own)

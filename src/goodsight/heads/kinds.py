"""Every kind of head by its name; here settings find the class that they are for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Array
from goodsight.embedding.filed import taken
from goodsight.heads.cosine import Cosine
from goodsight.heads.curved import Curved
from goodsight.heads.examples import Examples
from goodsight.heads.head import Head, Kind, Learnt, Setting, scored
from goodsight.heads.kernel import Kernel
from goodsight.heads.linear import Linear
from goodsight.heads.mixed import Mixed, added
from goodsight.heads.network import Network
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Rest, Seen, rests

LEARNT: Mapping[Kind, type[Learnt]] = {"linear": Linear, "kernel": Kernel, "cosine": Cosine, "curved": Curved}
"""Those that are learned from embeddings."""


KINDS: Mapping[Kind, type[Head]] = {**LEARNT, "mixed": Mixed, "network": Network}


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
    if setting.parts:
        return mix(setting, [train(part, scaler, examples) for part in setting.parts])
    return learn(setting, Seen.of(scaler, examples.with_grey() if setting.grey else examples), examples)


def learn(setting: Setting, seen: Seen, examples: Examples) -> tuple[Head, Array]:
    """As by :func:`train`, of a setting without parts, from what several may share.

    Args:
        setting: the candidate.
        seen: the photos, with their copies for a grey setting.
        examples: the photos alone (n).

    Raises:
        KeyError: heads of this kind are not learned from embeddings.

    """
    kind = LEARNT[setting.kind]
    if examples.apart:
        return kind.alone(setting, seen), _apart(setting, examples, rests(seen.scaler, examples, grey=setting.grey))
    head, scores = kind.learn(setting, seen)
    return head, scores[: len(examples)]


def mix(setting: Setting, parts: Sequence[tuple[Head, Array]]) -> tuple[Head, Array]:
    """A mixed head and its out-of-fold scores (n, classes) from those of its parts, in the order of the setting's."""
    heads, scores = zip(*parts, strict=True)
    return Mixed(setting, heads[0].scaler, tuple(heads)), added(setting, scores)


def out_of_fold(setting: Setting, seen: Seen) -> Array:
    """Out-of-fold scores (n, classes) of a candidate, as :func:`train` gives them; copies are answered as well.

    Raises:
        KeyError: heads of this kind are not learned from embeddings.

    """
    if seen.examples.apart:
        return _apart(setting, seen.examples, seen.rests)
    return LEARNT[setting.kind].out_of_fold(setting, seen)


def _apart(setting: Setting, examples: Examples, without: Iterable[Rest]) -> Array:
    """Scores (n, classes), each from a head and a scaler that were learnt without the photo's fold.

    The quick ways to out-of-fold scores centre on all photos. A fold that is a large part of its class then lies where
    the others do not, and so says what it is. A class that only the fold has is answered last.
    """
    scores = np.empty((len(examples), int(examples.labels.max()) + 1), np.float32)
    for rest in without:
        answers = scored(LEARNT[setting.kind].alone(setting, rest.seen), taken(examples.filed, rest.asked))
        scores[rest.asked] = answers.min(axis=1, keepdims=True) - 1
        scores[np.ix_(rest.asked, rest.known)] = answers
    return scores


def of_tensors(setting: Setting, tensors: Mapping[str, npt.NDArray[Any]], own: slice) -> Head:
    """The head that a model folder kept; see :meth:`Head.of_tensors`.

    Raises:
        KeyError: there is no such kind, or a tensor is not there.

    """
    return KINDS[setting.kind].of_tensors(setting, tensors, own)

"""Which labels are probably wrong: by the out-of-fold answers of two heads that do not trust every label.

Both heads (RBF kernel and whitened cosine) are trained on grouped folds; labels that both together contradict are
doubted, and both are trained again without them (as in Northcutt et al. 2021, Confident Learning, but with the second
training in place of thresholds). The chance that a label is wrong follows by Bayes from the second answers and from
the share of wrong labels, which is estimated together with the chances (expectation maximisation). So an ambiguous
photo, whose label may well be right, is not taken for a wrong one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from goodsight.arrays import Bools, Doubles, Ints
from goodsight.embedding import filed
from goodsight.embedding.filed import Embeddings, Filed
from goodsight.heads import calibrate, discriminant, kinds, streamed
from goodsight.heads.examples import Examples
from goodsight.heads.head import Setting
from goodsight.heads.scaler import Scaler
from goodsight.progress import Progress, quiet

SETTINGS = (Setting("kernel", 0.5, 0.06), Setting("cosine", 0.0, 0.1))
COMPONENTS = 800
STEP = "doubt the labels"
_ROUNDS = 100


@dataclass(frozen=True)
class Doubts:
    """What speaks against the labels of ``n`` photos.

    Attributes:
        chance: that the label is wrong (n,).
        suggested: the class number that the heads would give (n,).
        probability: of that class (n,).
        contradicted: whether the first training already gave another class (n,).
        share: of labels that are wrong, estimated.

    """

    chance: Doubles
    suggested: Ints
    probability: Doubles
    contradicted: Bools
    share: float


def doubt(vectors: Embeddings, labels: Ints, folds: Ints, scaler: Scaler, progress: Progress = quiet) -> Doubts:
    """Doubt labels.

    Args:
        vectors: embeddings (n, width); those in a file are read some thousand at a time.
        labels: class numbers (n,), 0 to C - 1, each with at least one photo; C at least 2.
        folds: fold numbers (n,) that keep twins together.
        scaler: standardises the embeddings.
        progress: told the heads.

    """
    if len(np.unique(folds)) < 2:
        return nothing(labels)
    trainings = 2 * len(SETTINGS)
    progress(STEP, 0, trainings)
    low = _low(vectors, scaler)
    examples = Examples(low, labels, folds)
    first = _answers(examples, lambda done: progress(STEP, done, trainings))
    contradicted = first.argmax(axis=1) != labels
    # A class of which nothing is left would have no answer.
    for c in np.unique(labels):
        if contradicted[labels == c].all():
            contradicted[labels == c] = False
    again = replace(examples, doubted=contradicted if contradicted.any() else None)
    second = _answers(again, lambda done: progress(STEP, len(SETTINGS) + done, trainings))
    chance, share = wrong(second[np.arange(len(labels)), labels], second.shape[1])
    suggested = second.argmax(axis=1)
    return Doubts(chance, suggested, second[np.arange(len(labels)), suggested], contradicted, share)


def nothing(labels: Ints) -> Doubts:
    """No doubts about labels (n,), where they cannot be judged."""
    none = np.zeros(len(labels))
    return Doubts(none, labels, none + 1, none > 0, 0.0)


def wrong(own: Doubles, classes: int) -> tuple[Doubles, float]:
    """The chance (n,) that each label is wrong, and the share of wrong labels.

    Args:
        own: what a classifier that was not misled gives to the label that the photo has (n,).
        classes: how many there are; a wrong label is thought to be any of the others.

    """
    share = 0.1
    for _ in range(_ROUNDS):
        against = (1 - own) * share / (classes - 1)
        chance = against / np.maximum(against + own * (1 - share), 1e-300)
        before, share = share, float(np.clip(chance.mean(), 1e-4, 0.5))
        if abs(share - before) < 1e-6:
            break
    return chance, share


def _low(vectors: Embeddings, scaler: Scaler) -> Embeddings:
    """The main components (n, k), which say nearly all: everything that follows is quicker with fewer columns."""
    if not isinstance(vectors, Filed):
        x = scaler(vectors)
        return np.asarray(x @ discriminant.principal(x, COMPONENTS))
    basis = streamed.principal((scaler(block) for block in filed.blocks(vectors)), vectors.width, COMPONENTS)
    low = filed.Filing(len(vectors), basis.shape[1])
    for block in filed.blocks(vectors):
        for row in scaler(block) @ basis:
            low.add(row)
    return low.done()


def _answers(examples: Examples, told: Callable[[int], None]) -> Doubles:
    """Out-of-fold probabilities (n, C): the geometric mean of the heads', each calibrated on what is not doubted."""
    logs, labels = [], examples.labels
    width = examples.filed.width if isinstance(examples.filed, Filed) else examples.filed.shape[1]
    for done, setting in enumerate(SETTINGS, 1):
        scores = kinds.train(setting, Scaler.none(width), examples)[1]
        temperature = calibrate.fit_temperature(scores[examples.sure], labels[examples.sure])
        logs.append(np.log(np.maximum(calibrate.softmax(scores, temperature), 1e-9)))
        told(done)
    mean = np.exp(np.mean(logs, axis=0))
    return np.asarray(mean / mean.sum(axis=1, keepdims=True))

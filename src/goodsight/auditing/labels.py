"""Which labels are probably wrong: by the out-of-fold answers of two heads that do not trust every label.

Both heads (RBF kernel and whitened cosine) are trained on grouped folds; labels that both together contradict are
doubted, and both are trained again without them (as in Northcutt et al. 2021, Confident Learning, but with the second
training in place of thresholds). The chance that a label is wrong follows by Bayes from the second answers and from
the share of wrong labels, which is estimated together with the chances (expectation maximisation). So an ambiguous
photo, whose label may well be right, is not taken for a wrong one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goodsight.arrays import Array, Bools, Doubles, Ints, Vectors
from goodsight.heads import calibrate, discriminant, kinds
from goodsight.heads.examples import Examples
from goodsight.heads.head import Setting
from goodsight.heads.scaler import Scaler

SETTINGS = (Setting("kernel", 0.5, 0.06), Setting("cosine", 0.0, 0.1))
COMPONENTS = 800
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


def doubt(vectors: Vectors, labels: Ints, folds: Ints, scaler: Scaler) -> Doubts:
    """Doubt labels.

    Args:
        vectors: embeddings (n, width).
        labels: class numbers (n,), 0 to C - 1, each with at least one photo; C at least 2.
        folds: fold numbers (n,) that keep twins together.
        scaler: standardises the embeddings.

    """
    if len(np.unique(folds)) < 2:
        return nothing(labels)
    # The main components say nearly all, and everything that follows is quicker with fewer columns.
    x = scaler(vectors)
    low = x @ discriminant.principal(x, COMPONENTS)
    first = _answers(low, labels, folds, np.zeros(len(labels), bool))
    contradicted = first.argmax(axis=1) != labels
    # A class of which nothing is left would have no answer.
    for c in np.unique(labels):
        if contradicted[labels == c].all():
            contradicted[labels == c] = False
    second = _answers(low, labels, folds, contradicted)
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


def _answers(low: Array, labels: Ints, folds: Ints, doubted: Bools) -> Doubles:
    """Out-of-fold probabilities (n, C): the geometric mean of the heads', each calibrated on what is not doubted."""
    logs, plain = [], Scaler.none(low.shape[1])
    examples = Examples(low, labels, folds, doubted=doubted if doubted.any() else None)
    for setting in SETTINGS:
        scores = kinds.train(setting, plain, examples)[1]
        temperature = calibrate.fit_temperature(scores[~doubted], labels[~doubted])
        logs.append(np.log(np.maximum(calibrate.softmax(scores, temperature), 1e-9)))
    mean = np.exp(np.mean(logs, axis=0))
    return np.asarray(mean / mean.sum(axis=1, keepdims=True))

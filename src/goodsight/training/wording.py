"""The words of photos beside the scores of a network of brands: how much they count, and whether they are read at all.

Both are decided on photos that the scores' networks had not seen. The weight is the one with which most brands are
right where as many photos without a brand get none as are wished. Words are read only if that is a gain on folds that
chose neither weight nor threshold, by a bootstrap over groups of photos (Efron and Tibshirani 1993) of the difference.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from goodsight.arrays import Array, Bools, Floats, Ints
from goodsight.backbones.naming import Naming
from goodsight.catalog.rows import Row
from goodsight.errors import CatalogError
from goodsight.heads import calibrate
from goodsight.photos import decoder, words
from goodsight.photos.limits import BadPhoto
from goodsight.progress import Progress
from goodsight.training.recipe import TrainingSet, WordGain

WEIGHTS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
"""Odds of a brand are told as logarithms: a name of weight 4 makes them 55 times as high."""
_DRAWS, _TAIL = 2000, 0.025


def named(given: TrainingSet, progress: Progress) -> Array:
    """How surely the words of photos name each class (n, classes).

    Args:
        given: the photos (n) and the names of their classes.
        progress: told ``progress("read the words", done, n)``.

    Raises:
        CatalogError: a photo was changed meanwhile.
        EngineError: what reads is not installed.

    """
    naming = Naming(given.names, 1.0)

    def one(row: Row) -> Array:
        try:
            data = decoder.read(row.path, given.limits)
            return naming.named(words.of_photo(data, given.limits, kept=given.cached)).sure
        except BadPhoto as bad:
            raise CatalogError(f"{row.path}: was changed while its words were read: {bad}; run it again") from bad

    found = np.empty((len(given.rows), len(given.names)), np.float32)
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="goodsight-words") as pool:
        for number, sure in enumerate(pool.map(one, given.rows)):
            found[number] = sure
            progress("read the words", number + 1, len(given.rows))
    return found


def weigh(scores: Floats, sure: Floats, labels: Ints, groups: Ints, folds: Ints, none: int, recall: float) -> WordGain:
    """How much words count, and what that gains.

    Args:
        scores: log odds of the classes (n, classes), from networks that had not seen the photos.
        sure: how surely words name each class (n, classes).
        labels: class numbers (n,).
        groups: what is drawn together (n,).
        folds: which photos choose together (n,).
        none: the class that is no brand.
        recall: the share of its photos that are to be answered with it.

    """
    brand = labels != none
    without, read = np.zeros(len(labels), bool), np.zeros(len(labels), bool)
    for fold in np.unique(folds):
        chosen, away = folds != fold, folds == fold
        weight = _best(scores[chosen], sure[chosen], labels[chosen], none, recall)
        for right, own in ((without, 0.0), (read, weight)):
            threshold = calibrate.none_threshold(scores[chosen] + own * sure[chosen], labels[chosen], none, recall)
            right[away] = _right(scores[away] + own * sure[away], labels[away], none, threshold)
    differences = _drawn(read[brand].astype(float) - without[brand], groups[brand])
    low, high = np.quantile(differences, [_TAIL, 1 - _TAIL])
    weight = _best(scores, sure, labels, none, recall)
    return WordGain(weight, float(without[brand].mean()), float(read[brand].mean()), float(low), float(high))


def _best(scores: Floats, sure: Floats, labels: Ints, none: int, recall: float) -> float:
    """The weight with which most brands are right; of equal ones the least."""

    def count(weight: float) -> int:
        more = scores + weight * sure
        threshold = calibrate.none_threshold(more, labels, none, recall)
        return int(_right(more, labels, none, threshold)[labels != none].sum())

    return max(WEIGHTS, key=lambda weight: (count(weight), -weight))


def _right(scores: Floats, labels: Ints, none: int, threshold: float) -> Bools:
    """Which photos (n,) are answered rightly."""
    given = np.where(np.arange(scores.shape[1]) == none, threshold, scores)
    return np.asarray(given.argmax(axis=1) == labels)


def _drawn(values: Floats, groups: Ints) -> Floats:
    """Means of values (n,) whose groups are drawn with replacement, many times."""
    _, group = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(group, values), np.bincount(group)
    picks = np.random.default_rng(0).integers(0, len(counts), (_DRAWS, len(counts)))
    return np.asarray(sums[picks].sum(axis=1) / counts[picks].sum(axis=1))

"""Scores become probabilities, p-values and thresholds. Arrays in, arrays out; nothing here knows about photos."""

from __future__ import annotations

import math

import numpy as np

from goodsight.arrays import Bools, Doubles, Floats, Ints
from goodsight.embedding.filed import pieces


def softmax(scores: Floats, temperature: float) -> Doubles:
    """Probabilities (n, classes) of scores (n, classes) divided by ``temperature``."""
    shifted: Doubles = np.asarray(scores, np.float64) / temperature
    shifted -= shifted.max(axis=1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted


def log_loss(probabilities: Floats, labels: Ints) -> Doubles:
    """Minus the natural log of the probability given to each true label, shape (n,)."""
    return -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-12))


def fit_temperature(scores: Floats, labels: Ints) -> float:
    """The temperature with the lowest log loss (Guo et al. 2017, On Calibration of Modern Neural Networks).

    Args:
        scores: out-of-fold scores (n, classes), finite.
        labels: class numbers (n,).

    """
    # Answers need no search, and this library takes a quarter of a second to load.
    from scipy.optimize import minimize_scalar

    rows = list(pieces(np.arange(len(labels))))

    def loss(log_temperature: float) -> float:
        temperature = float(np.exp(log_temperature))
        losses = [log_loss(softmax(scores[some], temperature), labels[some]) for some in rows]
        return float(np.concatenate(losses).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-7, 4), method="bounded").x))


def fit(scores: Floats, labels: Ints, yes: int | None = None) -> tuple[float, float]:
    """The temperature and, for a tag, the bias of its class number ``yes``: of a yes-or-no head, else of any.

    Args:
        scores: out-of-fold scores (n, classes), finite; two classes for a tag.
        labels: class numbers (n,).
        yes: which class a tag's "yes" is; None for any other attribute, which has no bias.

    """
    if yes is None:
        return fit_temperature(scores, labels), 0.0
    return fit_sigmoid(scores[:, yes] - scores[:, 1 - yes], labels == yes)


def fit_sigmoid(scores: Floats, holds: Bools) -> tuple[float, float]:
    """Temperature and bias of a yes-or-no head with the lowest log loss (Platt 1999).

    The probability of "yes" is ``1 / (1 + exp(-(score / temperature + bias)))``.

    Args:
        scores: how much more out-of-fold scores say "yes" than "no" (n,), finite.
        holds: whether it is "yes" (n,).

    """
    from scipy.optimize import minimize

    # Measured in their own spread, so that the search begins near its end.
    spread = float(np.std(scores)) + 1e-12
    signs = np.where(holds, 1.0, -1.0)

    def loss(given: Doubles) -> float:
        log_slope, bias = given
        odds = np.exp(log_slope) * np.asarray(scores, np.float64) / spread + bias
        # The least bit of regularisation: of tags that are told without a mistake the slope has no end.
        return float(np.logaddexp(0, -signs * odds).mean() + 1e-4 * np.exp(log_slope))

    log_slope, bias = minimize(loss, np.zeros(2), method="Nelder-Mead", bounds=[(-5, 6), (-50, 50)]).x
    return float(spread / np.exp(log_slope)), float(bias)


def p_values(calibration: Floats, new: Floats) -> Doubles:
    """Conformal p-values: how usual each new score is among the calibration scores of one class.

    A high score means typical. Under exchangeability a new member of the class gets p <= alpha with a chance of at
    most alpha (Vovk et al. 2005, Algorithmic Learning in a Random World; per class: Mondrian conformal prediction).

    Args:
        calibration: scores (n,) of photos of the class, **sorted ascending**, made without the photo's own fold.
        new: scores of any shape.

    Returns:
        p-values of the shape of ``new``, in [1 / (n + 1), 1].

    """
    below = np.searchsorted(calibration, new, side="right")
    return np.asarray((below + 1) / (len(calibration) + 1))


def threshold_for(confidence: Floats, right: Bools, precision: float) -> float:
    """The lowest probability from which answers are right with at least ``precision``; infinity when there is none.

    The error among the ``n`` answers above a threshold is taken as (errors + 1) / (n + 1), as in conformal risk
    control (Angelopoulos et al. 2022), so a threshold that rests on few photos is not believed.

    Args:
        confidence: probability of the chosen label (n,).
        right: whether the chosen label was right (n,).
        precision: the wanted share of right answers, in (0, 1).

    """
    order = np.argsort(-confidence, kind="stable")
    errors = np.cumsum(~right[order])
    n = np.arange(1, len(order) + 1)
    sorted_confidence = confidence[order]
    last_of_ties = np.append(sorted_confidence[1:] < sorted_confidence[:-1], True)
    good = last_of_ties & ((errors + 1) / (n + 1) <= 1 - precision)
    return float(sorted_confidence[np.flatnonzero(good)[-1]]) if good.any() else float("inf")


def least_for(precision: float) -> int:
    """How many right answers in a row a threshold for a wanted precision rests on; see :func:`threshold_for`."""
    return math.ceil(1 / (1 - precision) - 1 - 1e-9)


def cut_for(probability: Floats, holds: Bools) -> float:
    """The probability from which a tag is given, for the best F1.

    Args:
        probability: that the tag holds (n,).
        holds: whether it does (n,), at least once.

    """
    order = np.argsort(-probability, kind="stable")
    found = np.cumsum(holds[order])
    f1 = 2 * found / (np.arange(1, len(order) + 1) + holds.sum())
    ranked = probability[order]
    last_of_ties = np.append(ranked[1:] < ranked[:-1], True)
    best = int(np.argmax(np.where(last_of_ties, f1, -1)))
    # Half-way to the next one: a new photo is as likely to lie on either side.
    return float((ranked[best] + ranked[min(best + 1, len(ranked) - 1)]) / 2)


def none_threshold(scores: Floats, labels: Ints, none: int, recall: float) -> float:
    """The score from which on a brand is believed, so that so many photos without a brand get none.

    It is not the least such score, but halfway from it to the next one of a photo whose brand is right: this loses no
    such photo, and where brands are far from the rest new photos without one stay below it too.

    Args:
        scores: of photos (n, classes), from a training that did not see them; what column ``none`` says is not read.
        labels: class numbers (n,), some of them ``none``.
        none: the class that is no brand.
        recall: the share of its photos that are to be answered with it.

    """
    given = np.where(np.arange(scores.shape[1]) == none, -np.inf, scores)
    best = given.max(axis=1)
    least = np.quantile(best[labels == none], recall, method="higher")
    right = best[(given.argmax(axis=1) == labels) & (best > least)]
    return float((least + right.min()) / 2 if len(right) else np.nextafter(np.float32(least), np.inf))

"""Numbers that say how good probabilities are, each with an interval that respects twins.

Twins are not independent, so the bootstrap draws whole twin groups (cluster bootstrap, Field and Welsh 2007). Every
metric here is a function of sums over photos; the sums are made once per group, and a bootstrap round is one row of a
matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.special import betaincinv

from goodsight.arrays import Bools, Doubles, Floats, Ints
from goodsight.heads.calibrate import log_loss

ROUNDS = 1000


BINS = 15


_TOGETHER = 4_000_000
"""Numbers of draws that are held at once: 32 MB."""


Part = tuple[int, Ints, Doubles]
"""How many columns there are, and in which of them each photo counts (n,), and how much (n,)."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; ``low`` and ``high`` are NaN when it cannot be measured."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | None]:
        """Plain numbers, with ``None`` for what cannot be measured."""
        pairs = {"value": self.value, "low": self.low, "high": self.high}
        return {key: None if np.isnan(number) else round(float(number), 5) for key, number in pairs.items()}


@dataclass(frozen=True)
class Scores:
    """All metrics of one set of photos; ``per_class[c]`` holds precision, recall and f1."""

    n: int
    groups: int
    accuracy: Estimate
    balanced_accuracy: Estimate
    log_loss: Estimate
    calibration_error: Estimate
    per_class: tuple[dict[str, Estimate], ...]
    support: tuple[int, ...]
    confusion: Ints


def score(
    probabilities: Floats,
    labels: Ints,
    groups: Ints,
    given: Ints | None = None,
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Scores:
    """Accuracy, balanced accuracy, log loss, expected calibration error and per-class figures.

    Args:
        probabilities: shape (n, classes), rows sum to 1.
        labels: class numbers (n,).
        groups: twin group of each photo (n,); a group is drawn whole.
        given: class numbers that were answered (n,); None for the likeliest.
        rounds: bootstrap rounds.
        seed: of the bootstrap.

    Returns:
        Scores; a class with fewer than 3 photos has NaN figures and is left out of the balanced accuracy.

    Raises:
        ValueError: there is no photo.

    """
    n, classes = probabilities.shape
    if n == 0:
        raise ValueError("there is no photo to score")
    guesses = probabilities.argmax(axis=1) if given is None else given
    confidence, right = probabilities[np.arange(n), guesses], guesses == labels
    first, one = np.zeros(n, np.int64), np.ones(n)
    parts = {
        "n": (1, first, one),
        "right": (1, first, right.astype(float)),
        "loss": (1, first, log_loss(probabilities, labels)),
        "gap": (BINS, np.minimum((confidence * BINS).astype(int), BINS - 1), confidence - right),
        "support": (classes, labels, one),
        "guessed": (classes, guesses, one),
        "hit": (classes, labels, right.astype(float)),
    }
    drawn, count = _drawn(parts, groups, rounds, seed)
    support = np.bincount(labels, minlength=classes)
    measurable = support >= 3
    of_class = [len(np.unique(groups[labels == c])) for c in range(classes)]
    nothing = dict.fromkeys(("precision", "recall", "f1"), Estimate(np.nan, np.nan, np.nan))
    return Scores(
        n=n,
        groups=count,
        accuracy=_share(drawn["right"][:, 0], drawn["n"][:, 0], count),
        balanced_accuracy=_balanced(drawn, measurable, count),
        log_loss=_estimate(drawn["loss"][:, 0], drawn["n"][:, 0]),
        calibration_error=_around(_estimate(np.abs(drawn["gap"]).sum(axis=1), drawn["n"][:, 0])),
        per_class=tuple(_of_class(drawn, c, of_class[c]) if measurable[c] else dict(nothing) for c in range(classes)),
        support=tuple(support.tolist()),
        confusion=np.bincount(labels * classes + guesses, minlength=classes**2).reshape(classes, classes),
    )


def _drawn(parts: Mapping[str, Part], groups: Ints, rounds: int, seed: int) -> tuple[dict[str, Doubles], int]:
    """Sums of each part over all photos, then over each draw of groups (1 + rounds, columns); how many groups."""
    numbers = np.unique(groups, return_inverse=True)[1]
    count = int(numbers.max()) + 1
    ends = np.cumsum([width for width, _, _ in parts.values()])
    # A photo counts in one column of each part, so of many classes nearly all are 0.
    columns = np.concatenate(
        [column + end - width for (width, column, _), end in zip(parts.values(), ends, strict=True)]
    )
    values = np.concatenate([value for _, _, value in parts.values()])
    sums = coo_array((values, (np.tile(numbers, len(parts)), columns)), shape=(count, int(ends[-1]))).tocsr()
    drawn = np.concatenate([sums.sum(axis=0)[None], *(weights @ sums for weights in draws(count, rounds, seed))])
    return dict(zip(parts, np.split(drawn, ends[:-1], axis=1), strict=True)), count


def draws(count: int, rounds: int, seed: int) -> Iterator[Doubles]:
    """How often each of ``count`` groups is drawn in each of some rounds (r, count), a few rounds at a time."""
    rng, share = np.random.default_rng(seed), np.full(count, 1 / count)
    some = max(1, _TOGETHER // count)
    for start in range(0, rounds, some):
        yield rng.multinomial(count, share, size=min(some, rounds - start)).astype(float)


def _estimate(top: Doubles, bottom: Doubles) -> Estimate:
    """A share and its interval, from the sums over all photos and over each draw (1 + rounds,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        values = top / bottom
    low, high = np.nanpercentile(values[1:], [2.5, 97.5]) if np.isfinite(values[1:]).any() else (np.nan, np.nan)
    return Estimate(float(values[0]), float(low), float(high))


def _share(top: Doubles, bottom: Doubles, groups: int) -> Estimate:
    """As :func:`_estimate`, but where every draw says the same the interval is exact over groups."""
    return exact(_estimate(top, bottom), groups)


def exact(found: Estimate, groups: int) -> Estimate:
    """An interval that is not a point: where every draw says the same, the exact one of so many groups.

    A bootstrap cannot see what did not happen once, or differ between groups; the exact interval (Clopper and Pearson
    1934) of ``n`` right out of ``n`` begins at ``0.025 ** (1 / n)``.
    """
    if not (found.value == found.low == found.high) or not groups:
        return found
    return Estimate(found.value, *_within(found.value, groups))


def _within(share: float, draws: float) -> tuple[float, float]:
    """The exact 95 % interval (Clopper and Pearson 1934) of a share of so many draws, which need not be whole."""
    right = share * draws
    low = betaincinv(right, draws - right + 1, 0.025) if right > 0 else 0.0
    high = betaincinv(right + 1, draws - right, 0.975) if right < draws else 1.0
    return float(low), float(high)


def changed(accuracy: float, before: Bools, now: Bools, groups: Ints) -> Estimate:
    """An accuracy that is known, after a change that was tried on some of the photos (post-stratification).

    How many right answers stay right, and how many wrong ones turn right, is counted apart; both count as much as
    there are right and wrong ones. Each share has an exact interval over groups, which is never a point, and their sum
    that of Zou and Donner 2008 (Construction of confidence limits about effect measures). Groups of unequal size count
    as fewer, the effective number of Kish 1965 (Survey Sampling).

    Args:
        accuracy: of all photos before the change.
        before: whether answers were right before, on the photos that were tried (n,).
        now: whether they are now (n,).
        groups: twin group of each photo (n,).

    Returns:
        NaN without photos. Where none was right before, none is taken to be lost, and where none was wrong, none won;
        the interval says that nothing is known of it.

    """
    if not len(groups):
        return Estimate(np.nan, np.nan, np.nan)
    parts = ((accuracy, before, 1.0), (1 - accuracy, ~before, 0.0))
    shares = np.array([_weighed(weight, now[of], groups[of], unknown) for weight, of, unknown in parts])
    value, lows, highs = float(shares[:, 0].sum()), shares[:, 0] - shares[:, 1], shares[:, 2] - shares[:, 0]
    return Estimate(value, value - float(np.hypot(*lows)), value + float(np.hypot(*highs)))


def _weighed(weight: float, right: Bools, groups: Ints, unknown: float) -> tuple[float, float, float]:
    """The share right of some photos with its ends, times a weight; ``unknown`` without photos."""
    if not len(groups):
        return weight * unknown, 0.0, weight
    sizes = np.unique(groups, return_counts=True)[1].astype(float)
    share = float(right.mean())
    low, high = _within(share, float(sizes.sum() ** 2 / (sizes**2).sum()))
    return weight * share, weight * low, weight * high


def share(holds: Bools, groups: Ints) -> Estimate:
    """A share of photos with its 95 % interval over groups, which is never a point.

    It is the exact one (Clopper and Pearson 1934) of as many photos as tell as much as these: fewer where groups differ
    (Korn and Graubard 1998, Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data), never more than there are, and one for each group where all groups are alike.

    Args:
        holds: of each photo (n,).
        groups: twin group of each photo (n,).

    Returns:
        NaN without photos.

    """
    if not len(groups):
        return Estimate(np.nan, np.nan, np.nan)
    numbers = np.unique(groups, return_inverse=True)[1]
    sizes, held = np.bincount(numbers), np.bincount(numbers, holds)
    value, count = float(holds.mean()), len(sizes)
    apart = float(((held - value * sizes) ** 2).sum()) * count / max(1, count - 1) / len(groups) ** 2
    tells = min(len(groups), value * (1 - value) / apart) if apart > 0 else count
    return Estimate(value, *_within(value, tells))


def _of_class(drawn: dict[str, Doubles], c: int, groups: int) -> dict[str, Estimate]:
    hit, guessed, support = (drawn[name][:, c] for name in ("hit", "guessed", "support"))
    return {
        "precision": _share(hit, guessed, groups),
        "recall": _share(hit, support, groups),
        "f1": _share(hit, (support + guessed) / 2, groups),
    }


def _balanced(drawn: dict[str, Doubles], measurable: Bools, groups: int) -> Estimate:
    """The mean recall of the classes that can be measured; a class that is not drawn does not count in that draw."""
    if not measurable.any():
        return Estimate(np.nan, np.nan, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        recalls = drawn["hit"][:, measurable] / drawn["support"][:, measurable]
    return _share(np.nanmean(recalls, axis=1), np.ones(len(recalls)), groups)


def _around(biased: Estimate) -> Estimate:
    """The same spread around the value itself: resampling noise only ever adds to a calibration error."""
    half = (biased.high - biased.low) / 2
    return Estimate(biased.value, max(0.0, biased.value - half), biased.value + half)


def reliability(confidence: Floats, right: Bools, bins: int = 10) -> list[tuple[float, float, int]]:
    """Mean confidence, accuracy and count of each bin of confidence that has photos, in order."""
    index = np.minimum((np.asarray(confidence) * bins).astype(int), bins - 1)
    found = [np.flatnonzero(index == b) for b in range(bins)]
    return [(float(confidence[i].mean()), float(right[i].mean()), len(i)) for i in found if len(i)]


def moderation(confidence: Floats, right: Bools) -> tuple[Doubles, Doubles]:
    """The moderation curve: the share of photos that the machine decides, and its error among them.

    Photos are decided from the most to the least confident.

    Returns:
        Shares (n,) rising to 1, and errors (n,).

    """
    order = np.argsort(-np.asarray(confidence), kind="stable")
    decided = np.arange(1, len(order) + 1)
    return decided / len(order), np.cumsum(~right[order]) / decided

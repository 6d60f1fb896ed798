"""What a model decides alone, as the report shows it; the answers behind it are in the page, packed.

So the parts of a report that depend on the wanted precision can be made anew from the page itself, when somebody
changes it (``goodsight set``): :mod:`goodsight.report.renewed` does that with what this module makes at first.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from goodsight.arrays import Bools, Ints
from goodsight.heads.calibrate import least_for
from goodsight.measuring import alone, metrics
from goodsight.measuring.alone import STEPS, Alone, Given
from goodsight.measuring.measured import Measured
from goodsight.measuring.result import SECONDS_BY_HAND, Answers, Result
from goodsight.model.surety import Surety
from goodsight.report import plots
from goodsight.training.fitted import ELSEWHERE, LIKE_THESE

MOST = 100_000
"""Photos whose answers a page holds; of more an even sample is taken."""


_FIELDS = (("confidence", "<f8"), ("given", "<u2"), ("labels", "<u2"), ("groups", "<u4"), ("leaked", "u1"))
_THIN = 200


@dataclass(frozen=True)
class Setting:
    """What is decided alone of one attribute's photos at the precision that is set.

    Attributes:
        name: of the attribute; '' where there is only one.
        classes: their names.
        result: what the photos are called.
        now: at the precision that is set.
        others: the same on photos from elsewhere and on photos like these, where another result leads.
        steps: at other precisions, and at this one, in order.
        most: the highest precision that the answers allow.
        curve: (share decided, error), thinned.

    """

    name: str
    classes: Sequence[str]
    result: str
    now: Alone
    others: Sequence[tuple[str, Alone]]
    steps: Sequence[Alone]
    most: float
    curve: Sequence[tuple[float, float]]

    @property
    def why_none(self) -> str:
        """Why nothing is decided alone; '' where something is."""
        if self.now.decided:
            return ""
        if np.isinf(self.now.threshold):
            least = least_for(self.now.precision)
            return f"too few are right in a row, from the surest on, to promise it; {least} are needed"
        return f"no answer is as sure as it decides from, probability {self.now.threshold:.3f}"

    @property
    def minutes(self) -> float:
        """Minutes that checking every photo by hand would take."""
        return self.now.n * SECONDS_BY_HAND / 60

    @property
    def plot(self) -> str:
        """The error against the share that is decided alone."""
        return plots.moderation(self.curve, self.now.share)

    @property
    def chosen(self) -> int:
        """The number of the step that is set."""
        return self.steps.index(self.now)


def specification(findings: Measured) -> list[dict[str, Any]]:
    """What the page keeps of each attribute, for :func:`settings`: plain JSON."""
    return [
        {
            "name": part.name if findings.several else "",
            "classes": list(part.judge.classes),
            "results": [{"name": result.name, "answers": _packed(result)} for result in part.results],
        }
        for part in findings.parts
    ]


def of(findings: Measured, kept: Sequence[Mapping[str, Any]]) -> list[Setting]:
    """What is decided alone of what was measured, with what :func:`specification` gave."""
    sureties = [part.surety for part in findings.parts if part.surety is not None]
    thresholds = [part.judge.threshold for part in findings.parts]
    return settings(kept, sureties, findings.model.precision, thresholds)


def settings(
    kept: Sequence[Mapping[str, Any]], sureties: Sequence[Surety], precision: float, thresholds: Sequence[float]
) -> list[Setting]:
    """What is decided alone of each attribute's photos.

    Args:
        kept: what :func:`specification` gave, one for each attribute.
        sureties: what thresholds rest on.
        precision: that is wanted.
        thresholds: the model's own.

    """
    return [
        _setting(each, surety, precision, threshold)
        for each, surety, threshold in zip(kept, sureties, thresholds, strict=True)
        if each["results"]
    ]


def results(kept: Mapping[str, Any], threshold: float) -> list[tuple[int, int, int]]:
    """Of each result of an attribute: photos, how many are decided alone, how many of those wrongly."""
    found = []
    for each in kept["results"]:
        confidence, right = _unpacked(each["answers"])[0], _right(each["answers"])
        alone_ = confidence >= threshold
        found.append((len(right), int(alone_.sum()), int((alone_ & ~right).sum())))
    return found


def beside(name: str) -> str:
    """What a result is called that is told beside the one that leads, without its attribute; '' for others."""
    return next((short for short in (ELSEWHERE, LIKE_THESE) if name.endswith(short)), "")


def _setting(kept: Mapping[str, Any], surety: Surety, precision: float, threshold: float) -> Setting:
    main, *others = kept["results"]
    known = [(short, each) for each in others if (short := beside(each["name"]))]
    count, answers = len(kept["classes"]), _honest(main["answers"])
    now = alone.measure(answers, count, precision, threshold)
    steps = [alone.measure(answers, count, each, surety.threshold(each)) for each in STEPS if each != precision]
    shares, errors = metrics.moderation(answers.confidence, answers.right)
    kept_points = np.unique(np.linspace(0, len(shares) - 1, min(len(shares), _THIN)).astype(int))
    return Setting(
        kept["name"],
        kept["classes"],
        main["name"],
        now,
        [(short, alone.measure(_honest(each["answers"]), count, precision, threshold)) for short, each in known],
        sorted([*steps, now], key=lambda each: each.precision),
        surety.most,
        [(float(shares[i]), float(errors[i])) for i in kept_points],
    )


def _packed(result: Result) -> str:
    """The answers of a result as text that a page can hold; see :func:`_unpacked`."""
    answers = _even(result.answers)
    parts = [np.ascontiguousarray(getattr(answers, name), kind).tobytes() for name, kind in _FIELDS]
    return base64.b64encode(zlib.compress(b"".join(parts), 9)).decode()


def _even(answers: Answers | None) -> Answers:
    """All answers, or an even sample of them."""
    assert answers is not None, "a report shows results that know their answers"
    groups = np.unique(answers.groups, return_inverse=True)[1]
    every = Answers(answers.rows, answers.labels, answers.given, answers.confidence, groups, answers.leaked)
    if len(answers.rows) <= MOST:
        return every
    return every.take(np.linspace(0, len(answers.rows) - 1, MOST).astype(np.int64))


def _unpacked(text: str) -> list[Any]:
    """The arrays of :data:`_FIELDS`, each (n,)."""
    data, found, at = zlib.decompress(base64.b64decode(text)), [], 0
    n = len(data) // sum(np.dtype(kind).itemsize for _, kind in _FIELDS)
    for _, kind in _FIELDS:
        found.append(np.frombuffer(data, kind, n, at))
        at += n * np.dtype(kind).itemsize
    return found


def _right(text: str) -> Bools:
    _, given, labels, *_ = _unpacked(text)
    return np.asarray(given == labels)


def _honest(text: str) -> Given:
    """The answers about photos without a twin in training, if there are any; else about all."""
    confidence, given, labels, groups, leaked = _unpacked(text)
    chosen: Ints = np.flatnonzero(leaked == 0)
    if not len(chosen):
        chosen = np.arange(len(leaked))
    return Given(
        given[chosen].astype(np.int64),
        confidence[chosen],
        (given == labels)[chosen],
        groups[chosen].astype(np.int64),
    )

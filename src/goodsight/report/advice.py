"""What to do next to make a model better, in plain words, from its mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from goodsight.measuring.metrics import Scores
from goodsight.measuring.result import Answers, Result
from goodsight.report import behind, confusion
from goodsight.report.confusion import Pair
from goodsight.report.template import percent
from goodsight.training.fitted import LIKE_THESE

CLASSES, PAIRS = 3, 3
"""How many of each are named."""


BEHIND = 0.1
"""A class that is found so much less often than all photos are right is named."""


FEW = 100
"""A class of fewer photos is to have more; of another the mistakes are to be looked at."""


APART = 0.03
"""How much better photos like these must do for photos from more places to be asked for."""


@dataclass(frozen=True)
class Advice:
    """Something to do: what was seen, the words of the link, and the photos that it opens ('' for none)."""

    seen: str
    action: str
    key: str = ""


def advise(number: int, results: Sequence[Result]) -> list[Advice]:
    """What to do about one attribute, the most useful first; empty when nothing stands out.

    Args:
        number: of the attribute, for the keys that open photos.
        results: its results, the one that leads first.

    """
    main = results[0]
    scores, answers = main.honest, main.answers
    assert answers is not None, "a report shows results that know their answers"
    found = confusion.pairs(scores.confusion)
    return [
        *_from_more_places(results),
        *_weak(number, main.classes, scores),
        *_confused(number, main.classes, found),
        *_labels(number, answers.honest),
        *_small(main),
    ]


def _weak(number: int, classes: Sequence[str], scores: Scores) -> list[Advice]:
    """Classes that are seldom found, the seldomest first."""
    recalls = [(figures["recall"].value, c) for c, figures in enumerate(scores.per_class)]
    weak = sorted((value, c) for value, c in recalls if value < scores.accuracy.value - BEHIND)
    said = []
    for value, c in weak[:CLASSES]:
        n = scores.support[c]
        action = "add photos" if n < FEW else "look at what it is taken for"
        often = f"found {percent(value, 0)} of the time" if value else "never found"
        seen = f"{classes[c]}: {n} photos, {often}"
        said.append(Advice(seen, action, behind.labelled_key(number, c)))
    return said


def _confused(number: int, classes: Sequence[str], found: Sequence[Pair]) -> list[Advice]:
    """The classes that are most often taken for another."""
    often = [pair for pair in found if pair.photos > 1][:PAIRS]
    return [
        Advice(
            f"{classes[pair.label]} is taken for {classes[pair.given]} {pair.photos} times",
            "look at these",
            behind.cell_key(number, pair.label, pair.given),
        )
        for pair in often
    ]


def _labels(number: int, answers: Answers) -> list[Advice]:
    """Mistakes of which the model is so sure that the label may be the one that is wrong."""
    count = int((~answers.right & (answers.confidence >= behind.SURE)).sum())
    if not count:
        return []
    photos = "photo is" if count == 1 else "photos are"
    seen = f"{count} {photos} called something else with {behind.SURE:.0%} or more: is the label right?".replace(
        "%", " %"
    )
    return [Advice(seen, "look at the labels", behind.sure_key(number))]


def _small(main: Result) -> list[Advice]:
    """Classes of which nothing can be said."""
    if not main.not_measurable:
        return []
    names = ", ".join(main.not_measurable[:5]) + (" and more" if len(main.not_measurable) > 5 else "")
    return [Advice(f"Too few photos to say anything: {names}", "add photos")]


def _from_more_places(results: Sequence[Result]) -> list[Advice]:
    """Photos from more places help most where those like these do much better."""
    near = next((each for each in results[1:] if each.name.endswith(LIKE_THESE)), None)
    if near is None or not np.isfinite(near.scores.accuracy.value):
        return []
    ahead = near.scores.accuracy.value - results[0].honest.accuracy.value
    if ahead < APART:
        return []
    seen = f"Photos from places that it knows do better by {100 * ahead:.0f} points"
    return [Advice(seen, "add photos from more sellers, shelves or sessions")]

"""The photos behind each figure of one attribute, as sets of the page's gallery."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from goodsight.measuring.result import Answers
from goodsight.report import gallery
from goodsight.report.gallery import Gallery

SURE = 0.95
"""A mistake of so much probability asks whether the label is right."""


def cell_key(part: int, label: int, given: int) -> str:
    """What opens the photos of a class that were given a class."""
    return f"{part}:{label}:{given}"


def labelled_key(part: int, label: int) -> str:
    """What opens the photos of a class, mistakes first."""
    return f"{part}:labelled:{label}"


def said_key(part: int, given: int) -> str:
    """What opens the photos that were given a class, mistakes first."""
    return f"{part}:said:{given}"


def sure_key(part: int) -> str:
    """What opens the mistakes of much probability."""
    return f"{part}:sure"


def collect(found: Gallery, part: int, answers: Answers, classes: Sequence[str], most: int) -> dict[int, int]:
    """Add the photos of one attribute, and the sets that show them.

    Args:
        found: takes them.
        part: the attribute's number.
        answers: about its photos (n).
        classes: their names.
        most: photos of one pair (label, given).

    Returns:
        The number in the gallery of each photo that is shown.

    """
    by_pair = gallery.cells(answers, most)
    # Where the page is full, right answers are the first to go.
    pairs = sorted(by_pair, key=lambda pair: pair[0] == pair[1])
    place: dict[int, int] = {}
    for photo in chain.from_iterable(by_pair[pair] for pair in pairs):
        name, given = classes[answers.labels[photo]], classes[answers.given[photo]]
        number = found.photo(answers.rows[photo], name, [("", given, answers.confidence[photo])])
        if number is not None:
            place[photo] = number
    shown = {pair: [place[photo] for photo in by_pair[pair] if photo in place] for pair in pairs}
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, (answers.labels, answers.given), 1)
    for label, given in pairs:
        title = f"{classes[label]}, taken for {classes[given]}" if label != given else f"{classes[label]}, found"
        found.together(cell_key(part, label, given), title, shown[label, given], int(counts[label, given]))
    for number, name in enumerate(classes):
        rows, columns = ([pair for pair in pairs if pair[side] == number] for side in (0, 1))
        _join(found, labelled_key(part, number), f"Labelled {name}", rows, shown, int(counts[number].sum()))
        _join(found, said_key(part, number), f"Called {name}", columns, shown, int(counts[:, number].sum()))
    sure = [photo for photo in _surely_wrong(answers) if photo in place]
    if sure:
        title = "Surely called something else than their label"
        found.together(sure_key(part), title, [place[photo] for photo in sure], len(_surely_wrong(answers)))
    return place


def _join(
    found: Gallery,
    key: str,
    title: str,
    pairs: Sequence[tuple[int, int]],
    shown: dict[tuple[int, int], list[int]],
    of: int,
) -> None:
    if of:
        found.together(key, title, chain.from_iterable(shown[pair] for pair in pairs), of)


def _surely_wrong(answers: Answers) -> list[int]:
    """Mistakes of much probability, the surest first."""
    wrong = np.flatnonzero(~answers.right & (answers.confidence >= SURE))
    return [int(i) for i in wrong[np.argsort(-answers.confidence[wrong], kind="stable")]]

"""The surest mistakes: the photo, where the answer comes from, and an example of the class that was answered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goodsight.catalog.rows import Row
from goodsight.measuring.explained import Seen
from goodsight.measuring.measured import Measured, Part
from goodsight.measuring.result import Answers
from goodsight.model import evidence
from goodsight.photos.limits import BadPhoto
from goodsight.photos.resize import Resize
from goodsight.report import background
from goodsight.report.gallery import Gallery


@dataclass(frozen=True)
class Mistake:
    """One mistake, as the page shows it.

    Attributes:
        name: of the photo.
        photo: its number in the gallery.
        label: what it is labelled.
        given: what was answered.
        probability: how surely.
        example: the number in the gallery of a photo that was rightly given that class; None without any.
        background: the evidence lies mostly on the background.
        mapped: there is a map of the evidence.

    """

    name: str
    photo: int
    label: str
    given: str
    probability: float
    example: int | None
    background: bool
    mapped: bool


def of(found: Gallery, part: Part, findings: Measured) -> list[Mistake]:
    """The worst mistakes of an attribute's first result, as many as the page has room for."""
    main = part.results[0]
    assert main.answers is not None, "a report shows results that know their answers"
    shown = []
    for row, label, given, p in main.worst:
        photo = found.photo(row, label, [("", given, p)])
        if photo is None:
            break
        seen = part.evidence.get((row.path, given))
        background_ = _explain(found, photo, row, seen, findings.model.backbone.resize) if seen else False
        example = _example(found, main.answers, part.judge.classes, given)
        shown.append(Mistake(row.file_name, photo, label, given, p, example, background_, "m" in found.photos[photo]))
    return shown


def _explain(found: Gallery, photo: int, row: Row, seen: Seen, resize: Resize) -> bool:
    """Add the picture with its map to a photo; whether the evidence is mostly background."""
    thumbnails = found.pictures.thumbnails
    try:
        picture = thumbnails.open(row)
    except BadPhoto:
        return False
    number = found.pictures.add(thumbnails.explained(row, resize, seen))
    if number is not None:
        found.photos[photo]["m"] = number
    return background.mostly(picture, evidence.on_photo(seen.map, resize, picture.size))


def _example(found: Gallery, answers: Answers, classes: tuple[str, ...], given: str) -> int | None:
    """The photo that was most surely and rightly given a class."""
    number = classes.index(given)
    right = np.flatnonzero(answers.right & (answers.given == number))
    if not len(right):
        return None
    best = int(right[answers.confidence[right].argmax()])
    return found.photo(answers.rows[best], given, [("", given, answers.confidence[best])])

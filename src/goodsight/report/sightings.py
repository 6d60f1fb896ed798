"""What was seen in posts: which brand, how sure, where in the photo; and counts by day, as files."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from goodsight.catalog.posts import MOST_TEXT, Post
from goodsight.files import table_line, whole_file, write_table
from goodsight.model.verdicts import Prediction
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto, Limits
from goodsight.photos.resize import Resize

COLUMNS = ("post", "file_name", "day", "brand", "probability", "verdict", "box", "mentioned", "text")


SUMMARY = ("day", "brand", "sightings", "sure", "mentioned")


Counted = tuple[str, str, int, int, int]
"""A row of :data:`SUMMARY`."""


@dataclass(frozen=True)
class Sighting:
    """A brand in the photo of a post.

    Attributes:
        post: where it was seen.
        brand: its name.
        probability: calibrated, that it is this brand.
        verdict: ``sure``, or ``unsure`` when a person should look.
        box: left, top, right and bottom in pixels of the upright photo; None when the network does not say.
        mentioned: whether the text names the brand as well.

    """

    post: Post
    brand: str
    probability: float
    verdict: str
    box: tuple[int, int, int, int] | None
    mentioned: bool


def sighting(post: Post, prediction: Prediction, none: str, resize: Resize, limits: Limits) -> Sighting | None:
    """What a prediction says of a post; None for a bad photo, or one without a brand.

    Args:
        post: the post.
        prediction: of its photo.
        none: the class that means no brand.
        resize: the rule by which the network was given the photo.
        limits: on bytes and pixels of the photo.

    """
    if prediction.problem or prediction.label == none:
        return None
    box = None
    if prediction.place:
        try:
            size = decoder.upright_size(decoder.read(post.row.path, limits), limits)
        except BadPhoto:
            # It was read a moment ago; if it is gone now, only its place cannot be told.
            size = None
        box = size and resize.in_pixels(prediction.place, *size)
    mentioned = mentions(post.text, prediction.label)
    return Sighting(post, prediction.label, prediction.probability, prediction.verdict, box, mentioned)


def mentions(text: str, brand: str) -> bool:
    """Whether a text names a brand as a word; ``new_balance`` is New Balance, New-Balance or #newbalance there."""
    words = [re.escape(word) for word in re.split(r"[\s_-]+", _folded(brand)) if word]
    said = r"[\s_-]?".join(words)
    return bool(words) and re.search(rf"(?<![^\W_]){said}(?![^\W_])", _folded(text)) is not None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def write(path: Path, found: Iterable[Sighting]) -> list[Counted]:
    """Write sightings as a .csv that appears, whole, at the end; their :func:`summary`.

    ``box`` is ``x0 y0 x1 y1`` as in the ``boxes`` of a ``metadata.csv``.
    """
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        stream.write(table_line(COLUMNS))
        return summary(_written(stream, found))


def _written(stream: TextIO, found: Iterable[Sighting]) -> Iterator[Sighting]:
    for one in found:
        post, box = one.post, " ".join(map(str, one.box or ()))
        said = (f"{one.probability:.6f}", one.verdict, box, "yes" if one.mentioned else "no")
        stream.write(table_line([post.name, post.row.file_name, post.day, one.brand, *said, post.text[:MOST_TEXT]]))
        yield one


def summary(found: Iterable[Sighting]) -> list[Counted]:
    """Sightings, sure ones and mentioned ones by day and brand: the rows of :data:`SUMMARY`, by day, the most first."""
    every: Counter[tuple[str, str]] = Counter()
    sure, mentioned = every.copy(), every.copy()
    for one in found:
        key = (one.post.day, one.brand)
        every[key] += 1
        sure[key] += one.verdict == "sure"
        mentioned[key] += one.mentioned
    rows = [(*key, count, sure[key], mentioned[key]) for key, count in every.items()]
    return sorted(rows, key=lambda row: (row[0], -row[2], row[1]))


def write_summary(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """Write the rows of :func:`summary` as a .csv."""
    with whole_file(path) as part:
        write_table(part, [SUMMARY, *rows])

"""Posts with a photo and a text become sightings: which brand, how sure, where in the photo; and counts by day.

A feed is JSON Lines, one post a line: ``image`` (a path relative to the feed), and if wanted ``text``, ``id`` and
``time`` (ISO 8601, or seconds since 1970). A folder of photos is a feed without texts and times.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from goodsight import catalog, photos
from goodsight.catalog import Row
from goodsight.errors import CatalogError
from goodsight.files import whole_file
from goodsight.photos import Limits, Resize
from goodsight.verdicts import Prediction

COLUMNS = ("post", "file_name", "day", "brand", "probability", "verdict", "box", "mentioned", "text")
SUMMARY = ("day", "brand", "sightings", "sure", "mentioned")


@dataclass(frozen=True)
class Post:
    """One post: its id (the photo's name without one), photo, text, and day as YYYY-MM-DD ('' when not known)."""

    name: str
    row: Row
    text: str = ""
    day: str = ""


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


def read(source: Path) -> tuple[list[Post], list[tuple[str, str]]]:
    """The posts of a feed or a folder, and the names of posts whose time cannot be read, with the reason.

    Raises:
        CatalogError: there is no such feed or folder, a line is no JSON object, or a post has no image.

    """
    if source.suffix.lower() != ".jsonl":
        return [Post(row.file_name, row) for row in catalog.unlabelled(source)], []
    if not source.is_file():
        raise CatalogError(f"{source}: there is no such feed")
    posts, timeless = [], []
    for number, record in catalog.records(source):
        image = record.get("image", "").strip()
        if not image:
            raise CatalogError(f"{source}: line {number} has no image; write the path of the post's photo there")
        name = record.get("id", "").strip() or image
        try:
            day = _day(record.get("time", "").strip())
        except (ValueError, OverflowError, OSError):
            day = ""
            timeless.append((name, f"line {number}: the time {record['time']!r} is no ISO 8601 time nor seconds"))
        posts.append(Post(name, Row(image, source.parent / image), record.get("text", ""), day))
    if not posts:
        raise CatalogError(f"{source}: no posts; write one JSON object a line, with the path of its photo as image")
    return posts, timeless


def _day(time: str) -> str:
    """In UTC where the time says its zone, else as it is written."""
    if not time:
        return ""
    if re.fullmatch(r"\d+(\.\d+)?", time):
        return datetime.fromtimestamp(float(time), UTC).date().isoformat()
    found = datetime.fromisoformat(time)
    return (found.astimezone(UTC) if found.tzinfo else found).date().isoformat()


def sighting(post: Post, prediction: Prediction, none: str, resize: Resize, limits: Limits) -> Sighting | None:
    """What a prediction says of a post; None for a bad photo, one off topic, or one without a brand.

    Args:
        post: the post.
        prediction: of its photo.
        none: the class that means no brand; '' when there is none.
        resize: the rule by which the network was given the photo.
        limits: on bytes and pixels of the photo.

    """
    if prediction.problem or prediction.verdict == "off-topic" or prediction.label == none:
        return None
    box = None
    if prediction.place:
        try:
            size = photos.upright_size(photos.read(post.row.path, limits), limits)
        except photos.BadPhoto:
            # It was read a moment ago; if it is gone now, only its place cannot be told.
            size = None
        box = size and resize.in_pixels(prediction.place, *size)
    words = re.escape(prediction.label).replace("_", "[_ ]")
    mentioned = re.search(rf"(?<!\w){words}(?!\w)", post.text, re.IGNORECASE) is not None
    return Sighting(post, prediction.label, prediction.probability, prediction.verdict, box, mentioned)


def write(path: Path, found: Iterable[Sighting]) -> list[Sighting]:
    """Write sightings as a .csv that appears, whole, at the end; what was written.

    ``box`` is ``x0 y0 x1 y1`` as in the ``boxes`` of a ``metadata.csv``.
    """
    kept = []
    with whole_file(path) as part, part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for one in found:
            kept.append(one)
            post, box = one.post, " ".join(map(str, one.box or ()))
            said = (f"{one.probability:.6f}", one.verdict, box, "yes" if one.mentioned else "no", _plain(post.text))
            writer.writerow([post.name, post.row.file_name, post.day, one.brand, *said])
    return kept


def _plain(text: str) -> str:
    """A stranger's text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def summary(found: Iterable[Sighting]) -> list[tuple[str, str, int, int, int]]:
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
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(SUMMARY)
        writer.writerows(rows)

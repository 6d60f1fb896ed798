"""Posts with a photo and a text become sightings: which brand, how sure, where in the photo; and counts by day.

A feed is JSON Lines, one post a line: ``image`` (a path relative to the feed), and if wanted ``text``, ``id`` and
``time`` (ISO 8601, or seconds since 1970). A folder of photos is a feed without texts and times.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from goodsight import catalog, photos
from goodsight.catalog import Row
from goodsight.errors import CatalogError
from goodsight.files import whole_file
from goodsight.photos import Limits, Resize
from goodsight.verdicts import Prediction

COLUMNS = ("post", "file_name", "day", "brand", "probability", "verdict", "box", "mentioned", "text")
SUMMARY = ("day", "brand", "sightings", "sure", "mentioned")
MOST_TEXT = 10_000
"""Characters of a text that the table holds: a cell of a spreadsheet takes 32,767."""
Counted = tuple[str, str, int, int, int]
"""A row of :data:`SUMMARY`."""


@dataclass(frozen=True)
class Post:
    """One post: its id (the photo's name without one), photo, text, and day as YYYY-MM-DD ('' when not known)."""

    name: str
    row: Row
    text: str = ""
    day: str = ""


@dataclass(frozen=True)
class Feed:
    """The posts of a feed; ``bad`` and ``timeless`` name posts without a usable path or time, with the reason.

    Those without a usable path are not among the posts.
    """

    posts: Sequence[Post]
    bad: Sequence[tuple[str, str]] = ()
    timeless: Sequence[tuple[str, str]] = ()


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


def read(source: Path) -> Feed:
    """The posts of a feed or a folder.

    Raises:
        CatalogError: there is no such feed or folder, a line is no JSON object, or a post has no image.

    """
    if source.suffix.lower() != ".jsonl":
        return Feed([Post(row.file_name, row) for row in catalog.unlabelled(source)])
    if not source.is_file():
        raise CatalogError(f"{source}: there is no such feed")
    posts, bad, timeless = [], [], []
    folder = source.parent.resolve()
    for number, record in catalog.records(source):
        image = record.get("image", "").strip()
        if not image:
            raise CatalogError(f"{source}: line {number} has no image; write the path of the post's photo there")
        name = record.get("id", "").strip() or image
        image = _repaired(source.parent, image)
        if not _inside(folder, image):
            bad.append((name, f"line {number}: the image is outside the feed's folder; put it there"))
            continue
        try:
            day = _day(record.get("time", "").strip())
        except (ValueError, OverflowError, OSError):
            day = ""
            said = f"the time {record['time'][:50]!r} is no ISO 8601 time nor seconds or milliseconds since 1970"
            timeless.append((name, f"line {number}: {said}"))
        posts.append(Post(name, Row(image, source.parent / image), record.get("text", ""), day))
    if not posts and not bad:
        raise CatalogError(f"{source}: no posts; write one JSON object a line, with the path of its photo as image")
    return Feed(posts, bad, timeless)


def _repaired(folder: Path, image: str) -> str:
    """A path that was written on Windows; where such a file is really there, the backslash is part of its name."""
    try:
        there = (folder / image).exists()
    except (OSError, ValueError):  # too long, or with a NUL
        there = False
    return image if there else image.replace("\\", "/")


def _inside(folder: Path, image: str) -> bool:
    """Whether a path stays in a resolved folder, links followed. What cannot be a path is told when it is opened."""
    try:
        return not Path(image).is_absolute() and (folder / image).resolve().is_relative_to(folder)
    except (OSError, RuntimeError, ValueError):  # too long, links in a circle, or with a NUL
        return True


def _day(time: str) -> str:
    """In UTC where the time says its zone, else as it is written."""
    if not time:
        return ""
    number = re.fullmatch(r"(\d+)(\.\d+)?", time)
    if number and len(time) != 8:  # 8 digits are a date of ISO 8601 without hyphens
        seconds = float(time) / (1000 if len(number[1]) >= 12 else 1)
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    found = datetime.fromisoformat(time)
    return (found.astimezone(UTC) if found.tzinfo else found).date().isoformat()


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
            size = photos.upright_size(photos.read(post.row.path, limits), limits)
        except photos.BadPhoto:
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
    with whole_file(path) as part, part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        # In quotes, or a carriage return in a text would end its row.
        writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(COLUMNS)
        return summary(_written(writer, found))


def _written(writer: Any, found: Iterable[Sighting]) -> Iterator[Sighting]:
    for one in found:
        post, box = one.post, " ".join(map(str, one.box or ()))
        said = (f"{one.probability:.6f}", one.verdict, box, "yes" if one.mentioned else "no")
        names = (_plain(post.name), _plain(post.row.file_name), post.day, one.brand)
        writer.writerow([*names, *said, _plain(post.text[:MOST_TEXT])])
        yield one


def _plain(text: str) -> str:
    """A stranger's text that a spreadsheet does not take for a formula, whatever blanks stand before it."""
    seen = (c for c in unicodedata.normalize("NFKC", text) if c.isprintable() and not c.isspace())
    return f"'{text}" if next(seen, "") in {"=", "+", "-", "@"} else text


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
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(SUMMARY)
        writer.writerows(rows)

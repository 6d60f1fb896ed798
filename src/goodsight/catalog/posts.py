"""A feed of posts, each with a photo and a text."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from goodsight.catalog.lists import repaired
from goodsight.catalog.read import unlabelled
from goodsight.catalog.records import Record, records
from goodsight.catalog.rows import Row
from goodsight.errors import CatalogError
from goodsight.photos import places
from goodsight.photos.places import Source

MOST_TEXT = 10_000
"""Characters of a text that the table holds: a cell of a spreadsheet takes 32,767."""


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


def read(source: Source) -> Feed:
    """The posts of a feed or a folder.

    Raises:
        CatalogError: there is no such feed or folder, a line is no JSON object, or a post has no image.

    """
    if source.suffix.lower() != ".jsonl":
        return Feed([Post(row.file_name, row) for row in unlabelled(source)])
    if isinstance(source, Path) and not source.is_file():
        raise CatalogError(f"{source}: there is no such feed")
    posts, bad, timeless = [], [], []
    for record in records(source, "image"):
        number, image = record.line, record.text("image")
        if not image:
            raise CatalogError(f"{source}: line {number} has no image; write the path of the post's photo there")
        name = _said(record, "id") or image
        image = repaired(source.parent, image)
        if not _inside(source.parent, image):
            bad.append((name, f"line {number}: the image is outside the feed's folder; put it there"))
            continue
        time = _said(record, "time")
        try:
            day = _day(time)
        except (ValueError, OverflowError, OSError):
            day = ""
            said = f"the time {time[:50]!r} is no ISO 8601 time nor seconds or milliseconds since 1970"
            timeless.append((name, f"line {number}: {said}"))
        posts.append(Post(name, Row(image, source.parent / image), _said(record, "text"), day))
    if not posts and not bad:
        raise CatalogError(f"{source}: no posts; write one JSON object a line, with the path of its photo as image")
    return Feed(posts, bad, timeless)


def _said(record: Record, column: str) -> str:
    """What a stranger wrote, whatever it is: it is shown, and decides nothing."""
    given = record.values.get(column)
    return "" if given is None else str(given).strip()


def _inside(folder: Source, image: str) -> bool:
    """Whether a path stays in a folder, links followed. What cannot be a path is told when it is opened."""
    if not isinstance(folder, Path):
        # A stranger's post sends nobody elsewhere.
        return "::" not in image and not places.is_address(image) and _below(image)
    try:
        folder = folder.resolve()
        return not Path(image).is_absolute() and (folder / image).resolve().is_relative_to(folder)
    except (OSError, RuntimeError, ValueError):  # too long, links in a circle, or with a NUL
        return True


def _below(name: str) -> bool:
    return not posixpath.normpath(name).startswith(("/", ".."))


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

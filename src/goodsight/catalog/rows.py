"""One photo and what is said of it; a catalog of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from goodsight.photos.boxes import Box

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


NONE = "none"
"""The class of photos of a folder that show none of the others, when the user names no class."""


TAKEN = ("file_name", "combination", "verdict", "reason")
"""Columns of results, which no attribute's may replace; nor may one end as the columns of another do."""


YES, NO = "yes", "no"
"""The labels of a tag: it holds, or it does not."""


@dataclass(frozen=True)
class Attribute:
    """A named group of labels of which a photo has one at most; a ``tag`` is a group of its own, yes or no."""

    name: str
    tag: bool = False


LABEL = Attribute("label")
"""What labels are called when nobody names them."""


@dataclass(frozen=True)
class Row:
    """One photo: its name relative to its source, where it is, and what is said of it ('' for nothing).

    ``source`` numbers the folder or list it came from. With several attributes ``labels`` has one of each, and
    ``label`` says them all, until :meth:`Catalog.view` chooses one. ``boxes`` are around what the label names, where
    that is known.
    """

    file_name: str
    path: Path
    label: str = ""
    split: str = ""
    source: int = 0
    labels: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Catalog:
    """Rows in a fixed order, the classes in the order used everywhere, and what was left out with the reason.

    ``name`` says where they came from, for messages. With several ``attributes`` the classes are combinations of
    labels, until :meth:`view` chooses one attribute.
    """

    name: str
    rows: tuple[Row, ...]
    classes: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    attributes: tuple[Attribute, ...] = (LABEL,)

    @classmethod
    def of(
        cls, name: str, rows: Iterable[Row], left_out: Iterable[tuple[str, str]], attributes: tuple[Attribute, ...]
    ) -> Catalog:
        """A catalog of rows; with several attributes, whose labels become the row's own."""
        if len(attributes) > 1:
            rows = (replace(row, label=in_words(row.labels, attributes)) for row in rows)
        kept = tuple(rows)
        return cls(name, kept, tuple(sorted({row.label for row in kept})), tuple(left_out), attributes)

    def view(self, attribute: int) -> Catalog:
        """The same rows with the labels of one attribute, by its number; '' where a photo has none of it."""
        if len(self.attributes) == 1:
            return self
        rows = tuple(replace(row, label=row.labels[attribute]) for row in self.rows)
        classes = tuple(sorted({row.label for row in rows} - {""}))
        return replace(self, rows=rows, classes=classes)

    @property
    def has_split(self) -> bool:
        """Whether the user brought a split."""
        return any(row.split for row in self.rows)


def in_words(labels: Sequence[str], attributes: Sequence[Attribute]) -> str:
    """Labels in one phrase, such as ``black jeans``; of tags those that hold."""
    pairs = zip(labels, attributes, strict=True)
    words = (
        attribute.name if attribute.tag else label for label, attribute in pairs if label != NO or not attribute.tag
    )
    return " ".join(word for word in words if word)

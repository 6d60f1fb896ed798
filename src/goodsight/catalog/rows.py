"""One photo and what is said of it; a catalog of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from goodsight.photos.boxes import Box
from goodsight.photos.places import Place

TAG_END = "\n"
"""Between the tags of a row, until each is an attribute of its own; no tag holds it."""


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
    """One photo: its name relative to its source, where its bytes are, and what is said of it ('' for nothing).

    ``labels`` has one of each attribute of its catalog, and is empty where nobody asked for labels. ``source`` numbers
    the folder or list it came from. ``boxes`` are around what the label names, where that is known. ``group`` names the
    seller, shelf or session that it came from; '' where nobody says.
    """

    file_name: str
    path: Place
    labels: tuple[str, ...] = ()
    split: str = ""
    source: int = 0
    boxes: tuple[Box, ...] = ()
    group: str = ""


@dataclass
class Found:
    """What a source holds: rows, names of what is left out, and what should be known, each with the reason."""

    rows: list[Row] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Catalog:
    """Rows in a fixed order, what their labels are labels of, and what was left out with the reason.

    ``name`` says where they came from, for messages; ``notes`` are about what is used but should be known, such as an
    empty class folder.
    """

    name: str
    rows: tuple[Row, ...]
    attributes: tuple[Attribute, ...] = (LABEL,)
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()

    def classes(self, attribute: int) -> tuple[str, ...]:
        """The labels of one attribute, by its number, in the order used everywhere."""
        return tuple(sorted({row.labels[attribute] for row in self.rows} - {""}))

    def prefix(self, attribute: int) -> str:
        """What begins a message about one attribute: its name, where there are others."""
        return f"{self.attributes[attribute].name}: " if len(self.attributes) > 1 else ""

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

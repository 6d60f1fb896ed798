"""Where a user's labels are, and what people decided about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from goodsight.errors import CatalogError

FOLDER = "folder"
"""The group that is the folder of a photo."""
ALONE = "none"
"""Says that each photo is a group of its own, so that no series are sought either."""


@dataclass(frozen=True)
class Labels:
    """What is said of photos, and where: in columns of a list, in the names of folders, in ledgers.

    Attributes:
        label: the label column of a list, or several, each an attribute of its own; "label" when nothing is said.
        attributes: names of attributes whose labels are in the names of folders: of ``colour`` and ``type`` the
            folder ``black_jeans`` has one each.
        tags: a column of tags, with spaces or commas between: each is an attribute of its own, yes or no.
        ledger: what people decided about these photos, in one or several files; see
            :mod:`goodsight.catalog.ledger`.
        ignore_split: treat all photos alike, whatever split they came with.
        group: the column of a list that names the seller, shelf, session or product of a photo, or ``folder`` for the
            folder below the class (of a list, the folder of the file): photos of one group never lie on both sides of
            a fold, a split or a calibration. ``none`` says that photos to come are like these, and nothing is kept
            together but twins.

    Raises:
        CatalogError: a name is empty or given twice, or both columns and folders are named.

    """

    label: str | Sequence[str] = ()
    attributes: str | Sequence[str] = ()
    tags: str = ""
    ledger: str | Path | Sequence[str | Path] = ()
    ignore_split: bool = False
    group: str = ""

    def __post_init__(self) -> None:
        if self.attributes and self.label:
            raise CatalogError("`attributes` takes labels from folders' names, `label` from columns: give one of them")
        named = "attributes" if self.attributes else "label"
        for name in self.names:
            if not name.strip() or (*self.names, self.tags).count(name) > 1:
                raise CatalogError(f"`{named}` {name!r}: empty or given twice")

    @property
    def folders(self) -> bool:
        """Whether a folder's name holds one label of each attribute, as in ``black_jeans``."""
        return bool(self.attributes)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the attributes that are no tags."""
        given = self.attributes or self.label
        names = (given,) if isinstance(given, str) else tuple(given)
        return tuple(name.strip() for name in names) or (() if self.tags else ("label",))

    @property
    def grouping(self) -> str:
        """What names groups, '' where nothing does."""
        return "" if self.group == ALONE else self.group

    @property
    def group_column(self) -> str:
        """The column that names groups, '' where it is the folder or nobody says."""
        return "" if self.group == FOLDER else self.grouping

    @property
    def ledgers(self) -> tuple[Path, ...]:
        """The files of :attr:`ledger`."""
        given = (self.ledger,) if isinstance(self.ledger, str | Path) else self.ledger
        return tuple(Path(path) for path in given)


UNSAID = Labels()
"""Labels where they are when nobody says anything: in the names of folders, or in the column "label"."""

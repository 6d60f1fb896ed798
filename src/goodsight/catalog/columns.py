"""Where a user's labels are: columns of a list, names of folders, a column of tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from goodsight.errors import CatalogError


@dataclass(frozen=True)
class Columns:
    """Where labels are: in label columns of a list, or in the names of folders; and in a column of tags ('' for none).

    ``folders`` says that a folder's name holds one label of each, as in ``black_jeans``; ``boxes`` that a list's column
    of this name is read, for what learns from boxes.
    """

    labels: tuple[str, ...] = ("label",)
    folders: bool = False
    tags: str = ""
    boxes: bool = False

    @classmethod
    def of(cls, label: str | Sequence[str] = (), attributes: Sequence[str] = (), tags: str = "") -> Columns:
        """As the user gives them: the column ``label`` when no other is named.

        Args:
            label: one label column or several.
            attributes: names of attributes, for labels in the names of folders.
            tags: the column of tags.

        Raises:
            CatalogError: a name is empty or given twice.

        """
        label = (label,) if isinstance(label, str) else label
        names = tuple(name.strip() for name in attributes) or tuple(label)
        if attributes and label:
            raise CatalogError("--attributes takes labels from folders' names, --label from columns: give one of them")
        for name in names:
            if not name.strip() or (*names, tags).count(name) > 1:
                raise CatalogError(f"{'--attributes' if attributes else '--label'} {name!r}: empty or given twice")
        return cls(names or (() if tags else ("label",)), bool(attributes), tags)


ONE_COLUMN = Columns()

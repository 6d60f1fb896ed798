"""One folder per class, or train, validation and test folders, become rows."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from goodsight.catalog.labels import Labels
from goodsight.catalog.rows import SPLITS, Row
from goodsight.errors import CatalogError
from goodsight.photos import find

FORMS = (
    "give one folder per class, train/validation/test folders with one folder per class in each, "
    "or a metadata.csv with the columns file_name and label"
)


def from_folders(root: Path, labels: Labels) -> tuple[list[Row], list[tuple[str, str]]]:
    """The photos of class folders, and what lies in none with the reason."""
    folders = sorted(p for p in _children(root) if p.is_dir())
    split_of = {p: SPLITS.get(p.name.lower(), "") for p in folders}
    given = "train" in split_of.values() and all(split_of.values())
    rows, left_out = [], []
    for path in find.find(root):
        name = path.relative_to(root).as_posix()
        parts = name.split("/")
        depth = 1 if given else 0
        if len(parts) < depth + 2:
            left_out.append((name, "lies in no class folder"))
            continue
        said = tuple(parts[depth].split("_", len(labels.names) - 1)) if labels.folders else (parts[depth],)
        if len(said) < len(labels.names) or not all(said):
            wanted = "_".join(labels.names).upper()
            left_out.append((name, f"the folder {parts[depth]!r} does not name one label of each, as {wanted} would"))
        else:
            rows.append(Row(name, path, said, split_of[root / parts[0]] if given else ""))
    if not rows:
        raise CatalogError(f"{root}: no photos in class folders; {FORMS}")
    return rows, left_out


def _children(root: Path) -> Iterable[Path]:
    try:
        return [root / entry.name for entry in os.scandir(root) if not entry.name.startswith(".")]
    except OSError as error:
        raise CatalogError(f"{root}: cannot be read: {error.strerror}") from error

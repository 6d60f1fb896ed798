"""The frozen test set: which photos a model was never trained on, by path and content, kept with the model."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from goodsight.catalog.rows import Catalog, Row
from goodsight.embedding.photoset import PhotoSet
from goodsight.embedding.table import Table
from goodsight.errors import CatalogError

NAME = "test.csv"


_COLUMNS = ("file_name", "path", "sha256", "label")


def write(folder: Path, photo_set: PhotoSet) -> None:
    """Write ``test.csv``: the test photos, else the validation photos; nothing when the user brought neither."""
    chosen = next((name for name in ("test", "validation") if (photo_set.splits == name).any()), None)
    if chosen is None:
        return
    table = photo_set.table
    with (folder / NAME).open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(_COLUMNS)
        for row, digest, name in zip(table.rows, table.sha256, photo_set.splits, strict=True):
            if name == chosen:
                writer.writerow([row.file_name, row.path.resolve(), digest, row.label])


def read(folder: Path) -> tuple[Catalog, Mapping[Path, str]]:
    """The test photos of a model folder, and the content hash of each.

    Raises:
        CatalogError: the model was trained without test or validation photos.

    """
    path = folder / NAME
    if not path.is_file():
        raise CatalogError(f"{folder}: was trained without test or validation photos; give some with --test")
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        records = list(csv.DictReader(stream))
    rows = tuple(Row(record["file_name"], Path(record["path"]), record["label"]) for record in records)
    classes = tuple(sorted({row.label for row in rows}))
    return Catalog(str(path), rows, classes), {Path(record["path"]): record["sha256"] for record in records}


def require_unchanged(table: Table, digests: Mapping[Path, str]) -> None:
    """Refuse photos that are not those of the training any more; photos that are gone are only left out.

    Raises:
        CatalogError: a photo was changed.

    """
    pairs = zip(table.rows, table.sha256, strict=True)
    changed = [row.file_name for row, digest in pairs if digests.get(row.path, digest) != digest]
    if changed:
        said = ", ".join(changed[:5])
        raise CatalogError(f"{len(changed)} test photos were changed since the training ({said}); choose with --test")

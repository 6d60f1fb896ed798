"""The frozen test set: which photos a model was never trained on, by path and content, kept with the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from goodsight.catalog.rows import Attribute, Catalog, Row
from goodsight.embedding.photoset import PhotoSet
from goodsight.embedding.table import Table
from goodsight.errors import CatalogError
from goodsight.files import read_table, write_table
from goodsight.photos import places
from goodsight.photos.places import Place

NAME = "test.csv"


_COLUMNS = ("file_name", "path", "sha256", "group")
"""Before those of the attributes."""


def write(folder: Path, photo_set: PhotoSet, attributes: Sequence[Attribute]) -> None:
    """Write ``test.csv``: the test photos, else the validation photos; nothing when the user brought neither.

    Args:
        folder: the model folder.
        photo_set: the photos, as any attribute sees them.
        attributes: of all labels, in the order of the rows' labels.

    """
    chosen = next((name for name in ("test", "validation") if (photo_set.splits == name).any()), None)
    if chosen is None:
        return
    table = photo_set.table
    head = [*_COLUMNS, *(attribute.name for attribute in attributes)]
    each = zip(table.rows, table.sha256, photo_set.splits, strict=True)
    lines = (
        [r.file_name, places.written(r.path), digest, r.group, *r.labels] for r, digest, name in each if name == chosen
    )
    write_table(folder / NAME, [head, *lines])


def read(folder: Path, attributes: Sequence[Attribute]) -> tuple[Catalog, Mapping[Place, str]]:
    """The test photos of a model folder that answers for some attributes, and the content hash of each.

    Raises:
        CatalogError: the model was trained without test or validation photos.

    """
    path = folder / NAME
    if not path.is_file():
        raise CatalogError(f"{folder}: was trained without test or validation photos; give some with `test`")
    _, *records = (cells for _, cells in read_table(path))
    rows = tuple(
        Row(name, places.again(place), tuple(labels), group=group) for name, place, _, group, *labels in records
    )
    return Catalog(str(path), rows, tuple(attributes)), {
        places.again(place): digest for _, place, digest, *_ in records
    }


def require_unchanged(table: Table, digests: Mapping[Place, str]) -> None:
    """Refuse photos that are not those of the training any more; photos that are gone are only left out.

    Raises:
        CatalogError: a photo was changed.

    """
    pairs = zip(table.rows, table.sha256, strict=True)
    changed = [row.file_name for row, digest in pairs if digests.get(row.path, digest) != digest]
    if changed:
        said = ", ".join(changed[:5])
        raise CatalogError(
            f"{len(changed)} test photos were changed since the training ({said}); give labelled photos instead"
        )

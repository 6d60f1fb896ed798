"""Embedded photos as numbers: the label, the split, and which are trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Ints
from goodsight.catalog.rows import Attribute, Catalog, Row
from goodsight.embedding.table import Table
from goodsight.errors import CatalogError


@dataclass(frozen=True)
class PhotoSet:
    """The good photos of a catalog as one attribute sees them, in the order of their table.

    Attributes:
        table: rows, hashes, embeddings and thumbnails (n).
        attribute: what the classes are classes of.
        number: of the attribute among the labels of a row.
        classes: the names that class numbers stand for.
        labels: class numbers (n,); -1 for no label, or a class that has no training photo.
        splits: ``train``, ``validation``, ``test`` or '' (n,).
        training: indices of the photos that are trained on.

    """

    table: Table
    attribute: Attribute
    number: int
    classes: tuple[str, ...]
    labels: Ints
    splits: npt.NDArray[np.str_]
    training: Ints

    def label(self, row: Row) -> str:
        """What was said of a row, '' for nothing."""
        return row.labels[self.number]

    def catalog_hash(self) -> str:
        """Hex sha256 of content, labels and name of every training photo: the same photos give the same hash."""
        rows, digests = self.table.rows, self.table.sha256
        lines = sorted(f"{digests[i]} {' '.join(rows[i].labels)} {rows[i].file_name}" for i in self.training.tolist())
        return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def to_train(catalog: Catalog, table: Table) -> tuple[PhotoSet, ...]:
    """One set for each attribute, over the same photos. Those of the training split, or of none, are trained on.

    The classes are those of the training photos; a photo that lacks an attribute is not trained on for it.

    Raises:
        CatalogError: an attribute has fewer than two classes with a good training photo.

    """
    splits = np.array([row.split for row in table.rows])
    sets = []
    for number, attribute in enumerate(catalog.attributes):
        said = [row.labels[number] for row in table.rows]
        trained = np.isin(splits, ["", "train"]) & np.array([label != "" for label in said], bool)
        classes = tuple(sorted({label for label, used in zip(said, trained, strict=True) if used}))
        if len(classes) < 2:
            first = f"; the first bad photo: {table.bad[0][0].file_name}: {table.bad[0][1]}" if table.bad else ""
            raise CatalogError(
                f"{catalog.name}: {catalog.prefix(number)}{len(classes)} class with photos that can be trained on, of "
                f"{len(table.rows)} good photos and {len(table.bad)} bad ones; training needs two classes{first}"
            )
        numbers = _numbers(said, classes)
        sets.append(PhotoSet(table, attribute, number, classes, numbers, splits, np.flatnonzero(trained)))
    return tuple(sets)


def trained_rows(sets: Sequence[PhotoSet]) -> Ints:
    """Indices of the photos that are trained on for any attribute, sorted."""
    return np.unique(np.concatenate([each.training for each in sets]))


def embedded_again(photo_set: PhotoSet, table: Table) -> PhotoSet:
    """The same photos with the embeddings of another network.

    Raises:
        CatalogError: a photo was changed meanwhile.

    """
    require_unchanged(photo_set.table.sha256, table)
    return replace(photo_set, table=replace(table, bad=photo_set.table.bad))


def require_unchanged(sha256: Sequence[str], again: Table) -> None:
    """Make sure that photos which were embedded again have the bytes that they had.

    Raises:
        CatalogError: a photo was changed meanwhile.

    """
    if again.bad:
        row, bad = again.bad[0]
        raise CatalogError(f"{row.path}: was changed during the training: {bad}; run it again")
    for row, digest, old in zip(again.rows, again.sha256, sha256, strict=True):
        if digest != old:
            raise CatalogError(f"{row.path}: was changed during the training; run it again")


def to_score(table: Table, attribute: Attribute, number: int, classes: Sequence[str]) -> PhotoSet:
    """Photos that a trained model is scored on: none is trained on, and splits do not count."""
    numbers = _numbers([row.labels[number] for row in table.rows], classes)
    no_split = np.array([""] * len(table.rows))
    return PhotoSet(table, attribute, number, tuple(classes), numbers, no_split, np.empty(0, np.int64))


def _numbers(labels: Sequence[str], classes: Sequence[str]) -> Ints:
    number = {name: i for i, name in enumerate(classes)}
    return np.array([number.get(label, -1) for label in labels], np.int64)


def corrected(table: Table) -> tuple[Table, tuple[tuple[str, str], ...]]:
    """The table without the photos that a later source has, byte for byte, under another label; and their names.

    A source that has no label of an attribute does not speak against one that has. Each name comes with the reason why
    the photo was left out.
    """
    last: dict[str, int] = {}
    for i, digest in enumerate(table.sha256):
        if digest not in last or table.rows[i].source >= table.rows[last[digest]].source:
            last[digest] = i
    kept, out = [], []
    for i, (row, digest) in enumerate(zip(table.rows, table.sha256, strict=True)):
        newest = table.rows[last[digest]]
        one, other = row.labels, newest.labels
        if newest.source > row.source and any(a != b for a, b in zip(one, other, strict=True) if a and b):
            said = f"labelled {', '.join(one)!r}, but {newest.file_name} says {', '.join(other)!r}"
            out.append((row.file_name, said))
        else:
            kept.append(i)
    return (table.take(np.array(kept, np.int64)) if out else table), tuple(out)

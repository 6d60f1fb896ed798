"""Twins among the photos, what users say comes from one place, and folds that keep both together.

A figure says something about photos from elsewhere only when no photo of the same seller, shelf or session was trained
on: so photos of one group are never torn apart, and intervals are drawn over groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from goodsight.arrays import Ints
from goodsight.backbones.backbone import Backbone
from goodsight.catalog.rows import Row
from goodsight.embedding import twins
from goodsight.embedding.photoset import PhotoSet
from goodsight.embedding.twins import Fingerprints, Twins
from goodsight.errors import CatalogError
from goodsight.heads.folds import deal
from goodsight.heads.scaler import Scaler, scalers

FOLDS = 5


@dataclass(frozen=True)
class Grouped:
    """Twins among all photos, and what keeps twins together among the ``t`` training photos of one attribute.

    Attributes:
        views: standardise what a head looks at, learnt from the training photos of any attribute.
        fingerprints: of all photos.
        found: the twins among all photos.
        units: of all photos (n,): those of one group, and twins, have the same number.
        folds: fold numbers that keep units together (t,).
        near_folds: fold numbers that keep twins together and nothing else (t,); None where no groups are known, and the
            folds are these.

    """

    views: Mapping[str, Scaler]
    fingerprints: Fingerprints
    found: Twins
    units: Ints
    folds: Ints
    near_folds: Ints | None = None


def group(sets: Sequence[PhotoSet], backbone: Backbone) -> tuple[Grouped, ...]:
    """Find twins, and deal the training photos of each set into folds that keep groups together.

    Raises:
        CatalogError: all training photos are copies of one, or of one group.

    """
    training = trained_rows(sets)
    views = scalers(sets[0].table.vectors[training], backbone.blocks)
    fingerprints = fingerprints_of(sets[0], views[""])
    found = fingerprints.twins()
    if len(np.unique(found.groups[training])) < 2:
        raise CatalogError("all training photos are copies of one photo; training needs different ones")
    units = units_of(sets[0].table.rows, found.groups)
    if len(np.unique(units[training])) < 2:
        raise CatalogError("all training photos are of one group; training needs photos of two groups at least")
    grouped = []
    for each in sets:
        labels, rows = each.labels[each.training], each.training
        near = deal(labels, found.groups[rows], FOLDS)
        apart = any(row.group for row in each.table.rows)
        folds = deal(labels, units[rows], FOLDS) if apart else near
        grouped.append(Grouped(views, fingerprints, found, units, folds, near if apart else None))
    return tuple(grouped)


def units_of(rows: Sequence[Row], twin_groups: Ints) -> Ints:
    """What must not be torn apart (n,): photos of one group and twins have the same number.

    Args:
        rows: the photos (n), with their groups.
        twin_groups: their twin groups (n,).

    """
    names = sorted({row.group for row in rows} - {""})
    number = {name: i for i, name in enumerate(names)}
    photos, first = np.arange(len(rows)), len(rows)
    twins_at = first + np.unique(twin_groups, return_inverse=True)[1]
    groups_at = first + len(rows) + np.array([number.get(row.group, -1) for row in rows], np.int64)
    said = np.array([bool(row.group) for row in rows], bool)
    pairs = np.concatenate([np.stack([photos, twins_at], 1), np.stack([photos[said], groups_at[said]], 1)])
    return twins.grouped(pairs, 2 * len(rows) + len(names))[: len(rows)]


def trained_rows(sets: Sequence[PhotoSet]) -> Ints:
    """Indices of the photos that are trained on for any attribute, sorted."""
    return np.unique(np.concatenate([each.training for each in sets]))


def fingerprints_of(photo_set: PhotoSet, scaler: Scaler) -> Fingerprints:
    """What the twins of a set's photos are found by."""
    table = photo_set.table
    return Fingerprints(table.sha256, table.thumbnails, twins.sketch(scaler(table.vectors)))

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
from goodsight.embedding.components import grouped
from goodsight.embedding.filed import taken
from goodsight.embedding.photoset import PhotoSet, trained_rows
from goodsight.embedding.twins import Fingerprints, Twins
from goodsight.errors import CatalogError
from goodsight.heads.folds import deal, kept_together, of_one_unit
from goodsight.heads.scaler import Scaler, scalers, sketched
from goodsight.training.series import Seek, Series, seek

FOLDS = 5


@dataclass(frozen=True)
class Grouped:
    """Twins among all photos, and what keeps twins together among the ``t`` training photos of one attribute.

    Attributes:
        views: standardise what a head looks at, learnt from the training photos of any attribute.
        fingerprints: of all photos.
        found: the twins among all photos.
        units: of all photos (n,): those of one group, and twins, have the same number.
        kept: what is kept together among the training photos (t,): units, but twins in classes of one unit.
        folds: fold numbers that keep these together (t,).
        series: what was found where nobody names groups; None where nothing was sought or found.
        near_folds: fold numbers that keep twins together and nothing else (t,); None where no groups are known, or each
            class comes from one, and the folds are these.
        few: a class has fewer different photos than there are folds: its mean without one of them says which is gone.

    """

    views: Mapping[str, Scaler]
    fingerprints: Fingerprints
    found: Twins
    units: Ints
    kept: Ints
    folds: Ints
    near_folds: Ints | None = None
    series: Series | None = None
    few: bool = False

    @property
    def apart(self) -> bool:
        """Whether each fold is to be answered by a head that knows nothing of it."""
        return self.few or self.near_folds is not None


def group(sets: Sequence[PhotoSet], backbone: Backbone, how: Seek | None = None) -> tuple[Grouped, ...]:
    """Find twins, and deal the training photos of each set into folds that keep groups together.

    Args:
        sets: the photos, one set for each attribute.
        backbone: what embedded them.
        how: series are sought, and are the groups, where no photo has one; None seeks none.

    Raises:
        CatalogError: all training photos are copies of one, or of one group.

    """
    training = trained_rows(sets)
    views = scalers(taken(sets[0].table.filed, training), backbone.blocks)
    fingerprints = fingerprints_of(sets[0], views[""])
    found = fingerprints.twins()
    if len(np.unique(found.groups[training])) < 2:
        raise CatalogError("all training photos are copies of one photo; training needs different ones")
    series = None
    if how is not None and not any(row.group for row in sets[0].table.rows):
        series = seek(sets, views[""], fingerprints, found.groups, how)
        sets = sets if series is None else series.named(sets)
    units = units_of(sets[0].table.rows, found.groups)
    if len(np.unique(units[training])) < 2:
        joined = _joined(sets[0].table.rows, units)
        raise CatalogError(
            "all training photos are of one group; training needs photos of two groups at least"
            + (f" ({joined})" if joined else "")
        )
    grouped = []
    for each in sets:
        labels, rows = each.labels[each.training], each.training
        near = deal(labels, found.groups[rows], FOLDS)
        kept = kept_together(labels, units[rows], found.groups[rows])
        apart = any(row.group for row in each.table.rows) and bool((kept == units[rows]).any())
        folds = deal(labels, kept, FOLDS) if apart else near
        few = _least(labels, found.groups[rows]) < FOLDS
        grouped.append(Grouped(views, fingerprints, found, units, kept, folds, near if apart else None, series, few))
    return tuple(grouped)


def _least(labels: Ints, units: Ints) -> int:
    """Of how many units the class of the fewest is."""
    return int(np.unique(np.unique(np.stack([labels, units]), axis=1)[0], return_counts=True)[1].min())


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
    return grouped(pairs, 2 * len(rows) + len(names))[: len(rows)]


def notes(photo_set: PhotoSet, units: Ints, prefix: str, *, found_series: bool = False) -> list[tuple[str, str]]:
    """What a user should know of the groups: of what, and what is to be known.

    Args:
        photo_set: one attribute's photos (n).
        units: what is kept together (n,); see :func:`units_of`.
        prefix: begins the names of classes.
        found_series: the groups are series that were found.

    """
    rows = photo_set.table.rows
    if not any(row.group for row in rows):
        return []
    kind = "series" if found_series else "group"
    training = photo_set.training
    found, labels = [], photo_set.labels[training]
    alone, there = of_one_unit(labels, units[training]), np.unique(labels)
    if len(alone):
        shown = ", ".join(photo_set.classes[c] for c in alone[:3]) + (", ..." if len(alone) > 3 else "")
        said = (
            f"{len(alone)} of {len(there)} ({shown}) come from one {kind} each, so nothing is known of them elsewhere"
        )
        found.append((f"{prefix}classes", f"{said}: their figures are for photos like these"))
    if found_series:
        return found
    if joined := _joined(rows, units):
        found.append(("groups", joined))
    if without := sum(not row.group for row in rows):
        found.append(("groups", f"{without} of {len(rows)} photos are of none: each is taken for one of its own"))
    return found


def _joined(rows: Sequence[Row], units: Ints) -> str:
    """How many groups are kept together because they share photos; '' where none are."""
    said = [i for i, row in enumerate(rows) if row.group]
    names, together = len({rows[i].group for i in said}), len(np.unique(units[said]))
    return f"{names} groups are kept together as {together}, since they share photos" if together < names else ""


def fingerprints_of(photo_set: PhotoSet, scaler: Scaler) -> Fingerprints:
    """What the twins of a set's photos are found by."""
    table = photo_set.table
    return Fingerprints(table.sha256, table.thumbnails, sketched(scaler, table.filed))

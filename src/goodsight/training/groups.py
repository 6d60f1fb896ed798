"""Twins among the photos, and folds that keep them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from goodsight.arrays import Ints
from goodsight.backbones.backbone import Backbone
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
        folds: fold numbers (t,).

    """

    views: Mapping[str, Scaler]
    fingerprints: Fingerprints
    found: Twins
    folds: Ints


def group(sets: Sequence[PhotoSet], backbone: Backbone) -> tuple[Grouped, ...]:
    """Find twins, and deal the training photos of each set into folds.

    Raises:
        CatalogError: all training photos are copies of one.

    """
    training = trained_rows(sets)
    views = scalers(sets[0].table.vectors[training], backbone.blocks)
    fingerprints = fingerprints_of(sets[0], views[""])
    found = fingerprints.twins()
    if len(np.unique(found.groups[training])) < 2:
        raise CatalogError("all training photos are copies of one photo; training needs different ones")
    return tuple(
        Grouped(views, fingerprints, found, deal(each.labels[each.training], found.groups[each.training], FOLDS))
        for each in sets
    )


def trained_rows(sets: Sequence[PhotoSet]) -> Ints:
    """Indices of the photos that are trained on for any attribute, sorted."""
    return np.unique(np.concatenate([each.training for each in sets]))


def fingerprints_of(photo_set: PhotoSet, scaler: Scaler) -> Fingerprints:
    """What the twins of a set's photos are found by."""
    table = photo_set.table
    return Fingerprints(table.sha256, table.thumbnails, twins.sketch(scaler(table.vectors)))

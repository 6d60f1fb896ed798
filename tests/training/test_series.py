"""Capture series are found where they give answers away, and nowhere else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from goodsight.arrays import Array, Ints
from goodsight.backbones.backbone import Backbone, Block
from goodsight.catalog.rows import Attribute, Catalog, Row
from goodsight.embedding.photoset import PhotoSet, to_train
from goodsight.embedding.table import Table
from goodsight.errors import CatalogError
from goodsight.heads.scaler import Scaler
from goodsight.photos.limits import BadPhoto
from goodsight.photos.resize import Resize
from goodsight.training.groups import fingerprints_of, group, notes
from goodsight.training.likeness import clusters
from goodsight.training.recipe import LITE0, Recipe
from goodsight.training.series import ALIKE, Seek, Series, seek

WIDTH = 200
BACKBONE = Backbone("made up", Path("none.onnx"), "0" * 64, Resize(224), (Block("head", WIDTH, 1.0),))
AT_HALF = Seek(0.5)


def _photos(sessions: Ints, labels: Ints, likeness: float, clear: float, seed: int = 0) -> PhotoSet:
    """Photos (n) that share so much with their session, and whose class shows so clearly."""
    draw = np.random.default_rng(seed)
    ground = draw.standard_normal((int(sessions.max()) + 1, WIDTH))
    ways = draw.standard_normal((int(labels.max()) + 1, WIDTH))
    own = draw.standard_normal((len(labels), WIDTH))
    vectors = np.sqrt(likeness) * ground[sessions] + np.sqrt(1 - likeness) * own + clear * ways[labels]
    rows = tuple(Row(f"{i}.jpg", Path(f"{i}.jpg"), (f"class {label}",)) for i, label in enumerate(labels.tolist()))
    digests = tuple(f"{seed:08x}{i:056x}" for i in range(len(rows)))
    thumbnails = draw.integers(0, 256, (len(rows), 256), np.uint8)
    table = Table(rows, digests, vectors.astype(np.float32), thumbnails, ())
    return to_train(Catalog("photos", rows), table)[0]


def _of_sessions(likeness: float = 0.7, clear: float = 0.08) -> tuple[PhotoSet, Ints]:
    """Four classes of ten sessions of eight photos each."""
    sessions = np.repeat(np.arange(40), 8)
    return _photos(sessions, sessions % 4, likeness, clear), sessions


def _scaler(photo_set: PhotoSet) -> Scaler:
    return Scaler.fit(photo_set.table.vectors, BACKBONE.blocks)


def _found(photo_set: PhotoSet, how: Seek = AT_HALF) -> list[str]:
    series = _sought(photo_set, how)
    return [] if series is None else list(series.names)


def _sought(photo_set: PhotoSet, how: Seek) -> Series | None:
    scaler = _scaler(photo_set)
    return seek([photo_set], scaler, fingerprints_of(photo_set, scaler), np.arange(len(photo_set.labels)), how)


def test_planted_sessions_are_found_and_never_torn_apart() -> None:
    photo_set, sessions = _of_sessions()
    (grouped,) = group([photo_set], BACKBONE, AT_HALF)
    assert grouped.series is not None
    assert len(set(grouped.series.names)) == 40
    for session in range(40):
        assert len({grouped.series.names[i] for i in np.flatnonzero(sessions == session)}) == 1
        assert len(np.unique(grouped.folds[sessions == session])) == 1
    assert grouped.series.given_away > 0.1
    assert grouped.near_folds is not None
    (first, second) = grouped.series.notes()
    assert first[1].startswith("320 photos look like 40 series (one seller, shelf or session)")
    assert "`group`" in second[1]
    assert "`like`" in second[1]
    # Known by name as a group would be, but not said to be one.
    (named,) = grouped.series.named([photo_set])
    assert notes(named, grouped.units, "", found_series=True) == []


def test_photos_that_are_merely_alike_are_no_series() -> None:
    photo_set, _ = _of_sessions(clear=1.5)
    # As much alike as before, but answered as well without the others.
    assert len(set(clusters(_unit(photo_set), photo_set.labels, np.arange(320), 0.5).tolist())) < 320
    assert _found(photo_set) == []


def test_independent_photos_are_no_series() -> None:
    photo_set, _ = _of_sessions(likeness=0.0)
    assert _found(photo_set) == []


def test_groups_that_are_named_are_not_sought() -> None:
    photo_set, _ = _of_sessions()
    rows = tuple(replace(row, group="one" if i < 160 else "") for i, row in enumerate(photo_set.table.rows))
    table = replace(photo_set.table, rows=rows)
    (named,) = to_train(Catalog("photos", table.rows), table)
    assert group([named], BACKBONE, AT_HALF)[0].series is None
    assert group([photo_set], BACKBONE)[0].series is None


@pytest.mark.parametrize("network", ["lite0:tuned", "compact"])
def test_each_network_has_a_cut_of_its_own(network: str) -> None:
    assert Seek.by(Recipe(views=2)).alike == ALIKE[LITE0, 2]
    assert Seek.by(Recipe()).alike == ALIKE[LITE0, 1]
    assert Seek.by(Recipe(size=160)).alike is None
    assert Seek.by(Recipe(network)).alike not in (None, ALIKE[LITE0, 1])
    assert Seek.by(Recipe("hf:some/model")).alike is None


def test_photos_to_come_from_other_sessions_make_folds_as_far() -> None:
    photo_set, sessions = _of_sessions()
    other = _photos(np.repeat(np.arange(40), 2), np.repeat(np.arange(4), 20), 0.7, 0.08, seed=1)
    how = Seek(None, other.table)
    names = _found(photo_set, how)
    whole = [len({names[i] for i in np.flatnonzero(sessions == session)}) == 1 for session in range(40)]
    assert np.mean(whole) > 0.8
    series = _sought(photo_set, how)
    assert series is not None
    assert series.nearness is not None
    theirs, ours = series.nearness
    assert abs(ours - theirs) < 0.15
    assert series.notes()[-1][0] == "like"


def test_photos_to_come_from_the_same_sessions_need_no_series() -> None:
    photo_set, _ = _of_sessions()
    draw = np.random.default_rng(2).permutation(320)
    table = photo_set.table.take(np.sort(draw[:240]))
    (some,) = to_train(Catalog("photos", table.rows), table)
    series = _sought(some, Seek(0.5, photo_set.table.take(np.sort(draw[240:]))))
    assert series is not None
    assert series.nearness is not None
    assert series.nearness[1] - series.nearness[0] < 0.05
    # What is known of them is said, even where nothing has to be kept together.
    assert series.notes()[-1][1].startswith("photos to come are 0.")


def test_copies_among_photos_to_come_are_left_out_and_told() -> None:
    photo_set, _ = _of_sessions()
    other = _photos(np.repeat(np.arange(40), 2), np.repeat(np.arange(4), 20), 0.7, 0.08, seed=1).table
    both = Table(
        (*other.rows, *photo_set.table.rows[:50]),
        (*other.sha256, *photo_set.table.sha256[:50]),
        np.concatenate([other.vectors, photo_set.table.vectors[:50]]),
        np.concatenate([other.thumbnails, photo_set.table.thumbnails[:50]]),
        ((photo_set.table.rows[0], BadPhoto("empty")),),
    )
    series = _sought(photo_set, Seek(0.5, both))
    assert series is not None
    assert [said for _, said in series.notes()][:2] == [
        "50 photos are copies of training photos and left out",
        "1 photos cannot be used; the first: 0.jpg: empty",
    ]
    with pytest.raises(CatalogError, match="`like`: all 320 photos are copies of training photos; give new ones"):
        _sought(photo_set, Seek(0.5, photo_set.table))


def test_classes_of_one_series_give_nothing_away() -> None:
    # Each of these six classes is one session; the other two are loose.
    sessions = np.r_[np.repeat(np.arange(6), 12), 6 + np.arange(60)]
    labels = np.r_[np.repeat(np.arange(6), 12), 6 + np.arange(60) % 2]
    assert _found(_photos(sessions, labels, 0.8, 0.5)) == []


def test_an_attribute_that_shows_nothing_does_not_veto_another() -> None:
    photo_set, sessions = _of_sessions()
    rows = tuple(
        replace(row, labels=(*row.labels, ("plain", "striped")[i % 2] if session < 4 else ""))
        for i, (row, session) in enumerate(zip(photo_set.table.rows, sessions, strict=True))
    )
    table = replace(photo_set.table, rows=rows)
    sets = to_train(Catalog("photos", rows, (Attribute("kind"), Attribute("style"))), table)
    scaler = _scaler(photo_set)
    series = seek(sets, scaler, fingerprints_of(sets[0], scaler), np.arange(320), AT_HALF)
    assert series is not None
    assert series.given_away > 0.1


def test_a_series_on_both_sides_of_the_users_own_split_is_leaked() -> None:
    photo_set, sessions = _of_sessions()
    # Of each of the first twenty sessions three photos are kept aside; the last twenty are wholly on one side.
    aside = np.where(sessions < 20, np.arange(320) % 8 > 4, sessions >= 38)
    rows = tuple(
        replace(row, split="test" if out else "train") for row, out in zip(photo_set.table.rows, aside, strict=True)
    )
    (own,) = to_train(Catalog("photos", rows), replace(photo_set.table, rows=rows))
    (grouped,) = group([own], BACKBONE, AT_HALF)
    trained = grouped.units[own.training]
    leaked = np.isin(grouped.units, trained)
    assert leaked[aside & (sessions < 20)].mean() > 0.9
    assert not leaked[sessions >= 38].any()


def test_a_network_that_is_trained_here_knows_every_class() -> None:
    sessions = np.r_[np.repeat(np.arange(2), 12), 2 + np.repeat(np.arange(20), 6)]
    labels = np.r_[np.repeat(np.arange(2), 12), 2 + np.repeat(np.arange(20), 6) % 2]
    photo_set = _photos(sessions, labels, 0.75, 0.08)
    (grouped,) = group([photo_set], BACKBONE, AT_HALF)
    assert grouped.series is not None
    for label in (0, 1):
        assert len(np.unique(grouped.kept[photo_set.labels == label])) == 12
        assert len(np.unique(grouped.units[photo_set.labels == label])) == 1


def _unit(photo_set: PhotoSet) -> Array:
    vectors = _scaler(photo_set)(photo_set.table.vectors)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

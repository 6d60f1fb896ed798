"""Heads that are fitted some photos at a time, from a file, are those that are fitted on all at once."""

from dataclasses import replace

import numpy as np
import pytest
from clouds import BLOCKS, clouds

from goodsight.arrays import Ints
from goodsight.embedding import filed
from goodsight.embedding.filed import put_away
from goodsight.heads import kinds, ridge, sample, search
from goodsight.heads.examples import Examples
from goodsight.heads.folds import deal
from goodsight.heads.head import Setting
from goodsight.heads.scaler import Scaler
from goodsight.heads.search import fit
from goodsight.heads.seen import Seen

SETTINGS = (
    Setting("linear", 0.0, 1.0),
    Setting("kernel", 0.5, 0.06),
    Setting("cosine", 0.0, 0.1),
    Setting("cosine", 0.0, 0.2, aside=4.0),
    Setting("curved", 0.5, 0.1, aside=4.0),
)
SIZES = [150, 100, 60]
PART = sample.part


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few photos are many, and landmarks are drawn in one way wherever embeddings are."""

    def drawn(labels: Ints, groups: Ints | None, most: int, least: int = 5) -> Ints:
        return np.random.default_rng(0).permutation(len(labels))[:most]

    monkeypatch.setattr(filed, "BLOCK", 64)
    monkeypatch.setattr(ridge, "EXACT", 120)
    monkeypatch.setattr(sample, "part", drawn)


def _photos(*, apart: bool = False) -> tuple[Examples, Examples]:
    """The same in memory and in a file."""
    photos = clouds(SIZES, spread=2.0)
    groups = np.random.default_rng(5).integers(0, 90, len(photos))
    held = replace(
        photos,
        filed=photos.vectors.astype(np.float16).astype(np.float32),
        folds=deal(photos.labels, groups),
        others=np.arange(len(photos)) % 2,
        apart=apart,
    )
    return held, replace(held, filed=put_away(held.vectors))


@pytest.mark.parametrize("apart", [False, True], ids=["sums", "apart"])
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: f"{s.kind}-{s.aside}")
def test_sums_of_blocks_give_the_same_head(setting: Setting, apart: bool) -> None:
    held, away = _photos(apart=apart)
    scaler = Scaler.fit(held.filed, BLOCKS)
    head, scores = kinds.train(setting, scaler, held)
    by_blocks, its_scores = kinds.train(setting, scaler, away)
    assert np.abs(scores).max() > 0.3
    assert np.allclose(its_scores, scores, atol=2e-4)
    assert np.allclose(by_blocks(held.vectors), head(held.vectors), atol=2e-4)
    # The answers of a fold are those of a head that was trained without it.
    rest = np.flatnonzero(away.folds != 0)
    if not apart and setting.kind != "curved":
        alone = kinds.train(setting, scaler, replace(away.take(rest), folds=0 * rest))[0]
        asked = away.folds == 0
        right = (alone(held.vectors[asked]).argmax(axis=1) == its_scores[asked].argmax(axis=1)).mean()
        assert right > 0.97


def test_the_scaler_is_the_same() -> None:
    held, away = _photos()
    known = Scaler.fit(held.filed, BLOCKS).tensors()
    for name, one in Scaler.fit(away.filed, BLOCKS).tensors().items():
        assert np.array_equal(one, known[name])


def test_copies_without_colours_are_learnt_from_a_file_as_well() -> None:
    setting = Setting("cosine", 0.0, 0.2, aside=4.0, grey=True)
    held, away = _photos()
    held, away = replace(held, grey=held.vectors[:, ::-1]), replace(away, grey=put_away(held.vectors[:, ::-1]))
    scaler = Scaler.fit(held.filed, BLOCKS)
    plain = kinds.train(replace(setting, grey=False), scaler, away)[1]
    scores = kinds.train(setting, scaler, away)[1]
    assert np.allclose(scores, kinds.train(setting, scaler, held)[1], atol=2e-4)
    assert not np.allclose(scores, plain, atol=1e-2)


def test_kinds_are_compared_on_a_part_and_the_best_is_trained_on_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(ridge, "EXACT", 120)
    monkeypatch.setattr(search, "COMPARED", 200)
    monkeypatch.setattr(search, "CLOSE", 9.0)
    held, away = _photos()
    found = fit(replace(away, others=None), {"": Scaler.fit(held.filed, BLOCKS)}, mixed=True)
    counts = {(trial.setting.kind, trial.photos) for trial in found.trials}
    some = len(search._many(away))
    assert 190 < some <= 200
    assert {(kind, some) for kind in ("linear", "kernel", "cosine", "mixed")} <= counts
    assert [trial.setting for trial in found.trials if trial.photos == len(away)] == [found.head.setting]
    assert found.scores.shape == (len(away), len(SIZES))
    again = kinds.train(found.head.setting, Scaler.fit(held.filed, BLOCKS), away)[1]
    assert np.allclose(found.scores, again, atol=1e-4)


def test_the_part_keeps_groups_whole_and_every_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "COMPARED", 100)
    monkeypatch.setattr(sample, "part", PART)
    photos = replace(clouds([900, 40, 2]), groups=np.arange(942) // 3)
    part = search._many(photos)
    assert 100 <= len(part) <= 115
    assert part.groups is not None
    assert (np.unique(part.groups, return_counts=True)[1] == 3).all()
    assert set(part.labels.tolist()) == {0, 1, 2}
    few = part.take(np.arange(100))
    assert search._many(few) is few


def test_landmarks_are_of_every_class_and_no_more_than_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "part", PART)
    photos = clouds([300, 40, 1])
    away = Seen.of(Scaler.none(40), replace(photos, filed=put_away(photos.vectors)))
    found = away.landmarks(30)
    assert 20 < len(found) <= 30
    assert (found == photos.vectors[-1].astype(np.float16)).all(axis=1).any()
    assert len(away.landmarks(2)) == 2

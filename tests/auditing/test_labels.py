"""Planted wrong labels are found, ambiguous photos are not, and the chances say how many there are."""

import numpy as np
import pytest

from goodsight.auditing import labels
from goodsight.embedding import filed
from goodsight.heads import folds, ridge
from goodsight.heads.scaler import Scaler

RNG = np.random.default_rng(0)
CLASSES = 4


def _photos(count: int, apart: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    true = np.arange(count) % CLASSES
    centres = apart * np.linalg.qr(RNG.standard_normal((40, CLASSES)))[0].T
    return (centres[true] + RNG.standard_normal((count, 40))).astype(np.float32), true


@pytest.mark.parametrize("where", ["memory", "file"])
@pytest.mark.parametrize("share", [0.05, 0.2])
def test_planted_wrong_labels_are_found_and_counted(share: float, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, true = _photos(400)
    if where == "file":
        # As with very many photos: heads are fitted some photos at a time, one of them on landmarks.
        monkeypatch.setattr(filed, "HELD", 100)
        monkeypatch.setattr(filed, "BLOCK", 64)
        monkeypatch.setattr(ridge, "EXACT", 120)
    given = true.copy()
    wrong = RNG.permutation(400)[: round(400 * share)]
    given[wrong] = (true[wrong] + RNG.integers(1, CLASSES, len(wrong))) % CLASSES
    told: list[tuple[int, int]] = []

    def progress(step: str, done: int, total: int, note: str = "", /) -> None:
        told.append((done, total))

    there = filed.put_away(vectors) if where == "file" else vectors
    found = labels.doubt(there, given, folds.deal(given, np.arange(400)), Scaler.none(40), progress)
    assert told == [(i, 4) for i in range(5)]
    planted = np.isin(np.arange(400), wrong)
    assert (found.chance[planted] > 0.5).mean() > 0.9
    assert (found.chance[~planted] > 0.5).mean() < 0.02
    assert (found.suggested[planted] == true[planted]).mean() > 0.9
    assert found.chance.sum() == pytest.approx(len(wrong), rel=0.25)
    assert found.share == pytest.approx(share, rel=0.25)


def test_right_labels_are_believed() -> None:
    vectors, true = _photos(200)
    found = labels.doubt(vectors, true, folds.deal(true, np.arange(200)), Scaler.none(40))
    assert found.chance.max() < 0.5


def test_an_ambiguous_photo_is_no_wrong_one() -> None:
    """Half of the answer for another class: its own label is far more likely than a mistake."""
    chance, share = labels.wrong(np.array([0.5] * 10 + [0.999] * 85 + [1e-6] * 5), 2)
    assert chance[:10].max() < 0.2
    assert chance[-5:].min() > 0.99
    assert share == pytest.approx(0.05, abs=0.02)


def test_a_class_that_is_contradicted_as_a_whole_still_has_an_answer() -> None:
    vectors, true = _photos(120)
    given = np.where(true == 3, 2, true)
    given[np.flatnonzero(true == 0)[:3]] = 3
    found = labels.doubt(vectors, given, folds.deal(given, np.arange(120)), Scaler.none(40))
    assert np.isfinite(found.chance).all()

from pathlib import Path

import numpy as np
import pytest
from here import here

from goodsight.arrays import Array, Ints
from goodsight.catalog.rows import Row
from goodsight.errors import CatalogError
from goodsight.photos import words
from goodsight.photos.limits import DEFAULT_LIMITS
from goodsight.photos.words import Line
from goodsight.progress import quiet
from goodsight.training import wording
from goodsight.training.recipe import TrainingSet, WordGain

NONE = 2


def _made(per: int = 60) -> tuple[Array, Ints, Ints, Ints]:
    """Scores (n, 3) of a network that sees two brands badly; labels, groups, folds."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, NONE], per)
    scores = rng.normal(-3, 1, (len(labels), 3)).astype(np.float32)
    scores[np.arange(len(labels)), labels] += 2
    return scores, labels, np.arange(len(labels)), np.arange(len(labels)) % 5


def _weigh(sure: Array) -> WordGain:
    scores, labels, groups, folds = _made()
    return wording.weigh(scores, sure, labels, groups, folds, NONE, 0.95)


def test_words_that_name_the_brand_are_a_gain() -> None:
    _, labels, *_ = _made()
    sure = np.zeros((len(labels), 3), np.float32)
    named = np.flatnonzero((labels != NONE) & (np.arange(len(labels)) % 2 == 0))
    sure[named, labels[named]] = 1
    gain = _weigh(sure)
    assert gain.gained
    assert gain.read > gain.without + 0.2
    assert gain.low <= gain.read - gain.without <= gain.high
    assert gain.weight in wording.WEIGHTS


def test_words_that_name_anything_are_none() -> None:
    rng = np.random.default_rng(1)
    _, labels, *_ = _made()
    sure = np.where(np.arange(3) == NONE, 0, rng.random((len(labels), 3)) < 0.3).astype(np.float32)
    gain = _weigh(sure)
    assert not gain.gained
    assert gain.weight == min(wording.WEIGHTS)


def test_no_words_gain_nothing() -> None:
    _, labels, *_ = _made()
    gain = _weigh(np.zeros((len(labels), 3), np.float32))
    assert (gain.low, gain.high, gain.gained) == (0, 0, False)
    assert gain.read == gain.without


def test_copies_of_one_photo_are_no_proof() -> None:
    scores, labels, _, folds = _made()
    sure = np.zeros((len(labels), 3), np.float32)
    # One photo of each brand and its copies are named; drawn as one, they may as well not have been there.
    named = np.concatenate([np.arange(12), np.arange(60, 72)])
    sure[named, labels[named]] = 1
    alone = wording.weigh(scores, sure, labels, np.arange(len(labels)), folds, NONE, 0.95)
    groups = np.arange(len(labels))
    groups[named] = labels[named]
    together = wording.weigh(scores, sure, labels, groups, folds, NONE, 0.95)
    assert together.high - together.low > alone.high - alone.low


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingSet:
    """Two photos, of which the words name the first."""
    monkeypatch.setattr(words, "of_photo", lambda data, limits, kept: (Line(data.decode(), 1.0, (0, 0, 1, 1)),))
    rows = tuple(Row(name, tmp_path / name) for name in ("cup", "other"))
    for row in rows:
        here(row).write_text(row.file_name, encoding="utf-8")
    return TrainingSet(rows, np.array([0, 0]), np.array([0, 1]), DEFAULT_LIMITS, 1, ("cup", ""))


def test_what_words_name_is_in_the_order_of_the_photos(photos: TrainingSet) -> None:
    assert wording.named(photos, quiet).tolist() == [[1, 0], [0, 0]]


def test_a_photo_that_vanished_is_named(photos: TrainingSet) -> None:
    here(photos.rows[1]).unlink()
    with pytest.raises(CatalogError, match=r"other: was changed while its words were read: .*; run it again"):
        wording.named(photos, quiet)

"""The order of looking: foreign photos and contradicted labels first, and the chance rises with both."""

import numpy as np
import pytest

from goodsight.auditing import review
from goodsight.auditing.labels import Doubts


def _doubts(*chances: float) -> Doubts:
    n = len(chances)
    return Doubts(np.array(chances), np.zeros(n, np.int64), np.ones(n), np.zeros(n, bool), 0.1)


def _odds(*likeness: float) -> np.ndarray:
    return review.foreign(np.array(likeness), np.full(len(likeness), 0.8))


def test_a_photo_like_nothing_there_is_more_foreign_than_one_like_another_label() -> None:
    like_another, like_none = review.foreign(np.array([0.6, 0.6]), np.array([0.8, 0.5]))
    assert like_none > like_another + 5


def test_the_chance_rises_with_both_signs() -> None:
    likeness = np.array([0.8, 0.45, 0.8, 0.45])
    odds = review.foreign(likeness, np.full(4, 0.8))
    chance = review.chances(odds, _doubts(1e-6, 1e-6, 0.9999, 0.9999), np.zeros(4))
    assert chance[0] < 0.01
    assert chance[1] > 0.9
    assert 0.01 < chance[2] < chance[3]
    assert chance[3] > 0.98


def test_a_label_that_the_finder_is_certain_of_being_wrong_is_doubted_however_usual_it_looks() -> None:
    chance = review.chances(_odds(0.7), _doubts(1 - 1e-6), np.zeros(1))
    assert chance[0] > 0.6


def test_of_two_twins_with_different_labels_one_is_wrong() -> None:
    conflict = review.conflicts(np.array([0, 1, 1]), np.array([0, 0, 1]))
    assert conflict.tolist() == [0.5, 0.5, 0]
    chance = review.chances(_odds(0.9, 0.9, 0.9), _doubts(0.0, 0.0, 0.0), conflict)
    assert chance[:2].tolist() == [0.5, 0.5]
    assert chance[2] < 0.01


def test_one_wrong_label_among_seven_copies_is_about_one_fault() -> None:
    conflict = review.conflicts(np.array([0, 0, 0, 1, 0, 0, 0]), np.zeros(7, np.int64))
    assert conflict[3] == pytest.approx(6 / 7)
    assert conflict.sum() == pytest.approx(6 / 7)


def test_certain_chances_do_not_overflow() -> None:
    chance = review.chances(_odds(0.0, 1.0), _doubts(1.0, 0.0), np.zeros(2))
    assert chance.tolist() == pytest.approx([0.99, 0], abs=1e-3)


def test_usual_photos_are_nine_in_ten_of_their_label_and_not_contradicted() -> None:
    labels = np.repeat([0, 1], 100)
    doubts = Doubts(np.zeros(200), labels, np.ones(200), np.arange(200) == 199, 0.1)
    usual = review.usual(np.r_[np.arange(100) / 100, np.arange(100) / 1000], labels, doubts)
    assert usual[:100].sum() == 90
    assert usual[100:].sum() == 89
    assert not usual[:10].any()
    assert not usual[199]

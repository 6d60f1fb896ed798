"""The order of looking: foreign photos and contradicted labels first, and the chance rises with both."""

from statistics import NormalDist

import numpy as np
import pytest

from goodsight.auditing import review
from goodsight.auditing.labels import Doubts
from goodsight.auditing.review import Bounds


def _doubts(*chances: float) -> Doubts:
    n = len(chances)
    return Doubts(np.array(chances), np.zeros(n, np.int64), np.ones(n), np.zeros(n, bool), 0.1)


def _fixed(n: int) -> Bounds:
    return Bounds(np.full(n, review.FOREIGN), review.NOWHERE)


def _odds(*likeness: float) -> np.ndarray:
    return review.foreign(np.array(likeness), np.full(len(likeness), 0.8), _fixed(len(likeness)))


def test_a_photo_like_nothing_there_is_more_foreign_than_one_like_another_label() -> None:
    like_another, like_none = review.foreign(np.array([0.6, 0.6]), np.array([0.8, 0.5]), _fixed(2))
    assert like_none > like_another + 5


def test_the_chance_rises_with_both_signs() -> None:
    likeness = np.array([0.8, 0.45, 0.8, 0.45])
    odds = review.foreign(likeness, np.full(4, 0.8), _fixed(4))
    chance = review.chances(odds, _doubts(1e-6, 1e-6, 0.9999, 0.9999), np.zeros(4))
    assert chance[0] < 0.01
    assert chance[1] > 0.9
    assert 0.01 < chance[2] < chance[3]
    assert chance[3] > 0.98


def test_a_label_that_the_finder_is_certain_of_being_wrong_is_doubted_however_usual_it_looks() -> None:
    # Two of ten are wrong: of more, one alone has to be odder.
    chance = review.chances(_odds(*[0.7] * 10), _doubts(*[1 - 1e-6] * 2, *[1e-6] * 8), np.zeros(10))
    assert chance[:2].min() > 0.6
    assert chance[2:].max() < 0.1


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


def _good(median: float, spread: float, n: int) -> np.ndarray:
    """The likenesses of good photos, normally distributed."""
    return median + spread * np.array([NormalDist().inv_cdf((i + 0.5) / n) for i in range(n)])


def _expected(likeness: np.ndarray, anywhere: np.ndarray) -> float:
    odds = review.foreign(likeness, anywhere, review.bounds(likeness, anywhere, np.zeros(len(likeness), np.int64)))
    return float(review.chances(odds, _doubts(*[1e-6] * len(odds)), np.zeros(len(odds))).sum())


@pytest.mark.parametrize(("median", "spread"), [(0.73, 0.07), (0.6, 0.06)])
@pytest.mark.parametrize("n", [36, 400])
def test_in_a_clean_set_no_fault_is_expected_however_diverse_it_is(median: float, spread: float, n: int) -> None:
    likeness, anywhere = _good(median, spread, n), np.random.default_rng(0).permutation(_good(median - 0.1, 0.05, n))
    assert (1 / (1 + np.exp(-review.foreign(likeness, anywhere, _fixed(n))))).sum() > 0.1 * n
    assert _expected(likeness, anywhere) < 0.03 * n


@pytest.mark.parametrize("wrong", [3, 12])
def test_foreign_photos_in_a_diverse_set_are_counted(wrong: int) -> None:
    likeness = np.r_[_good(0.73, 0.07, 60), np.linspace(0.36, 0.46, wrong)]
    anywhere = np.r_[_good(0.66, 0.04, 60), np.linspace(0.4, 0.5, wrong)]
    assert wrong / 1.6 < _expected(likeness, anywhere) < 1.6 * wrong


def test_bounds_are_those_of_each_label_and_never_above_the_usual_ones() -> None:
    labels = np.repeat([0, 1, 2, 3], [50, 50, 50, 3])
    likeness = np.r_[_good(0.95, 0.01, 50), _good(0.7, 0.08, 50), np.ones(50), np.full(3, 0.1)]
    found = review.bounds(likeness, np.ones(153), labels)
    assert found.label[labels != 1].tolist() == [review.FOREIGN] * 103
    assert found.label[labels == 1] == pytest.approx(0.5, abs=0.02)
    assert found.anything == review.NOWHERE
    assert review.bounds(likeness, np.r_[_good(0.6, 0.04, 50), np.ones(103)], labels).anything == pytest.approx(
        0.5, abs=0.02
    )


def test_one_odd_photo_in_a_small_set_is_less_suspected_than_one_of_many_and_than_one_in_a_large_set() -> None:
    odd, good = 1.0, -8.0
    plain = 1 / (1 + np.exp(-odd))
    assert review.settled(np.r_[odd, np.full(35, good)])[0] < 0.4
    assert review.settled(np.r_[np.full(12, odd), np.full(24, good)])[0] == pytest.approx(plain, abs=0.01)
    assert review.settled(np.r_[odd, np.full(9999, good)])[0] == pytest.approx(plain, abs=0.02)


def test_settling_keeps_the_order_and_raises_nothing() -> None:
    odds = np.random.default_rng(0).normal(-4, 4, 200)
    chance = review.settled(odds)
    assert (np.argsort(chance) == np.argsort(odds)).all()
    assert (chance <= 1 / (1 + np.exp(-odds)) + 1e-12).all()

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


def _foreign(likeness: np.ndarray, anywhere: np.ndarray, bounds: Bounds) -> np.ndarray:
    """Log-odds of photos whose names say nothing."""
    return review.foreign(likeness, anywhere, bounds, np.zeros(len(likeness)))


def _chances(odds: np.ndarray, doubts: Doubts, conflict: np.ndarray) -> np.ndarray:
    """Chances in a set that is large enough for any."""
    return review.chances(odds, doubts, conflict, np.full(len(odds), 0.99))


def _odds(*likeness: float) -> np.ndarray:
    return _foreign(np.array(likeness), np.full(len(likeness), 0.8), _fixed(len(likeness)))


def test_a_photo_like_nothing_there_is_more_foreign_than_one_like_another_label() -> None:
    like_another, like_none = _foreign(np.array([0.6, 0.6]), np.array([0.8, 0.5]), _fixed(2))
    assert like_none > like_another + 5


def test_the_chance_rises_with_both_signs() -> None:
    likeness = np.array([0.8, 0.45, 0.8, 0.45])
    odds = _foreign(likeness, np.full(4, 0.8), _fixed(4))
    chance = _chances(odds, _doubts(1e-6, 1e-6, 0.9999, 0.9999), np.zeros(4))
    assert chance[0] < 0.01
    assert chance[1] > 0.9
    assert 0.01 < chance[2] < chance[3]
    assert chance[3] > 0.98


def test_a_label_that_the_finder_is_certain_of_being_wrong_is_doubted_however_usual_it_looks() -> None:
    # Two of ten are wrong: of more, one alone has to be odder.
    chance = _chances(_odds(*[0.7] * 10), _doubts(*[1 - 1e-6] * 2, *[1e-6] * 8), np.zeros(10))
    assert chance[:2].min() > 0.6
    assert chance[2:].max() < 0.1


def test_of_two_twins_with_different_labels_one_is_wrong() -> None:
    conflict = review.conflicts(np.array([0, 1, 1]), np.array([0, 0, 1]))
    assert conflict.tolist() == [0.5, 0.5, 0]
    chance = _chances(_odds(0.9, 0.9, 0.9), _doubts(0.0, 0.0, 0.0), conflict)
    assert chance[:2].tolist() == [0.5, 0.5]
    assert chance[2] < 0.01


def test_one_wrong_label_among_seven_copies_is_about_one_fault() -> None:
    conflict = review.conflicts(np.array([0, 0, 0, 1, 0, 0, 0]), np.zeros(7, np.int64))
    assert conflict[3] == pytest.approx(6 / 7)
    assert conflict.sum() == pytest.approx(6 / 7)


def test_certain_chances_do_not_overflow() -> None:
    chance = _chances(_odds(0.0, 1.0), _doubts(1.0, 0.0), np.zeros(2))
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
    odds = _foreign(likeness, anywhere, review.bounds(likeness, anywhere, np.zeros(len(likeness), np.int64)))
    return float(_chances(odds, _doubts(*[1e-6] * len(odds)), np.zeros(len(odds))).sum())


@pytest.mark.parametrize(("median", "spread"), [(0.73, 0.07), (0.6, 0.06)])
@pytest.mark.parametrize("n", [36, 400])
def test_in_a_clean_set_no_fault_is_expected_however_diverse_it_is(median: float, spread: float, n: int) -> None:
    likeness, anywhere = _good(median, spread, n), np.random.default_rng(0).permutation(_good(median - 0.1, 0.05, n))
    assert (1 / (1 + np.exp(-_foreign(likeness, anywhere, _fixed(n))))).sum() > 0.1 * n
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


def test_names_that_are_akin_to_the_label_speak_for_a_photo_and_others_not_against_it() -> None:
    likeness, anywhere = np.full(3, 0.55), np.full(3, 0.8)
    plain, known, better = review.foreign(likeness, anywhere, _fixed(3), np.array([0.0, 3.0, 6.0]))
    assert plain == _foreign(likeness, anywhere, _fixed(3))[0]
    assert plain - known == pytest.approx(known - better)
    assert plain - known > 1


def _surest(photos: int, doubts: float = 0.0, bound: float = review.FOREIGN) -> float:
    labels = np.zeros(photos, np.int64)
    bounds = Bounds(np.full(photos, bound), review.NOWHERE)
    return float(review.surest(labels, np.arange(photos), bounds, _doubts(*[doubts] * photos))[0])


def test_of_few_photos_nobody_is_sure() -> None:
    assert _surest(13) == 12 / 15
    assert _surest(91) < 0.97
    assert _surest(1000) == 0.99
    assert _surest(1) == 0.25


def test_of_a_diverse_label_likeness_alone_makes_nobody_sure() -> None:
    assert _surest(1000, bound=0.5) == 0.9
    assert _surest(1000, bound=0.5, doubts=0.9) == 0.99


def test_one_is_surer_where_the_label_finder_doubts_as_well() -> None:
    assert _surest(13, doubts=0.9) == 13 / 14


def test_twins_are_one_photo_when_photos_are_counted() -> None:
    bounds, none = Bounds(np.full(40, review.FOREIGN), review.NOWHERE), _doubts(*[0.0] * 40)
    alone = review.surest(np.zeros(40, np.int64), np.arange(40) // 4, bounds, none)
    assert alone.tolist() == [9 / 12] * 40


def test_the_most_is_neared_and_the_order_stays() -> None:
    chance = np.array([0.0, 0.01, 0.5, 0.9, 0.99])
    found = review.at_most(chance, np.full(5, 0.8))
    assert (np.diff(found) > 0).all()
    assert found[1] == pytest.approx(0.01, abs=1e-3)
    assert found[4] < 0.8
    assert found[2] == pytest.approx(4 / 9)

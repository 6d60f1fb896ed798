"""Folds and parts keep groups whole and spread rare classes."""

import numpy as np
import pytest

from goodsight.heads.folds import deal, held, portion, strangers


def test_a_group_is_never_divided() -> None:
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 3, 500), rng.integers(0, 120, 500)
    found = deal(labels, groups)
    assert all(len(np.unique(found[groups == g])) == 1 for g in np.unique(groups))
    assert np.bincount(found).max() - np.bincount(found).min() <= 12


def test_a_rare_class_is_in_every_fold() -> None:
    labels = np.array([0] * 300 + [1] * 5 + [2] * 7)
    found = deal(labels, np.arange(312))
    assert set(found[labels == 1]) == set(found[labels == 2]) == {0, 1, 2, 3, 4}


def test_it_is_deterministic_and_takes_few_groups() -> None:
    labels, groups = np.array([0, 0, 1, 1]), np.array([5, 5, 9, 9])
    assert (deal(labels, groups) == deal(labels, groups)).all()
    assert len(np.unique(deal(labels, groups))) == 2


SHARES = (0.8, 0.1, 0.1)


def test_parts_have_their_share_of_each_class_and_groups_stay_whole() -> None:
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 3, 900), rng.integers(0, 500, 900)
    found = portion(labels, groups, SHARES)
    assert all(len(np.unique(found[groups == g])) == 1 for g in np.unique(groups))
    for c in range(3):
        assert np.bincount(found[labels == c]) / (labels == c).sum() == pytest.approx(SHARES, abs=0.02)


def test_big_groups_do_not_overfill_a_small_part() -> None:
    groups = np.concatenate([np.repeat([0, 1, 2], [20, 15, 10]), np.arange(3, 58)])
    assert np.bincount(portion(np.zeros(100, int), groups, SHARES)).tolist() == [80, 10, 10]


@pytest.mark.parametrize(
    ("photos", "counts"), [(1, [1, 0, 0]), (2, [2, 0, 0]), (3, [1, 1, 1]), (5, [3, 1, 1]), (10, [8, 1, 1])]
)
def test_a_small_class_is_in_every_part_or_wholly_in_the_first(photos: int, counts: list[int]) -> None:
    labels = np.array([0] * 50 + [1] * photos)
    found = portion(labels, np.arange(len(labels)), SHARES)
    assert np.bincount(found[labels == 1], minlength=3).tolist() == counts
    assert np.bincount(found[labels == 0]).tolist() == [40, 5, 5]


def test_the_first_part_is_never_without_a_class() -> None:
    for photos in range(1, 12):
        assert 0 in portion(np.zeros(photos, int), np.arange(photos), (0.1, 0.45, 0.45))


def test_a_seed_changes_which_photos_go_where() -> None:
    labels, groups = np.zeros(100, int), np.arange(100)
    assert (portion(labels, groups, SHARES) == portion(labels, groups, SHARES)).all()
    assert (portion(labels, groups, SHARES) != portion(labels, groups, SHARES, seed=1)).any()


def test_what_is_asked_is_not_learned_from() -> None:
    folds, hidden = np.array([0, 0, 1, 1, 1]), np.array([7, 8, 7, 8, 8])
    assert [(a.tolist(), b.tolist()) for a, b in held(folds)] == [([0, 1], [0, 1]), ([2, 3, 4], [2, 3, 4])]
    assert [(a.tolist(), b.tolist()) for a, b in held(folds, hidden)] == [
        ([0], [0, 1, 2]),
        ([1], [0, 1, 3, 4]),
        ([2], [0, 2, 3, 4]),
        ([3, 4], [1, 2, 3, 4]),
    ]
    # Where nothing would be left to learn from, only the fold is held out.
    assert [b.tolist() for _, b in held(np.array([0, 1]), np.array([7, 7]))] == [[0], [1]]


def test_what_is_hidden_together_shares_nothing() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, [7, 8], (2000, 2))
    parts = strangers(values, 20)
    assert len(np.unique(parts)) <= 14  # a combination shares a value with 7 + 6 others at most
    for part in np.unique(parts):
        combinations = np.unique(values[parts == part], axis=0)
        assert all(len(np.unique(column)) == len(column) for column in combinations.T)
    for one in np.unique(values, axis=0):
        assert len(np.unique(parts[(values == one).all(axis=1)])) == 1
    assert np.unique(strangers(values, 3)).tolist() == [0, 1, 2]

"""Folds keep groups whole and spread rare classes."""

import numpy as np

from goodsight.folds import deal


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

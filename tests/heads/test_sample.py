"""A part of many photos has every class, its share of each, and whole groups."""

import numpy as np

from goodsight.heads import sample


def test_every_class_has_its_share_and_rare_ones_all_they_have() -> None:
    labels = np.repeat([0, 1, 2, 3], [6000, 3000, 40, 3])
    found = sample.part(labels, None, 1000)
    assert len(found) <= 1010
    assert (np.diff(found) > 0).all()
    counts = np.bincount(labels[found])
    assert abs(counts[0] / counts[1] - 2) < 0.02
    assert counts[2:].tolist() == [5, 3]


def test_groups_are_whole() -> None:
    draw = np.random.default_rng(0)
    groups = draw.integers(0, 400, 5000)
    # A group may have photos of several classes.
    labels = (groups + (draw.random(5000) < 0.1)) % 7
    found = sample.part(labels, groups, 1000)
    assert 1000 <= len(found) < 1300
    taken = np.isin(np.arange(5000), found)
    assert all(taken[groups == group].all() or not taken[groups == group].any() for group in range(400))
    assert len(np.unique(labels[found])) == 7
    # Not the first ones.
    assert groups[found].max() > 300


def test_few_photos_are_all_taken() -> None:
    assert sample.part(np.zeros(9, int), None, 9).tolist() == list(range(9))

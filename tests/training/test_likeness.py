"""Clusters within a class, and how near photos are to others."""

import numpy as np

from goodsight.training.likeness import clusters, nearest, unit_length


def test_twins_count_once() -> None:
    unit = np.eye(4, dtype=np.float32)[[0, 0, 0, 1, 2]]
    numbers = clusters(unit, np.zeros(5, int), np.array([7, 7, 7, 8, 9]), 0.5)
    assert len(set(numbers[:3].tolist())) == 1
    assert len(set(numbers.tolist())) == 3


def test_average_linkage_does_not_chain() -> None:
    # Each is like its neighbours, and the ends are not like each other at all.
    angles = np.linspace(0, np.pi / 2, 10)
    unit = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    numbers = clusters(unit, np.zeros(10, int), np.arange(10), 0.9)
    assert numbers[0] != numbers[-1]
    assert numbers[0] == numbers[1]


def test_photos_of_ones_own_fold_are_not_near() -> None:
    sketches = np.eye(4, dtype=np.float16)[[0, 0, 1, 1]]
    folds = np.array([0, 0, 1, 2])
    assert nearest(unit_length(sketches), unit_length(sketches), folds, folds).tolist() == [0, 0, 1, 1]
    assert nearest(unit_length(sketches[:1]), unit_length(sketches)).tolist() == [1]

"""Clusters within a class, and how near photos are to others."""

import numpy as np
import pytest
from clouds import BLOCKS

from goodsight.embedding.filed import put_away
from goodsight.heads.scaler import Scaler
from goodsight.training import likeness
from goodsight.training.likeness import clusters, joining, nearest, unit_length, units


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


def test_a_large_class_is_compared_some_photos_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = unit_length(np.random.default_rng(0).normal(size=(90, 12)))
    whole = clusters(unit, np.zeros(90, int), np.arange(90), 0.3)
    assert 5 < len(np.unique(whole)) < 80
    monkeypatch.setattr(likeness, "_TOGETHER", 7)
    assert np.array_equal(clusters(unit, np.zeros(90, int), np.arange(90), 0.3), whole)


def test_embeddings_in_a_file_are_as_near_as_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(50, 40)).astype(np.float16)
    scaler, folds = Scaler.fit(vectors, BLOCKS), draw.integers(0, 3, 50)
    held, away = units(vectors, scaler), units(put_away(vectors), scaler)
    expected = nearest(held, held, folds, folds)
    monkeypatch.setattr(likeness, "BLOCK", 8)
    monkeypatch.setattr(likeness, "_LOOKED_AT", 9)
    assert np.allclose(nearest(away, away, folds, folds), expected, atol=1e-5)
    cells = np.arange(50) % 2
    assert np.array_equal(clusters(away, cells, np.arange(50), 0.2), clusters(held, cells, np.arange(50), 0.2))
    numbers, members = np.arange(50) // 4, np.ones(50, bool)
    assert np.array_equal(
        joining(away, cells, away, numbers, members, cells, 0.1),
        joining(held, cells, held, numbers, members, cells, 0.1),
    )

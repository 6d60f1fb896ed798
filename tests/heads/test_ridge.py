"""Closed-form folds equal real refits; photos of small classes are fitted harder, and doubted ones hardly."""

from dataclasses import replace

import numpy as np
import pytest
from clouds import clouds

from goodsight.heads import ridge


def test_dual_folds_equal_refits() -> None:
    photos = clouds([30, 20, 25])
    targets, penalty = ridge.one_hot(photos.labels), np.linspace(0.5, 2, 75).astype(np.float32)
    kernel = photos.vectors @ photos.vectors.T
    dual, scores = ridge.solve_dual(kernel.copy(), targets, photos.folds, penalty)
    full = np.linalg.solve(kernel + np.diag(penalty), targets)
    assert np.allclose(dual, full, atol=1e-3)
    for fold in range(5):
        out, rest = photos.folds == fold, photos.folds != fold
        refit = np.linalg.solve(kernel[np.ix_(rest, rest)] + np.diag(penalty[rest]), targets[rest])
        assert np.allclose(scores[out], kernel[np.ix_(out, rest)] @ refit, atol=2e-3)


def test_what_is_hidden_as_well_is_not_learned_from() -> None:
    photos = clouds([30, 20, 25])
    hidden = np.arange(75) % 3
    targets, penalty = ridge.one_hot(photos.labels), np.ones(75, np.float32)
    kernel = photos.vectors @ photos.vectors.T
    scores = ridge.solve_dual(kernel.copy(), targets, photos.folds, penalty, hidden)[1]
    for fold in range(5):
        for one in range(3):
            out, rest = (photos.folds == fold) & (hidden == one), (photos.folds != fold) & (hidden != one)
            refit = np.linalg.solve(kernel[np.ix_(rest, rest)] + np.diag(penalty[rest]), targets[rest])
            assert np.allclose(scores[out], kernel[np.ix_(out, rest)] @ refit, atol=2e-3)


def test_of_one_fold_nothing_is_said() -> None:
    photos = clouds([5, 5])
    kernel, targets = np.eye(10, dtype=np.float32), ridge.one_hot(photos.labels)
    assert np.isnan(ridge.solve_dual(kernel, targets, np.zeros(10, int), np.ones(10, np.float32))[1]).all()


def test_primal_folds_equal_dual_folds() -> None:
    photos = clouds([30, 20, 25])
    x = photos.vectors.astype(np.float32)
    targets, penalty = ridge.one_hot(photos.labels), np.linspace(0.5, 2, 75).astype(np.float32)
    expected = ridge.solve_dual(x @ x.T, targets, photos.folds, penalty)[1]
    weights, scores = ridge.solve_primal(lambda rows: x[rows], targets, photos.folds, penalty)
    assert np.allclose(scores, expected, atol=2e-3)
    assert weights.shape == (40, 3)


def test_a_kernel_that_is_none_is_refused() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        ridge.solve_dual(-np.eye(2, dtype=np.float32), ridge.one_hot(np.arange(2)), np.arange(2), np.zeros(2, "f4"))


def test_small_classes_weigh_more_and_doubted_labels_hardly() -> None:
    photos = clouds([90, 10])
    found = ridge.ease(photos)
    assert found[0] == pytest.approx(3 * found[-1])
    assert (1 / found).mean() == pytest.approx(1)
    doubted = np.arange(100) == 0
    again = ridge.ease(replace(photos, doubted=doubted))
    assert again[0] == pytest.approx(ridge.DOUBT * found[0])
    assert (again[1:] == found[1:]).all()

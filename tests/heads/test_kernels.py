"""Distances and kernels are what they are called."""

import numpy as np
import pytest

from goodsight.heads import kernels

A, B = (np.random.default_rng(seed).normal(size=(n, 6)).astype(np.float32) for seed, n in ((0, 5), (1, 4)))


def test_squared_distances_are_those_of_differences() -> None:
    expected = ((A[:, None] - B) ** 2).sum(axis=2)
    assert np.allclose(kernels.squared_distances(A, B), expected, atol=1e-4)
    assert np.allclose(kernels.squared_distances(A, B, kernels.squared_lengths(B)), expected, atol=1e-4)
    products = A @ B.T
    assert np.allclose(kernels.squared_distances(A, B, products=products), expected, atol=1e-4)
    assert (products == A @ B.T).all()  # it is not overwritten
    assert kernels.squared_distances(A, A).min() >= 0


def test_units_have_length_one_and_nothing_stays_nothing() -> None:
    assert np.allclose(np.linalg.norm(kernels.unit(A), axis=1), 1)
    assert not kernels.unit(np.zeros((1, 6), np.float32)).any()


def test_the_root_gives_the_kernel_back() -> None:
    lower = kernels.root(A, 0.5)
    kernel = kernels.rbf(kernels.squared_distances(A, A), 0.5)
    assert kernel[0, 0] == pytest.approx(1)
    assert np.allclose(lower @ lower.T, kernel + 1e-3 * np.eye(5), atol=1e-5)
    assert not np.triu(lower, 1).any()


def test_each_row_is_multiplied_as_if_it_were_alone() -> None:
    a, b = (np.random.default_rng(seed).normal(size=(n, 300)).astype(np.float32) for seed, n in ((0, 40), (1, 333)))
    every = kernels.each_alone(a, b)
    assert np.allclose(every, a @ b.T, atol=1e-4)
    assert all((kernels.each_alone(a[i : i + n], b) == every[i : i + n]).all() for n in (1, 3, 16) for i in (0, 5, 20))
    assert kernels.each_alone(a[:0], b).shape == (0, 333)

"""Blocks come to their weights, outliers are clipped, and a stored scaler is the same."""

from collections.abc import Callable

import numpy as np
import pytest
from clouds import BLOCKS

from goodsight.arrays import Array, Vectors
from goodsight.heads.scaler import Scaler

RNG = np.random.default_rng(0)


def test_scaler_brings_blocks_to_their_weights() -> None:
    x = RNG.normal(3, 2, (5000, 40)).astype(np.float16)
    y = Scaler.fit(x, BLOCKS)(x)
    assert np.allclose(y.mean(axis=0), 0, atol=1e-3)
    assert (y**2).sum(axis=1).mean() == pytest.approx(1, abs=0.01)
    assert (y[:, :24] ** 2).sum(axis=1).mean() == pytest.approx(4 / 5, abs=0.01)


def test_scaler_clips_outliers() -> None:
    x = np.zeros((100, 40), np.float32)
    x[:, 0] = RNG.normal(size=100)
    scaler: Callable[[Vectors], Array] = Scaler.fit(x, BLOCKS)
    wild = x[:1].copy()
    wild[0, 0] = 1e6
    assert scaler(wild)[0, 0] == pytest.approx(6 * 2 / np.sqrt(24) / np.sqrt(5), rel=1e-3)


def test_a_scaler_survives_its_tensors() -> None:
    x = RNG.normal(3, 2, (50, 40)).astype(np.float32)
    scaler = Scaler.fit(x, BLOCKS)
    assert (Scaler.of_tensors(scaler.tensors())(x) == scaler(x)).all()
    with pytest.raises(KeyError, match="bound"):
        Scaler.of_tensors({"mean": scaler.mean, "scale": scaler.scale})

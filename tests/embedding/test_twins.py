"""Twins need equal bytes, or pixels and features that both agree."""

import numpy as np
import numpy.typing as npt
import pytest

from goodsight.embedding import neighbours, twins
from goodsight.embedding.twins import Twins

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 256)).astype(np.uint8)
VECTORS = RNG.normal(size=(6, 64)).astype(np.float32)


def _find(pixels: npt.NDArray[np.uint8], vectors: npt.NDArray[np.float32], hashes: list[str] | None = None) -> Twins:
    return twins.find(hashes or [str(i) for i in range(len(pixels))], pixels, vectors)


def _copy(pixels: bool, vectors: bool) -> Twins:
    p, v = PIXELS.copy(), VECTORS.copy()
    if pixels:
        p[4] = p[1] // 2 + 20
    if vectors:
        v[4] = v[1] * 1.1 + 0.05
    return _find(p, v)


def test_pixels_and_features_must_both_agree() -> None:
    assert _copy(True, True).near.tolist() == [[1, 4]]
    assert _copy(True, False).near.tolist() == []
    assert _copy(False, True).near.tolist() == []
    assert _copy(True, True).groups[1] == _copy(True, True).groups[4]


def test_equal_bytes_are_exact_twins_and_chains_are_one_group() -> None:
    found = _find(PIXELS, VECTORS, ["a", "b", "a", "a", "c", "d"])
    assert found.exact.tolist() == [[0, 2], [0, 3]]
    assert len({found.groups[0], found.groups[2], found.groups[3]}) == 1
    assert found.extra_copies() == 2


@pytest.mark.parametrize("side", [1, 2, 4])
def test_pairs_are_found_across_blocks(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_SIDE", side)
    assert _copy(True, True).near.tolist() == [[1, 4]]


@pytest.mark.parametrize("few", [0, 1 << 20])
@pytest.mark.parametrize("side", [8, 512])
def test_thousands_of_copies_are_one_group_of_few_pairs(side: int, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_SIDE", side)
    monkeypatch.setattr(twins, "_FEW", few)
    monkeypatch.setattr(twins, "MOST", 3)
    pixels = np.concatenate([RNG.integers(0, 256, (20, 256)), np.tile(PIXELS[:1], (30, 1))]).astype(np.uint8)
    vectors = np.concatenate([RNG.normal(size=(20, 64)), np.tile(VECTORS[:1], (30, 1))]).astype(np.float32)
    found = _find(pixels, vectors)
    pairs = found.near.tolist()
    assert pairs == sorted(pairs)
    assert [pair for pair in pairs if pair[1] == 40] == [[20, 40], [21, 40], [22, 40]]
    assert len(pairs) == 1 + 2 + 27 * 3
    assert len(set(found.groups[20:].tolist())) == 1
    assert len(set(found.groups.tolist())) == 21


def test_twins_are_those_among_known_pairs_that_agree() -> None:
    pixels, vectors = np.concatenate([PIXELS, PIXELS]), np.concatenate([VECTORS, VECTORS])
    among = np.array([[0, 6], [1, 7], [1, 8]])
    hashes = [str(i) for i in range(12)]
    assert twins.find(hashes, pixels, vectors, among=among).near.tolist() == [[0, 6], [1, 7]]


def test_of_many_photos_twins_are_sought_among_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MANY", 5)
    assert _copy(True, True).near.tolist() == [[1, 4]]
    assert _copy(True, False).near.tolist() == []


@pytest.mark.parametrize("n", [0, 1])
def test_few_photos(n: int) -> None:
    assert len(_find(PIXELS[:n], VECTORS[:n]).groups) == n


def test_flat_photos_are_no_near_twins() -> None:
    assert _find(np.full((3, 256), 255, np.uint8), np.ones((3, 8), np.float32)).near.tolist() == []


def test_a_sketch_keeps_angles() -> None:
    x = RNG.normal(size=(50, 3904)).astype(np.float32)
    y = x + 0.3 * RNG.normal(size=x.shape).astype(np.float32)
    a, b = twins.sketch(x).astype(np.float32), twins.sketch(y).astype(np.float32)
    true = (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
    kept = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert np.abs(true - kept).max() < 0.03

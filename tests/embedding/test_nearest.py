"""The nearest of many sketches are those that a comparison with all of them finds; what is forgotten is not found."""

import importlib.util

import numpy as np
import pytest

from goodsight.arrays import Half
from goodsight.embedding import nearest
from goodsight.embedding.nearest import Nearest


def _sketches(count: int, seed: int = 0) -> Half:
    """Sketches that are alike as those of photos are, in crowds."""
    rng = np.random.default_rng(seed)
    crowds = rng.standard_normal((20, 256)) * 0.5
    return (1 + crowds[rng.integers(0, 20, count)] + 0.4 * rng.standard_normal((count, 256))).astype(np.float16)


@pytest.fixture(params=["faiss", "numpy"])
def found_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "faiss" and importlib.util.find_spec("faiss") is None:
        pytest.skip("faiss is not installed")
    monkeypatch.setattr(nearest, "_has_faiss", lambda: request.param == "faiss")


@pytest.mark.usefixtures("found_by")
def test_the_nearest_are_those_of_a_comparison_with_all() -> None:
    known, near = _sketches(4000), Nearest()
    for begin in (0, 1, 1500):  # as rows come: one, a few, and more than there is room for
        end = {0: 1, 1: 1500, 1500: 4000}[begin]
        near.add(np.arange(begin, end) + 7, known[begin:end])
    unit = known.astype(np.float32) / np.linalg.norm(known.astype(np.float32), axis=1, keepdims=True)
    rng = np.random.default_rng(1)
    for row in rng.integers(0, 4000, 20):
        asked = (known[row] + 0.1 * rng.standard_normal(256)).astype(np.float16)
        cosine = unit @ asked.astype(np.float32) / np.linalg.norm(asked.astype(np.float32))
        numbers, cosines = near.find(asked, 6, 0.5)
        assert numbers[0] == row + 7
        assert set(numbers) == set(np.argsort(-cosine)[:6] + 7)
        assert cosines == pytest.approx(np.sort(cosine)[::-1][:6], abs=2e-3)
        assert (np.diff(cosines) <= 0).all()


def test_what_is_too_far_is_not_found() -> None:
    near = Nearest()
    near.add(np.array([1]), -_sketches(1))
    assert len(near.find(_sketches(1)[0], 6, 0.5)[0]) == 0
    assert len(Nearest().find(_sketches(1)[0], 6, -1.0)[0]) == 0


def test_what_is_forgotten_is_not_found_and_may_come_back() -> None:
    known, near = _sketches(700), Nearest()
    near.add(np.arange(700), known)
    near.forget(np.array([3, 699, 5000]))
    assert len(near) == 698
    assert set(near.numbers()) == set(range(700)) - {3, 699}
    assert near.find(known[3], 1, 0.0)[0] != 3
    near.add(np.array([3, 4]), known[[3, 4]])
    assert len(near) == 699
    assert [near.find(known[i], 1, 0.0)[0].tolist() for i in (3, 4, 698)] == [[3], [4], [698]]

"""Neighbours are those of a plain comparison of all with all, by either road; what the index misses is said."""

import numpy as np
import numpy.typing as npt
import pytest

from goodsight.embedding import neighbours
from goodsight.embedding.neighbours import nearest, unit

RNG = np.random.default_rng(0)


def _planted(count: int, copies: int) -> npt.NDArray[np.float32]:
    """Vectors of which the last are near copies of the first."""
    vectors = RNG.standard_normal((count, 32)).astype(np.float32)
    vectors[count - copies :] = vectors[:copies] * 3 + 0.3 * RNG.standard_normal((copies, 32))
    return vectors


def test_near_pairs_are_those_above_the_limit_each_once() -> None:
    assert nearest(_planted(50, 10), 0.8, 6).pairs.tolist() == [[i, 40 + i] for i in range(10)]


@pytest.mark.parametrize("side", [1, 7, 512])
def test_of_each_photo_the_nearest_few_are_taken(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_SIDE", side)
    vectors = RNG.standard_normal((60, 3)).astype(np.float32)
    cosine = unit(vectors) @ unit(vectors).T
    others = np.argsort(-cosine, axis=1)[:, 1:4]
    expected = {tuple(sorted((i, j))) for i in range(60) for j in others[i].tolist() if cosine[i, j] >= 0.9}
    found = nearest(vectors, 0.9, 3)
    assert found.recall is None
    assert set(map(tuple, found.pairs.tolist())) == expected
    assert len(found.pairs) == len(expected)


@pytest.mark.parametrize("road", ["exact", "index"])
def test_planted_pairs_are_found_by_either_road(road: neighbours.Road) -> None:
    if road == "index":
        pytest.importorskip("faiss")
    found = nearest(_planted(4000, 200), 0.85, 6, road)
    assert {(i, 3800 + i) for i in range(200)} <= set(map(tuple, found.pairs.tolist()))
    assert (found.pairs[:, 0] < found.pairs[:, 1]).all()
    assert (found.recall is None) == (road == "exact")


def test_the_recall_of_the_index_is_that_of_the_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("faiss")
    # So little wanted that few cells are looked at, and something is missed.
    monkeypatch.setattr(neighbours, "_WANTED", 0.0)
    vectors = RNG.standard_normal((6000, 24)).astype(np.float16)
    exact, found = nearest(vectors, 0.5, 6, "exact").pairs, nearest(vectors, 0.5, 6, "index")
    right = np.isin(exact @ [6000, 1], found.pairs @ [6000, 1]).mean()
    assert found.recall
    assert right < 0.99
    assert abs(found.recall - right) < 0.15
    monkeypatch.setattr(neighbours, "_WANTED", 0.99)
    again = nearest(vectors, 0.5, 6, "index")
    assert again.recall
    assert again.recall >= 0.99


@pytest.mark.parametrize("road", ["exact", "index"])
def test_of_thousands_of_copies_each_has_few_pairs(road: neighbours.Road) -> None:
    if road == "index":
        pytest.importorskip("faiss")
    vectors = np.tile(RNG.standard_normal((1, 32)), (2000, 1)) + 0.01 * RNG.standard_normal((2000, 32))
    pairs = nearest(vectors, 0.5, 6, road).pairs
    assert 1000 <= len(pairs) <= 6 * 2000
    assert len(np.unique(pairs)) == 2000


def test_a_single_photo_and_none_have_no_neighbours() -> None:
    assert len(nearest(np.ones((1, 8), np.float32), 0.5, 6).pairs) == 0
    assert len(nearest(np.ones((0, 8), np.float32), 0.5, 6).pairs) == 0


def test_many_photos_take_the_index_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MANY", 100)
    monkeypatch.setattr(neighbours, "find_spec", lambda name: None)
    assert nearest(_planted(200, 10), 0.8, 6).recall is None
    monkeypatch.undo()
    pytest.importorskip("faiss")
    monkeypatch.setattr(neighbours, "MANY", 100)
    assert nearest(_planted(200, 10), 0.8, 6).recall == 1.0

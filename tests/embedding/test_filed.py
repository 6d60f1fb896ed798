"""Embeddings in a file are the same as in memory, whichever are asked for, and leave nothing behind."""

from pathlib import Path

import numpy as np
import pytest

from goodsight.embedding import filed
from goodsight.embedding.filed import Embeddings, Filed, Filing, blocks, joined, put_away, taken

X = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float16)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filed, "HELD", 20)
    monkeypatch.setattr(filed, "BLOCK", 8)


def _filing(count: int, room: int) -> Embeddings:
    filing = Filing(room, X.shape[1])
    for vector in X[:count]:
        filing.add(vector)
    return filing.done()


@pytest.mark.parametrize(("count", "room", "where"), [(17, 20, np.ndarray), (20, 20, np.ndarray), (43, 50, Filed)])
def test_many_embeddings_are_filed_and_few_are_not(count: int, room: int, where: type) -> None:
    found = _filing(count, room)
    assert isinstance(found, where)
    assert len(found) == count
    assert np.array_equal(found[:], X[:count])


@pytest.mark.parametrize(
    "chosen",
    [
        slice(3, 31),
        np.arange(50),
        np.array([5, 4, 3, 9, 10, 11, 49, 0]),
        np.array([2, 2, 3, 3]),
        X[:, 0] > 0,
        np.array([], np.int64),
    ],
)
def test_any_of_them_are_given_in_their_order(chosen: slice | np.ndarray) -> None:
    found = put_away(X)
    assert np.array_equal(found[chosen], X[chosen])
    if not isinstance(chosen, slice):
        some = found.take(chosen)
        assert np.array_equal(some[::-1], X[chosen][::-1])
        assert np.array_equal(some.take(np.arange(len(some)))[:], X[chosen])


def test_blocks_are_all_of_them() -> None:
    found = list(blocks(put_away(X).take(np.arange(49, 0, -2))))
    assert max(len(block) for block in found) == 8
    assert np.array_equal(np.concatenate(found), X[49:0:-2])


def test_parts_are_joined_in_their_order() -> None:
    some = put_away(X[:30]).take(np.array([29, 3, 4]))
    both = joined([some, X[30:].astype(np.float32), put_away(X[:5])])
    assert isinstance(both, Filed)
    expected = np.concatenate([X[[29, 3, 4]], X[30:], X[:5]])
    assert np.array_equal(both[:], expected)
    assert np.array_equal(taken(both, np.array([22, 1, 27]))[:], expected[[22, 1, 27]])
    assert np.array_equal(joined([X[:2], X[5:6]])[:], X[[0, 1, 5]])


def test_the_file_has_no_name_and_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOODSIGHT_CACHE", str(tmp_path))
    found = put_away(X)
    assert np.array_equal(found[np.array([7])], X[[7]])
    stream = found.files[0]._stream
    del found
    assert stream.closed
    assert list(tmp_path.iterdir()) == []

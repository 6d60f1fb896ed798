"""Groups are those that scipy finds, numbered alike, whatever the order of the pairs and however many at once."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from goodsight.embedding import components

RNG = np.random.default_rng(0)
N = 3000
CHAIN = np.stack([np.arange(N - 1), np.arange(1, N)], axis=1)
PAIRS = {
    "none": np.empty((0, 2), np.int64),
    "few": RNG.integers(0, N, (400, 2)),
    "about one group": RNG.integers(0, N, (N // 2 + 200, 2)),
    "many": RNG.integers(0, N, (20_000, 2)),
    "a chain": CHAIN,
    "a chain, shuffled": RNG.permutation(CHAIN)[:, ::-1],
    "a star": np.stack([np.full(N, N - 1), np.arange(N)], axis=1),
    "a clique": np.array([(i, j) for i in range(60) for j in range(i)]) + 100,
}


@pytest.mark.parametrize("chunk", [7, 1 << 20])
@pytest.mark.parametrize("kind", PAIRS)
def test_groups_are_the_connected_components(kind: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs: npt.NDArray[np.int64] = PAIRS[kind][: 4000 if chunk < 10 else None]
    monkeypatch.setattr(components, "_CHUNK", chunk)
    graph = coo_matrix((np.ones(len(pairs), np.int8), tuple(pairs.T)), shape=(N, N))
    assert components.grouped(pairs, N).tolist() == connected_components(graph, directed=False)[1].tolist()


def test_no_photos_are_no_groups() -> None:
    assert len(components.grouped(np.empty((0, 2), np.int64), 0)) == 0

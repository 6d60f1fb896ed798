"""The nearest neighbours of photos among themselves: exact for up to 200,000, through faiss for more.

Exact search goes through all pairs in blocks, each pair once, and keeps of each photo the nearest so far, so that only
what is nearer is looked at. For more photos an inverted file of faiss (Sivic and Zisserman 2003, Video Google; Johnson
et al. 2017, Billion-Scale Similarity Search with GPUs) compares a photo with those of the nearest cells only. How many
cells that takes is found on a sample of photos whose neighbours are known exactly, and so is what is missed.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np

from goodsight.arrays import Array, Bools, Doubles, Floats, Ints
from goodsight.progress import Progress, quiet

MANY = 200_000
"""From so many photos on they are found through an index, if faiss is installed."""
Road = Literal["", "exact", "index"]
_SIDE = 512
"""Photos of a block's side: their cosines stay in the processor's cache."""
_SAMPLE = 1000
_WANTED = 0.99
"""The recall on the sample at which no more cells are looked at."""
_AT_ONCE = 8192
STEP = "find near photos"


@dataclass(frozen=True)
class Near:
    """Photos near each other.

    Attributes:
        pairs: (m, 2), first < second, each once, ascending.
        recall: the share of them that was found, measured on a sample; None when all pairs were compared.

    """

    pairs: Ints
    recall: float | None = None


def nearest(vectors: Floats, least: float, count: int, road: Road = "", progress: Progress = quiet) -> Near:
    """Each photo with those that are nearest to it.

    Memory grows with the number of photos only: 1 KB each for exact search of 256 columns, 0.6 KB through an index.

    Args:
        vectors: embeddings (n, width); they may be mapped from a file.
        least: the least cosine of a pair.
        count: of neighbours to take of each photo.
        road: ``exact``, ``index``, or '' for an index from :data:`MANY` photos on, where faiss is installed.
        progress: told the photos.

    Raises:
        ModuleNotFoundError: an index is asked for and faiss is not installed (``pip install 'goodsight[cluster]'``).

    """
    if road == "index" or (not road and len(vectors) >= MANY and find_spec("faiss")):
        return _by_index(vectors, least, count, progress)
    best = _Best(len(vectors), least, count)
    for begin, other, cosine in blocks(unit(vectors), progress):
        best.see(begin, other, cosine)
    return Near(_each_once(best.places, len(vectors)))


def unit(vectors: Floats) -> Array:
    """Vectors (n, width) of length 1; one of nothing stays as it is."""
    found = np.array(vectors, np.float32, order="C")
    for begin in range(0, len(found), _AT_ONCE):
        piece = found[begin : begin + _AT_ONCE]
        piece /= np.maximum(np.linalg.norm(piece, axis=1, keepdims=True), 1e-9)
    return found


def blocks(rows: Array, progress: Progress = quiet) -> Iterator[tuple[int, int, Array]]:
    """The inner products (s, t) of rows (n, width), in blocks from a first and a second row on; each pair once.

    In blocks on the diagonal a row's product with itself, and what stands twice, is -2.
    """
    for begin in range(0, len(rows), _SIDE):
        for other in range(begin, len(rows), _SIDE):
            product = rows[begin : begin + _SIDE] @ rows[other : other + _SIDE].T
            if other == begin:
                product[np.tril_indices(len(product))] = -2.0
            yield begin, other, product
        progress(STEP, min(begin + _SIDE, len(rows)), len(rows))


class _Best:
    """The nearest so far of each of n photos: places (n, count), -1 where there are none, and their cosines."""

    def __init__(self, n: int, least: float, count: int) -> None:
        self.places = np.full((n, count), -1, np.int64)
        self._cosines = np.full((n, count), -2.0, np.float32)
        self._least, self._count = least, count
        self._bar = np.full(n, least, np.float32)
        """What a further neighbour must have, for each photo."""

    def see(self, begin: int, other: int, cosine: Array) -> None:
        """A block of :func:`blocks`: each of its photos may be near to each of the others."""
        self._side(begin, other, cosine, 1)
        self._side(other, begin, cosine, 0)

    def _side(self, begin: int, other: int, cosine: Array, axis: int) -> None:
        """One side of a block, whose others lie along an axis; the block is not turned, as that would copy it."""
        own, others = cosine.shape[1 - axis], cosine.shape[axis]
        bar = np.expand_dims(self._bar[begin : begin + own], axis)
        hits = np.flatnonzero(cosine >= bar)
        if len(hits) > 8 * self._count * own and others > self._count:
            # At first nearly all are near enough; the nearest of the block alone are sorted.
            most = np.partition(cosine, -self._count, axis=axis).take([-self._count], axis=axis)
            hits = np.flatnonzero(cosine >= np.maximum(bar, most))
        places = np.divmod(hits, cosine.shape[1])
        if len(hits):
            self._merge(begin + places[1 - axis], other + places[axis], cosine.ravel()[hits])

    def _merge(self, rows: Ints, found: Ints, cosine: Array) -> None:
        touched = np.unique(rows)
        rows = np.concatenate([np.repeat(touched, self._count), rows])
        found = np.concatenate([self.places[touched].ravel(), found])
        cosine = np.concatenate([self._cosines[touched].ravel(), cosine])
        order = np.lexsort((-cosine, rows))
        rows, found, cosine = rows[order], found[order], cosine[order]
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
        kept = rank < self._count
        self.places[rows[kept], rank[kept]], self._cosines[rows[kept], rank[kept]] = found[kept], cosine[kept]
        self._bar[touched] = np.maximum(self._least, self._cosines[touched, -1])


def _each_once(places: Ints, n: int) -> Ints:
    """Pairs (m, 2) of each photo with its neighbours (n, count), -1 for none."""
    first, at = np.nonzero(places >= 0)
    second = places[first, at]
    number = np.unique(np.minimum(first, second) * np.int64(n) + np.maximum(first, second))
    return np.stack(np.divmod(number, np.int64(n)), axis=1)


# ---- through an index


def _by_index(vectors: Floats, least: float, count: int, progress: Progress) -> Near:
    index, n = _index(vectors, progress), len(vectors)
    sample = np.random.default_rng(1).permutation(n)[:_SAMPLE]
    bars = _bars(vectors, sample, least, count)
    recall, index.nprobe = 0.0, min(8, index.nlist)
    while (recall := _recall(index, vectors, sample, bars)) < _WANTED and index.nprobe < index.nlist:
        index.nprobe = min(2 * index.nprobe, index.nlist)
    places = np.full((n, count), -1, np.int64)
    for begin in range(0, n, _AT_ONCE):
        rows = np.arange(begin, min(begin + _AT_ONCE, n))
        cosine, found = index.search(unit(vectors[rows]), count + 1)
        near = (cosine >= least) & (found >= 0) & (found != rows[:, None])
        # A photo is mostly its own nearest, but not among more of its copies than are asked for.
        near[near.sum(axis=1) > count, -1] = False
        first = np.argsort(~near, axis=1, kind="stable")[:, :count]
        places[rows] = np.take_along_axis(np.where(near, found, -1), first, axis=1)
        progress(STEP, begin + len(rows), n)
    return Near(_each_once(places, n), recall)


def _index(vectors: Floats, progress: Progress) -> Any:
    """An inverted file of the vectors' directions in half precision."""
    faiss = importlib.import_module("faiss")
    n, width = vectors.shape
    cells = max(1, min(int(4 * np.sqrt(n)), n // 39))
    quantizer = faiss.IndexFlatIP(width)
    half = faiss.ScalarQuantizer.QT_fp16
    index = faiss.IndexIVFScalarQuantizer(quantizer, width, cells, half, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.seed = 8, 1
    progress("find cells of near photos", 0, 0)
    sample = np.random.default_rng(0).permutation(n)[: 40 * cells]
    index.train(unit(vectors[np.sort(sample)]))
    for begin in range(0, n, _AT_ONCE):
        index.add(unit(vectors[begin : begin + _AT_ONCE]))
        progress("put near photos into cells", min(begin + _AT_ONCE, n), n)
    # The Python object of the quantizer must live as long as the index that uses it.
    index.referenced_objects = [quantizer]
    return index


def _bars(vectors: Floats, sample: Ints, least: float, count: int) -> tuple[Doubles, Ints]:
    """Exactly, for some photos (k,): the cosine of the last neighbour, 2 for none, and how many there are."""
    asked = unit(vectors[sample])
    best = np.full((len(sample), count), -2.0, np.float32)
    for begin in range(0, len(vectors), _AT_ONCE):
        cosine = asked @ unit(vectors[begin : begin + _AT_ONCE]).T
        here: Bools = (sample >= begin) & (sample < begin + cosine.shape[1])
        cosine[np.flatnonzero(here), sample[here] - begin] = -2.0
        both = np.concatenate([best, cosine], axis=1)
        best = np.partition(both, -count, axis=1)[:, -count:]
    near = best >= least
    return np.where(near, best, 2.0).min(axis=1), near.sum(axis=1)


def _recall(index: Any, vectors: Floats, sample: Ints, bars: tuple[Doubles, Ints]) -> float:
    """The share of a sample's true neighbours that the index finds; of several that are equally near any will do."""
    last, there = bars
    if not there.any():
        return 1.0
    asked = unit(vectors[sample])
    _, found = index.search(asked, int(there.max()) + 1)
    right = 0
    for row, photo in enumerate(sample.tolist()):
        others = found[row][(found[row] >= 0) & (found[row] != photo)]
        right += min(int(there[row]), int((unit(vectors[others]) @ asked[row] >= last[row] - 1e-4).sum()))
    return right / int(there.sum())

"""Photos that are the same photo: byte for byte, or re-saved, resized, slightly cropped or lightened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Array, Floats, Ints, Pixels
from goodsight.embedding import neighbours
from goodsight.embedding.components import grouped
from goodsight.progress import Progress, quiet

ALIKE_PIXELS = 0.93


ALIKE_ALONE = 0.985
"""For networks whose features were trained to be alike within a class, and so cannot tell copies from kin."""


ALIKE_FEATURES = 0.85


MOST = 100
"""Near twins before it that a photo is paired with: of thousands of copies every pair would be listed."""
_NEAREST = 12
"""As many are looked at where all pairs are too many to be looked at."""
_FEW = 1 << 10
"""In a block with fewer pairs of like embeddings their thumbnails are compared pair by pair."""


@dataclass(frozen=True)
class Twins:
    """``groups[i]`` numbers the twin group of photo ``i``; pairs hold indices (first < second).

    A photo is in ``near`` with at most :data:`MOST` before it.
    """

    groups: npt.NDArray[np.int64]
    exact: Ints
    near: Ints

    def extra_copies(self) -> int:
        """How many photos could go without losing a distinct one."""
        return len(self.groups) - int(self.groups.max(initial=-1)) - 1


def find(
    sha256: Sequence[str],
    thumbnails: Pixels,
    vectors: Floats,
    alike: float = ALIKE_PIXELS,
    *,
    among: Ints | None = None,
    progress: Progress = quiet,
) -> Twins:
    """Group exact and near twins.

    Two photos are near twins when their thumbnails correlate (after removing the mean, so brightness and contrast do
    not matter) *and* their embeddings point the same way: two products on a white ground correlate as pictures, two
    shots of one shelf agree as embeddings, but only copies do both. Groups are connected components. From
    :data:`goodsight.embedding.neighbours.MANY` photos on, near twins are sought among the nearest neighbours only.

    Args:
        sha256: content hashes (n).
        thumbnails: grey thumbnails, uint8 (n, side * side).
        vectors: standardised embeddings (n, dimensions).
        alike: the correlation from which thumbnails agree.
        among: pairs (k, 2) of which some are the near twins, where that is known.
        progress: told the photos.

    """
    n = len(sha256)
    first: dict[str, int] = {}
    exact = np.array(
        [(first[key], i) for i, key in enumerate(sha256) if first.setdefault(key, i) != i], dtype=np.int64
    ).reshape(-1, 2)
    # Of each content one photo stands for all: of thousands of copies, every pair would be listed.
    distinct = np.fromiter(first.values(), np.int64, len(first))
    if among is None and len(distinct) >= neighbours.MANY:
        among = distinct[neighbours.nearest(vectors[distinct], ALIKE_FEATURES, _NEAREST, progress=progress).pairs]
    if among is None:
        near: Ints = distinct[_near(_unit(thumbnails[distinct]), neighbours.unit(vectors[distinct]), alike, progress)]
    else:
        near = _agreeing(among, thumbnails, vectors, alike)
    return Twins(grouped(np.concatenate([exact, near]), n), exact, near)


def _near(thumbnails: Array, vectors: Array, limit: float, progress: Progress) -> Ints:
    """Pairs of which embeddings and thumbnails, both of unit length, agree; memory is one block."""
    found = [np.empty((0, 2), np.int64)]
    known = np.zeros(len(vectors), np.int64)
    for begin, other, cosine in neighbours.blocks(vectors, progress):
        alike = cosine > ALIKE_FEATURES
        # Embeddings of some networks agree within a class: there the thumbnails are compared all at once.
        if np.count_nonzero(alike) > _FEW:
            alike &= thumbnails[begin : begin + len(cosine)] @ thumbnails[other : other + cosine.shape[1]].T > limit
        if not alike.any():
            continue
        second, first = np.nonzero(alike.T)
        first, second = first + begin, second + other
        agree = np.einsum("ij,ij->i", thumbnails[first], thumbnails[second]) > limit
        first, second = first[agree], second[agree]
        # Blocks come in the order of their first photos, so these are the first near twins of each.
        rank = known[second] + np.arange(len(second)) - np.searchsorted(second, second)
        known[other : other + cosine.shape[1]] += np.bincount(second - other, minlength=cosine.shape[1])
        found.append(np.stack([first, second], axis=1)[rank < MOST])
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _agreeing(pairs: Ints, thumbnails: Pixels, vectors: Floats, limit: float) -> Ints:
    """Those of some pairs whose embeddings and thumbnails agree."""
    found = [np.empty((0, 2), np.int64)]
    for piece in np.array_split(pairs, len(pairs) // 4096 + 1):
        one, other = (neighbours.unit(vectors[column]) for column in piece.T)
        a, b = (_unit(thumbnails[column]) for column in piece.T)
        both = np.einsum("ij,ij->i", one, other) > ALIKE_FEATURES
        found.append(piece[both & (np.einsum("ij,ij->i", a, b) > limit)])
    return np.concatenate(found)


def _unit(thumbnails: Pixels) -> Array:
    rows = thumbnails.astype(np.float32)
    centred = rows - rows.mean(axis=1, keepdims=True)
    # A flat picture has no direction: it correlates with nothing, and its twins are found by their bytes.
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(np.where(length > 1e-3, centred / np.maximum(length, 1e-3), 0), np.float32)


@dataclass(frozen=True)
class Fingerprints:
    """What is needed to recognise the training photos later: hashes (n), thumbnails (n, 256), sketches (n, 256)."""

    sha256: tuple[str, ...]
    thumbnails: npt.NDArray[np.uint8]
    sketches: npt.NDArray[np.float16]

    def __add__(self, other: Fingerprints) -> Fingerprints:
        return Fingerprints(
            self.sha256 + other.sha256,
            np.concatenate([self.thumbnails, other.thumbnails]),
            np.concatenate([self.sketches, other.sketches]),
        )

    def take(self, rows: npt.NDArray[np.integer]) -> Fingerprints:
        """Those of some photos."""
        return Fingerprints(tuple(self.sha256[i] for i in rows), self.thumbnails[rows], self.sketches[rows])

    def copies(self, others: Fingerprints, alike: float = ALIKE_PIXELS) -> npt.NDArray[np.bool_]:
        """Which of other photos (k,) have a twin among these; see :func:`find`."""
        groups, count = (self + others).twins(alike).groups, len(self.sha256)
        return np.isin(groups[count:], groups[:count])

    def twins(self, alike: float = ALIKE_PIXELS) -> Twins:
        """The twins among these photos; see :func:`find`."""
        return find(self.sha256, self.thumbnails, self.sketches, alike)


def sketch(vectors: npt.NDArray[np.float32], width: int = 256) -> npt.NDArray[np.float16]:
    """Random projections (n, 256) that keep angles (Johnson and Lindenstrauss 1984) to about 0.01 near twins."""
    directions = np.random.default_rng(0).standard_normal((vectors.shape[1], width), np.float32)
    return np.asarray(vectors @ directions, np.float16)

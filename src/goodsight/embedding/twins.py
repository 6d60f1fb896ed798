"""Photos that are the same photo: byte for byte, or re-saved, resized, slightly cropped or lightened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ALIKE_PIXELS = 0.93


ALIKE_ALONE = 0.985
"""For networks whose features were trained to be alike within a class, and so cannot tell copies from kin."""


ALIKE_FEATURES = 0.85


_CHUNK = 1024


@dataclass(frozen=True)
class Twins:
    """``groups[i]`` numbers the twin group of photo ``i``; pairs hold indices (first < second)."""

    groups: npt.NDArray[np.int64]
    exact: npt.NDArray[np.int64]
    near: npt.NDArray[np.int64]

    def extra_copies(self) -> int:
        """How many photos could go without losing a distinct one."""
        return len(self.groups) - int(self.groups.max(initial=-1)) - 1


def find(
    sha256: Sequence[str],
    thumbnails: npt.NDArray[np.uint8],
    vectors: npt.NDArray[np.float16 | np.float32],
    alike: float = ALIKE_PIXELS,
) -> Twins:
    """Group exact and near twins.

    Two photos are near twins when their thumbnails correlate (after removing the mean, so brightness and contrast do
    not matter) *and* their embeddings point the same way: two products on a white ground correlate as pictures, two
    shots of one shelf agree as embeddings, but only copies do both. Groups are connected components.

    Args:
        sha256: content hashes (n).
        thumbnails: grey thumbnails, uint8 (n, side * side).
        vectors: standardised embeddings (n, dimensions).
        alike: the correlation from which thumbnails agree.

    """
    n = len(sha256)
    first: dict[str, int] = {}
    exact = np.array(
        [(first[key], i) for i, key in enumerate(sha256) if first.setdefault(key, i) != i], dtype=np.int64
    ).reshape(-1, 2)
    # Of each content one photo stands for all: of thousands of copies, every pair would be listed.
    distinct = np.fromiter(first.values(), np.int64, len(first))
    near = distinct[_near(_unit(thumbnails[distinct].astype(np.float32)), vectors[distinct], alike)]
    return Twins(grouped(np.concatenate([exact, near]), n), exact, near)


def grouped(pairs: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """The group number (n,) of each of ``count`` photos: those that pairs (k, 2) connect have the same."""
    # Answers need no groups, and these take a sixth of a second to load.
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _near(
    thumbnails: npt.NDArray[np.float32], vectors: npt.NDArray[np.float16 | np.float32], limit: float
) -> npt.NDArray[np.int64]:
    """Pairs whose thumbnails agree, of which those whose embeddings agree; memory is one chunk of rows."""
    found = []
    for start in range(0, len(thumbnails), _CHUNK):
        alike = thumbnails[start : start + _CHUNK] @ thumbnails[start:].T > limit
        a, b = np.nonzero(np.triu(alike, 1))
        for piece in np.array_split(np.stack([a, b], axis=1) + start, len(a) // 4096 + 1):
            one = vectors[piece[:, 0]].astype(np.float32)
            two = vectors[piece[:, 1]].astype(np.float32)
            length = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
            found.append(piece[np.einsum("ij,ij->i", one, two) > ALIKE_FEATURES * length])
    return np.concatenate(found) if found else np.empty((0, 2), np.int64)


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
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

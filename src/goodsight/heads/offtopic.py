"""Does a photo look like any of the training photos at all? No negative examples are needed; a folder of them helps.

The score is the mean cosine similarity to the five nearest training photos in the network's last features (a k-nearest
neighbour novelty score; Sun et al. 2022, Out-of-Distribution Detection with Deep Nearest Neighbors). With negatives,
their similarity, measured alike, is taken off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goodsight.arrays import Array, Doubles, Ints, Vectors
from goodsight.embedding.filed import Embeddings
from goodsight.heads.kernels import each_alone

MOST = 2000


NEIGHBOURS = 5


@dataclass(frozen=True)
class OffTopic:
    """Unit features of at most 2,000 photos, and of the negatives when there were any (0 rows otherwise)."""

    columns: slice
    photos: Array
    negatives: Array

    def __call__(self, vectors: Vectors) -> Doubles:
        """How on-topic each embedding (n, width) is; high is on-topic."""
        x = _unit(vectors[:, self.columns])
        off = _nearest(each_alone(x, self.negatives)) if len(self.negatives) else 0
        return _nearest(each_alone(x, self.photos)) - off


def fit(
    vectors: Embeddings, groups: Ints, columns: slice, negatives: Vectors | None = None
) -> tuple[OffTopic, Doubles]:
    """Learn what is on topic.

    Args:
        vectors: training embeddings (n, width).
        groups: twin groups (n,); a photo is never compared with its own group.
        columns: which columns to compare.
        negatives: embeddings (k, width) of photos that are off topic.

    Returns:
        The scorer, and the score of each training photo against the others, shape (n,).

    """
    chosen = np.random.default_rng(0).permutation(len(vectors))[:MOST]
    scorer = OffTopic(
        columns,
        _unit(vectors[chosen][:, columns]),
        np.empty((0, columns.stop - columns.start), np.float32)
        if negatives is None
        else _unit(negatives[:MOST, columns]),
    )
    scores = np.empty(len(vectors))
    for start in range(0, len(vectors), 2048):
        rows = slice(start, start + 2048)
        x = _unit(vectors[rows][:, columns])
        similar = x @ scorer.photos.T
        similar[groups[rows, None] == groups[chosen]] = -1
        scores[rows] = _nearest(similar) - (_nearest(x @ scorer.negatives.T) if len(scorer.negatives) else 0)
    return scorer, scores


def _nearest(similar: Array) -> Doubles:
    k = min(NEIGHBOURS, similar.shape[1])
    return np.asarray(np.partition(similar, -k, axis=1)[:, -k:].mean(axis=1), np.float64)


def _unit(rows: Vectors) -> Array:
    x = rows.astype(np.float32)
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6))

"""The copies among photos: those of the same bytes, those that training's quick check finds, and those laid over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goodsight.arrays import Array, Ints, Pixels
from goodsight.auditing import copies
from goodsight.auditing.looks import Pictures
from goodsight.embedding import neighbours, twins
from goodsight.embedding.components import grouped
from goodsight.embedding.filed import Embeddings
from goodsight.embedding.table import Table
from goodsight.heads.scaler import Scaler, sketched
from goodsight.progress import Progress

ALIKE = 0.9
"""What is said of twins that training's quick check finds and this one does not."""
_AT_ONCE = 2048


@dataclass(frozen=True)
class Copied:
    """Pairs of photos (k, 2), first < second, and what follows from them.

    Attributes:
        exact: of the same bytes.
        near: of nearly the same picture.
        strength: how alike each near pair is, 0 to 1.
        groups: the number of each photo's group of copies (n,).
        recall: the share of near photos that were laid over each other, where they were found through an index.

    """

    exact: Ints
    near: Ints
    strength: dict[tuple[int, ...], float]
    groups: Ints
    recall: float | None

    @property
    def pairs(self) -> Ints:
        """All of them (k, 2)."""
        return np.concatenate([self.exact, self.near])


def find(table: Table, pictures: Pixels | Pictures, scaler: Scaler, progress: Progress) -> Copied:
    """The copies among photos.

    Args:
        table: the photos (n).
        pictures: their small pictures (n, 64, 64, 3).
        scaler: standardises their embeddings.
        progress: told photos and pairs.

    """
    sketches = sketched(scaler, table.filed)
    # Of each content one photo stands for all: shops post a picture many times.
    distinct = np.sort(np.unique(table.sha256, return_index=True)[1])
    near = neighbours.nearest(sketches[distinct], copies.WORTH, copies.NEIGHBOURS, progress=progress)
    pairs = distinct[near.pairs]
    among = None if near.recall is None else pairs
    quick = twins.find(table.sha256, table.thumbnails, sketches, among=among, progress=progress)
    correlation = copies.alike(pictures, pairs, progress)
    # Most are no twins whatever their cosine, which is at most 1.
    worth = np.flatnonzero(copies.twins(correlation, np.ones_like(correlation)))
    same = worth[copies.twins(correlation[worth], _cosines(table.filed, pairs[worth], scaler))]
    strength = dict.fromkeys(map(tuple, quick.near.tolist()), ALIKE)
    strength |= {(a, b): float(c) for (a, b), c in zip(pairs[same].tolist(), correlation[same], strict=True)}
    found = np.array(sorted(strength), np.int64).reshape(-1, 2)
    groups = grouped(np.concatenate([quick.exact, found]), len(table.rows))
    return Copied(quick.exact, found, strength, groups, near.recall)


def _cosines(vectors: Embeddings, pairs: Ints, scaler: Scaler) -> Array:
    """Of the standardised embeddings of each pair (k,)."""
    found = np.empty(len(pairs), np.float32)
    for begin in range(0, len(pairs), _AT_ONCE):
        piece = pairs[begin : begin + _AT_ONCE]
        photos, at = np.unique(piece, return_inverse=True)
        x = scaler(vectors[photos])
        x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
        one, other = at.reshape(piece.shape).T
        found[begin : begin + _AT_ONCE] = np.einsum("ij,ij->i", x[one], x[other])
    return found


def note(copied: Copied) -> tuple[tuple[str, str], ...]:
    """What should be known of how near photos were found, if anything: a name and a sentence."""
    if copied.recall is not None:
        said = f"found through an index, {copied.recall:.1%} of them by a sample; smaller sets are compared exactly"
    elif len(copied.groups) >= neighbours.MANY:
        said = "all pairs were compared, which takes long; `pip install 'goodsight[cluster]'` brings an index"
    else:
        return ()
    return (("near photos", said),)

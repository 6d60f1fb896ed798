"""Heads that compare by angle, and main directions, of photos that are looked at some thousand at a time.

What each fold adds to the sums over all photos is kept, so the head without a fold costs no second look at the others;
see :mod:`goodsight.heads.discriminant`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from scipy import linalg

from goodsight.arrays import Array, Ints
from goodsight.embedding.filed import pieces
from goodsight.heads.discriminant import Cells, Sums
from goodsight.heads.examples import Examples
from goodsight.heads.kernels import unit

Rows = Callable[[Ints], Array]
"""Makes what is looked at of some photos (r, k) from their indices (r,)."""


@dataclass(frozen=True)
class Streamed:
    """Sums over the photos of each fold.

    Attributes:
        low: makes the main components of photos.
        cells: what divides the classes.
        folds: the photos of each fold, with their sums.

    """

    low: Rows
    cells: Cells
    folds: tuple[tuple[Ints, Sums], ...]

    @classmethod
    def of(cls, low: Rows, examples: Examples, *, aside: bool) -> Streamed:
        """The sums over the sure ones among examples (n), of which nothing is hidden but folds.

        Args:
            low: makes their main components.
            examples: what they are.
            aside: whether the other attributes divide the classes.

        """
        cells = Cells.unmeasured(examples.labels, examples.cells if aside else examples.labels)
        nothing, folds = cells.sums(low(np.empty(0, np.int64)), np.empty(0, np.int64)), []
        for fold in np.unique(examples.folds):
            rows = np.flatnonzero(examples.folds == fold)
            believed = rows[examples.sure[rows]]
            folds.append((rows, reduce(add, (cells.sums(low(some), some) for some in pieces(believed)), nothing)))
        return cls(low, cells, tuple(folds))

    def head(self, shrink: float, aside: float) -> tuple[Array, Array]:
        """As by :func:`goodsight.heads.discriminant.learn`."""
        return self.cells.whitened(reduce(add, (sums for _, sums in self.folds)), shrink, aside)

    def scores(self, shrink: float, aside: float) -> Array:
        """As by :func:`goodsight.heads.discriminant.out_of_fold` (n, C)."""
        every = reduce(add, (sums for _, sums in self.folds))
        scores = np.full((len(self.cells.number), self.cells.classes), np.nan, np.float32)
        for rows, sums in self.folds:
            if len(rows) == len(scores):
                continue
            whiten, means = self.cells.whitened(every - sums, shrink, aside)
            for some in pieces(rows):
                scores[some] = unit(self.low(some) @ whiten) @ means
        return scores


def principal(blocks: Iterable[Array], width: int, most: int) -> Array:
    """As by :func:`goodsight.heads.discriminant.principal`, of rows that come in blocks (r, width)."""
    start = np.random.default_rng(0).standard_normal((width, min(most, width)), np.float32)
    total = np.zeros(start.shape)
    for block in blocks:
        total += block.T @ (block @ start)
    return np.asarray(linalg.qr(total.astype(np.float32), mode="economic", overwrite_a=True)[0])

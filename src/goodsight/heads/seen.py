"""The photos that heads learn from, as one view of the embeddings shows them; what several heads need is made once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from goodsight.arrays import Array, Ints
from goodsight.embedding import filed
from goodsight.embedding.filed import Filed
from goodsight.heads import ridge, sample, streamed
from goodsight.heads.discriminant import principal
from goodsight.heads.examples import Examples
from goodsight.heads.folds import held
from goodsight.heads.kernels import squared_distances
from goodsight.heads.ridge import ease
from goodsight.heads.scaler import Scaler

MAIN = 800
"""How many main directions a head looks at that compares angles, at most."""


@dataclass(frozen=True)
class Seen:
    """Examples in one view; each part that heads share is made when it is first wanted.

    Attributes:
        scaler: that of the view.
        examples: the photos (n), with their copies among them if heads learn from these.
        ease: a factor (n,) on each photo's penalty, as :func:`goodsight.heads.ridge.ease` gives it among all photos.

    """

    scaler: Scaler
    examples: Examples
    ease: Array

    @classmethod
    def of(cls, scaler: Scaler, examples: Examples) -> Seen:
        """Examples that are all there are."""
        return cls(scaler, examples, ease(examples))

    @property
    def streamed(self) -> bool:
        """Whether heads look at some thousand photos at a time: embeddings are in a file, and there are many."""
        given = self.examples
        many = isinstance(given.filed, Filed) and len(given) > ridge.EXACT
        return many and given.hidden is None

    def rows(self, chosen: Ints) -> Array:
        """Standardised vectors (r, width) of some photos."""
        return self.scaler(self.examples.filed[chosen])

    def blocks(self) -> Iterator[Array]:
        """The same of all photos, some thousand at a time."""
        return (self.scaler(block) for block in filed.blocks(self.examples.filed))

    def landmarks(self, most: int) -> Array:
        """Standardised vectors (k, width) of some photos, which stand for all.

        They are drawn from all or, of photos that are filed, so that each class has its share.
        """
        given, rng = self.examples, np.random.default_rng(0)
        if not self.streamed:
            return self.rows(rng.permutation(len(given))[:most])
        drawn = sample.part(given.labels, None, most, least=1)
        # Of very many classes one photo each may be too many already.
        return self.rows(drawn if len(drawn) <= most else rng.permutation(drawn)[:most])

    @cached_property
    def x(self) -> Array:
        """Standardised vectors (n, width)."""
        return self.scaler(self.examples.vectors)

    @cached_property
    def products(self) -> Array:
        """Inner products (n, n) of them."""
        return np.asarray(self.x @ self.x.T)

    @cached_property
    def squared(self) -> Array:
        """Squared distances (n, n) between them."""
        return squared_distances(self.x, self.x, products=self.products)

    @cached_property
    def basis(self) -> Array:
        """An orthonormal basis (width, k) of their main directions."""
        if self.streamed:
            return streamed.principal(self.blocks(), len(self.scaler.mean), MAIN)
        return principal(self.x, MAIN)

    @cached_property
    def main(self) -> Array:
        """Their main components (n, k)."""
        return np.asarray(self.x @ self.basis)

    def low(self, chosen: Ints) -> Array:
        """The same of some photos (r, k), which are read for it."""
        return np.asarray(self.rows(chosen) @ self.basis)

    @cached_property
    def rests(self) -> tuple[Rest, ...]:
        """What is left without each fold; all at once, so for few photos."""
        return tuple(rests(self.scaler, self.examples))


@dataclass(frozen=True)
class Rest:
    """What is left without some photos.

    Attributes:
        asked: indices of those that are asked.
        known: the classes that are left (c,).
        seen: the photos that are left, with a scaler that is learnt from them; their labels are places in ``known``.

    """

    asked: Ints
    known: Ints
    seen: Seen


def rests(scaler: Scaler, examples: Examples, *, grey: bool = False) -> Iterator[Rest]:
    """What is left without each fold, and without what is hidden with its photos, of which it knows nothing.

    Args:
        scaler: that of the view; each rest has its own, learnt anew.
        examples: the photos (n).
        grey: whether copies without colours are left as well.

    """
    every = np.arange(len(examples))
    for asked, away in held(examples.folds, examples.hidden):
        rest = examples.take(np.setdiff1d(every, away))
        known, labels = np.unique(rest.labels, return_inverse=True)
        # One fold: nobody asks what it says out-of-fold.
        rest = replace(rest, labels=labels, folds=np.zeros(len(rest), np.int64), hidden=None, apart=False)
        anew = scaler.learnt_anew(rest.filed)
        yield Rest(asked, known, Seen.of(anew, rest.with_grey() if grey else rest))

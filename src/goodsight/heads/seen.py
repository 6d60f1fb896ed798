"""The photos that candidates are compared on, as one view of the embeddings shows them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from goodsight.arrays import Array
from goodsight.heads.discriminant import principal
from goodsight.heads.examples import Examples
from goodsight.heads.kernels import squared_distances
from goodsight.heads.scaler import Scaler

_MAIN = 400
"""How many main directions a comparison looks at."""


@dataclass(frozen=True)
class Seen:
    """Examples in one view; each part that candidates share is made when it is first wanted.

    Attributes:
        scaler: that of the view.
        examples: the photos (n), with their copies among them if candidates learn from these.
        ease: a factor (n,) on each photo's penalty, as :func:`goodsight.heads.ridge.ease` gives it among all photos.

    """

    scaler: Scaler
    examples: Examples
    ease: Array

    @cached_property
    def x(self) -> Array:
        """Standardised vectors (n, width)."""
        return self.scaler(self.examples.vectors)

    @cached_property
    def squared(self) -> Array:
        """Squared distances (n, n) between them."""
        return squared_distances(self.x, self.x)

    @cached_property
    def main(self) -> Array:
        """Their main components (n, k)."""
        return self.x @ principal(self.x, _MAIN)

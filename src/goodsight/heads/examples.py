"""What a head learns from: embedded photos, what they are, and which of them may be learned from together."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from goodsight.arrays import Bools, Ints, Vectors
from goodsight.embedding.filed import Embeddings, joined, taken


@dataclass(frozen=True)
class Examples:
    """The ``n`` photos that a head learns from.

    Attributes:
        filed: their embeddings (n, width), in memory or, of many photos, in a file.
        labels: class numbers (n,), 0 to C - 1; whoever learns from them wants at least one photo of each.
        folds: fold numbers (n,) that keep twins together.
        others: numbers (n,) of what the photos' other attributes are, if they have any.
        grey: embeddings (n, width) of the photos without their colours, if there are any.
        hidden: numbers (n,) of what else a photo's answer is not learned from, if there is anything: photos of the same
            number, such as those of its combination of labels, in whatever fold they are.
        apart: folds are large parts of some classes, as where they keep large groups apart or a class has few photos:
            each is to be answered by a head that knows nothing of its photos, not even what they add to the mean of
            all.
        doubted: whose labels hardly count, or not at all for a head that compares with class means (n,); these photos
            are answered like the rest. None when all labels are believed.
        groups: what a part of many photos takes whole (n,); None where photos are alone.

    Raises:
        ValueError: the parts are not of one length.

    """

    filed: Embeddings
    labels: Ints
    folds: Ints
    others: Ints | None = None
    grey: Embeddings | None = None
    doubted: Bools | None = None
    hidden: Ints | None = None
    apart: bool = False
    groups: Ints | None = None

    def __post_init__(self) -> None:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        lengths = {name: len(part) for name, part in given.items() if not isinstance(part, bool | None)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"examples must be of one length, not {lengths}")

    def __len__(self) -> int:
        """How many photos there are."""
        return len(self.labels)

    @property
    def vectors(self) -> Vectors:
        """All embeddings (n, width), in memory."""
        return self.filed[:]

    def take(self, rows: Ints) -> Examples:
        """Those of the indices ``rows``, in their order."""
        return Examples(
            taken(self.filed, rows),
            self.labels[rows],
            self.folds[rows],
            None if self.others is None else self.others[rows],
            None if self.grey is None else taken(self.grey, rows),
            None if self.doubted is None else self.doubted[rows],
            None if self.hidden is None else self.hidden[rows],
            self.apart,
            None if self.groups is None else self.groups[rows],
        )

    def held(self) -> Examples:
        """The same with all embeddings in memory."""
        return replace(self, filed=self.vectors, grey=None if self.grey is None else self.grey[:])

    def with_grey(self) -> Examples:
        """The photos and then their copies (2 n,), each in its photo's fold; themselves where there are no copies.

        A copy shows no colours, and so, of the other attributes, one that no photo has.
        """
        if self.grey is None:
            return self
        others = self.others
        return replace(
            self,
            filed=joined([self.filed, self.grey]),
            labels=np.tile(self.labels, 2),
            folds=np.tile(self.folds, 2),
            others=None if others is None else np.append(others, np.full(len(others), others.max() + 1)),
            grey=None,
            doubted=None if self.doubted is None else np.tile(self.doubted, 2),
            hidden=None if self.hidden is None else np.tile(self.hidden, 2),
            groups=None if self.groups is None else np.tile(self.groups, 2),
        )

    @property
    def cells(self) -> Ints:
        """The number (n,) of each photo's combination of its label with the others'; its label where there are none."""
        if self.others is None:
            return self.labels
        pairs = np.stack([self.labels, self.others])
        return np.asarray(np.unique(pairs, axis=1, return_inverse=True)[1].reshape(-1), np.int64)

    @property
    def sure(self) -> Bools:
        """Whose labels are believed (n,)."""
        return np.ones(len(self), bool) if self.doubted is None else ~self.doubted

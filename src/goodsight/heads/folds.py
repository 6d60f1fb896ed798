"""Parts that cannot leak: a twin group is never divided, and every class is spread as evenly as its groups allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from goodsight.arrays import Doubles, Ints


def deal(labels: Ints, groups: Ints, count: int = 5, seed: int = 0) -> Ints:
    """Number the fold of each photo, 0 to ``count - 1``.

    Groups are dealt from the largest to the smallest (in random order among equals), each to the fold that has the
    fewest photos of the group's classes so far, and of equals to the smallest fold. So a class with at least
    ``count`` groups is in every fold, and a rare class is spread before a common one fills the folds. It is the
    greedy of scikit-learn's StratifiedGroupKFold with rarity as the weight, and takes milliseconds.

    Args:
        labels: class numbers (n,).
        groups: twin group of each photo (n,).
        count: how many folds.
        seed: shuffles groups that are alike.

    Returns:
        Fold numbers (n,). With fewer groups than folds, some folds are empty.

    """
    known = _Groups.of(labels, groups)
    load = np.zeros((count, known.classes))
    total = np.zeros(count)
    fold = np.zeros(len(known.size), dtype=np.int64)
    for group in known.order(seed):
        own, share = known.shares(group)
        best = int(np.lexsort((total, np.round(load[:, own] @ share, 12)))[0])
        fold[group] = best
        load[best, own] += share
        total[best] += known.size[group]
    return np.asarray(fold[known.number])


def held(folds: Ints, hidden: Ints | None = None) -> Iterator[tuple[Ints, Ints]]:
    """Indices of the photos that are asked together, and of those that may not be learned from for it, in turn.

    Args:
        folds: fold numbers (n,).
        hidden: other numbers (n,), if there are any: what may be learned from then has neither number or, where no
            photo is left so, another fold at least.

    """
    for fold in np.unique(folds):
        within = folds == fold
        if hidden is None:
            yield (rows := np.flatnonzero(within)), rows
            continue
        for one in np.unique(hidden[within]):
            away = within | (hidden == one)
            yield np.flatnonzero(within & (hidden == one)), np.flatnonzero(within if away.all() else away)


def strangers(values: Ints, most: int) -> Ints:
    """Number parts of photos, so that photos of one part are alike in all or in nothing.

    Combinations are dealt from the most frequent one on, each to the first part where it shares no value with another:
    so all of a part can be hidden at once, and each value is still known from all of its other combinations.

    Args:
        values: of each photo (n, k).
        most: parts; where they are too few, the last combinations go where they share a value.

    Returns:
        Part numbers (n,), 0 to ``most - 1``.

    """
    kinds, number, counts = np.unique(values, axis=0, return_inverse=True, return_counts=True)
    parts: list[list[int]] = [[] for _ in range(most)]
    part = np.empty(len(kinds), np.int64)
    for kind in np.argsort(-counts, kind="stable").tolist():
        shared = [int((kinds[others] == kinds[kind]).sum()) for others in parts]
        part[kind] = np.argmin(shared)
        parts[part[kind]].append(kind)
    return np.asarray(part[number.ravel()])


def portion(labels: Ints, groups: Ints, shares: Sequence[float], seed: int = 0) -> Ints:
    """Number the part of each photo, 0 to ``len(shares) - 1``, for parts of different size.

    Groups are dealt from the largest to the smallest, as by :func:`deal`, each to the part that still needs most of
    the group's classes. Each part needs its share of a class, but one photo at least; a class of fewer groups than
    parts is wholly in the first.

    Args:
        labels: class numbers (n,).
        groups: twin group of each photo (n,).
        shares: of each part, above 0, with the sum 1.
        seed: shuffles groups that are alike.

    Returns:
        Part numbers (n,). A class of few, large groups may be missing in a part.

    """
    known = _Groups.of(labels, groups)
    size = np.bincount(labels, minlength=known.classes).astype(float)
    need = np.maximum(np.outer(shares, size), 1.0)
    need[0] = np.maximum(size - need[1:].sum(axis=0), 1.0)
    tiny = np.bincount(known.label, minlength=known.classes) < len(shares)
    need[1:, tiny], need[0, tiny] = 0.0, size[tiny]
    need /= np.maximum(size, 1)
    part = np.zeros(len(known.size), dtype=np.int64)
    for group in known.order(seed):
        own, share = known.shares(group)
        # Of equals the first, so that what is rare is trained on.
        best = int(np.argmax(np.round(need[:, own] @ share, 12)))
        part[group] = best
        need[best, own] -= share
    return np.asarray(part[known.number])


def of_one_unit(labels: Ints, units: Ints) -> Ints:
    """The classes whose photos (n,) are all of one unit: of these nothing is known from elsewhere."""
    pairs = np.unique(np.stack([labels, units]), axis=1)
    classes, counts = np.unique(pairs[0], return_counts=True)
    return np.asarray(classes[counts < 2])


def kept_together(labels: Ints, units: Ints, twins: Ints) -> Ints:
    """What folds keep together (n,): units (n,), but twins (n,) in a class of one unit, which no fold would know."""
    alone = np.isin(labels, of_one_unit(labels, units))
    return np.asarray(np.where(alone, int(units.max()) + 1 + twins, units))


@dataclass(frozen=True)
class _Groups:
    """Groups (m) and the classes that each has photos of, which are few: one entry (k,) for each.

    Attributes:
        number: of the group of each photo (n,).
        size: photos of each group (m,).
        classes: how many there are.
        start: where the entries of each group begin (m + 1,).
        label: the class of each entry (k,).
        share: what part of its class's photos the group has (k,).

    """

    number: Ints
    size: Ints
    classes: int
    start: Ints
    label: Ints
    share: Doubles

    @classmethod
    def of(cls, labels: Ints, groups: Ints) -> _Groups:
        number = np.unique(groups, return_inverse=True)[1]
        size, per_class = np.bincount(number), np.bincount(labels)
        pairs, counts = np.unique(number * len(per_class) + labels, return_counts=True)
        group, label = np.divmod(pairs, len(per_class))
        start = np.searchsorted(group, np.arange(len(size) + 1))
        return cls(number, size, len(per_class), start, label, counts / per_class[label])

    def order(self, seed: int) -> list[int]:
        """From the largest to the smallest, of equals from the rarest class on, and then at random."""
        shuffled = np.random.default_rng(seed).permutation(len(self.size))
        rarest = np.maximum.reduceat(self.share, self.start[:-1])
        return [int(i) for i in shuffled[np.lexsort((-rarest[shuffled], -self.size[shuffled]))]]

    def shares(self, group: int) -> tuple[Ints, Doubles]:
        """The classes of a group, and what part it has of each."""
        own = slice(self.start[group], self.start[group + 1])
        return self.label[own], self.share[own]

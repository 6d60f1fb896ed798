"""Capture series among the photos: what one seller, shelf or session shot, found where nobody names the groups.

Photos of one class that look alike beyond what their class explains were mostly taken in one go. With some of them in
training, the others are easy, and a figure says nothing about photos from elsewhere.

Series are clusters of average linkage (Sokal and Michener 1958) in the cosine of the embeddings, within a class. Where
photos from the place of use are given, the cut is such that folds are as far from their training photos as those are.
Else it is :data:`ALIKE`, and series only count where they give answers away: where their photos are answered worse as
soon as the rest of their series is hidden. Of photos that are merely of one kind, as thumbnails of phones are, that is
not so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.cluster.hierarchy import average, fcluster
from scipy.spatial.distance import squareform
from scipy.stats import binomtest

from goodsight.arrays import Array, Bools, Ints
from goodsight.embedding.photoset import PhotoSet
from goodsight.heads import kinds
from goodsight.heads.examples import Examples
from goodsight.heads.folds import deal
from goodsight.heads.head import Setting
from goodsight.heads.scaler import Scaler
from goodsight.training.recipe import LITE0, Recipe

SMALL = "small"
"""The default network on small pictures, which finds twins and series for a network that is trained here."""
ALIKE = {(LITE0, 1): 0.48, (LITE0, 2): 0.54, (SMALL, 1): 0.44}
"""By what embeds the photos and the number of views: from this mean cosine on, photos of one class are a series. Chosen
on clothing, whose senders are known: of the pairs of a class that are so much alike, four of five are of one sender."""
CUTS = tuple(np.arange(0.9, 0.29, -0.05).round(2).tolist())
"""Where series may be cut to be like photos that are given, the finest first."""
COARSEST = 0.5
"""The last of these for a network whose own is not known."""
LARGEST = 8000
"""Photos of a class whose pairs are compared: the series of larger classes are not sought."""
TRIED = 5000
"""About so many photos show whether series give answers away."""
GIVEN_AWAY, CHANCE = 0.02, 0.01
"""So much worse are photos of series answered without the rest of it, and chance alone does so this rarely."""
_LOOKED_AT = 1000
_FOLDS = 5
_PLAIN = Setting("linear", 0.0, 1.0)


@dataclass(frozen=True)
class Seek:
    """How series are sought.

    Attributes:
        alike: the mean cosine from which photos are a series; None where it is not known for a network.
        like: embeddings (k, width) of photos from where the model will be used, if there are any.

    """

    alike: float | None
    like: Array | None = None

    @classmethod
    def by(cls, recipe: Recipe, like: Array | None = None) -> Seek:
        """As fits the network that embeds the photos first."""
        network = SMALL if recipe.trained_here else "" if recipe.size else recipe.network
        return cls(ALIKE.get((network, 1 if recipe.trained_here else max(1, recipe.views))), like)


@dataclass(frozen=True)
class Series:
    """Series among ``n`` photos.

    Attributes:
        names: of each photo's series (n,); '' for photos of none.
        cut: the mean cosine within them.
        given_away: how much better (0 to 1) their photos are answered with the rest of their series in training.
        nearness: mean cosine of a photo to its nearest training photo: of photos from the place of use, in folds that
            keep twins together, and in folds that keep series together; empty where none were given.

    """

    names: tuple[str, ...]
    cut: float
    given_away: float
    nearness: tuple[float, float, float] | tuple[()] = ()

    def named(self, sets: Sequence[PhotoSet]) -> tuple[PhotoSet, ...]:
        """The same photos, each with its series as its group."""
        table = sets[0].table
        rows = tuple(replace(row, group=name) for row, name in zip(table.rows, self.names, strict=True))
        return tuple(replace(each, table=replace(table, rows=rows)) for each in sets)

    def notes(self) -> list[tuple[str, str]]:
        """What a user should know of them: of what, and what is to be known."""
        members = [name for name in self.names if name]
        found = (
            f"{len(members)} photos look like {len(set(members))} series (one seller, shelf or session): each is kept "
            f"in one fold, and answers are {self.given_away:.1%} worse so"
        )
        if not self.nearness:
            return [
                ("series", found),
                (
                    "series",
                    "much of these classes looks alike: name the seller with `group` or give photos to come with "
                    "`like`; if photos to come are like these, say `group` none",
                ),
            ]
        theirs, _, ours = self.nearness
        said = [("series", f"{found}; photos to come are {theirs:.2f} near to the training photos, folds {ours:.2f}")]
        if ours > theirs + 0.05:
            said.append(("series", "photos to come are still farther away than any fold: expect less"))
        return said


def seek(sets: Sequence[PhotoSet], scaler: Scaler, twins: Ints, how: Seek) -> Series | None:
    """Find the series among the training photos; None where there are none that matter.

    Args:
        sets: the photos (n), one set for each attribute.
        scaler: standardises their embeddings.
        twins: twin groups (n,).
        how: where they are cut.

    """
    rows = np.unique(np.concatenate([each.training for each in sets]))
    vectors, copies = sets[0].table.vectors, twins[rows]
    unit, cells = _unit(scaler(vectors[rows])), _cells(sets, rows)
    cut: float | None = how.alike
    nearness: tuple[float, float, float] | tuple[()] = ()
    if how.like is not None and len(how.like):
        cut, nearness = _cut_like(unit, cells, copies, _unit(scaler(how.like)), how.alike or COARSEST)
    if cut is None:
        return None
    numbers = clusters(unit, cells, copies, cut)
    members = _members(numbers, copies)
    if not members.any():
        return None
    lost = [_given_away(each, scaler, rows, numbers, members, copies) for each in _judged(sets)]
    share, chance = max(lost)
    if not nearness and (share < GIVEN_AWAY or chance > CHANCE):
        return None
    names = np.full(len(twins), "", object)
    names[rows[members]] = [f"series {number}" for number in numbers[members].tolist()]
    return Series(tuple(names.tolist()), cut, max(0.0, share), nearness)


def clusters(unit: Array, cells: Ints, twins: Ints, cut: float) -> Ints:
    """Number the series (n,) of photos; twins of a cell count as one photo, and are always together.

    Args:
        unit: embeddings of length 1 (n, width).
        cells: what photos are of (n,): only photos of one cell are a series.
        twins: twin groups (n,).
        cut: the mean cosine from which two clusters are one.

    """
    numbers, first = np.empty(len(unit), np.int64), 0
    for cell in np.unique(cells):
        places = np.flatnonzero(cells == cell)
        _, one, back = np.unique(twins[places], return_index=True, return_inverse=True)
        own = np.arange(1, len(one) + 1)
        if 1 < len(one) <= LARGEST:
            some = unit[places[one]]
            apart = np.maximum(1 - (some @ some.T).astype(np.float64), 0)
            np.fill_diagonal(apart, 0)
            own = fcluster(average(squareform(apart, checks=False)), 1 - cut, "distance")
        numbers[places] = first + own[back]
        first += int(own.max()) + 1
    return numbers


def _cut_like(
    unit: Array, cells: Ints, twins: Ints, like: Array, coarsest: float
) -> tuple[float | None, tuple[float, float, float]]:
    """The finest cut whose folds are as far from their training photos as photos ``like`` (k, width), and how far.

    No cut where folds that keep twins together already are; none coarser than ``coarsest``, from where on photos of
    several sellers would be kept together, and a class would lose too much with one fold.
    """
    theirs = float(_nearest(like, unit).mean())
    near = ours = _nearness(unit, deal(cells, twins, _FOLDS))
    if near <= theirs:
        return None, (theirs, near, near)
    for cut in [*(cut for cut in CUTS if cut > coarsest), coarsest]:
        ours = _nearness(unit, deal(cells, clusters(unit, cells, twins, cut), _FOLDS))
        if ours <= theirs:
            break
    return cut, (theirs, near, ours)


def _nearness(unit: Array, folds: Ints) -> float:
    """The mean cosine of photos (n, width) to the nearest photo of another fold, of a part of them."""
    some = np.random.default_rng(0).permutation(len(unit))[:_LOOKED_AT]
    return float(_nearest(unit[some], unit, folds[some], folds).mean())


def _nearest(photos: Array, others: Array, mine: Ints | None = None, theirs: Ints | None = None) -> Array:
    """The cosine of each photo (k, width) to its nearest of others (n, width) that are not of its fold."""
    found = []
    for start in range(0, len(photos), _LOOKED_AT):
        cosines = photos[start : start + _LOOKED_AT] @ others.T
        if mine is not None and theirs is not None:
            cosines[mine[start : start + _LOOKED_AT, None] == theirs[None]] = -1
        found.append(cosines.max(axis=1))
    return np.concatenate(found)


def _given_away(
    photo_set: PhotoSet, scaler: Scaler, rows: Ints, numbers: Ints, members: Bools, twins: Ints
) -> tuple[float, float]:
    """How much better photos of series are answered with the rest of it in training, and the chance of it by luck.

    The chance is that of a sign test over series: photos of one are no independent draws.
    """
    at = np.searchsorted(rows, photo_set.training)
    series = np.unique(numbers[at])
    if len(at) > TRIED:
        share = TRIED / len(at)
        kept = np.random.default_rng(0).random(len(series)) < share
        at = at[np.isin(numbers[at], series[kept])]
    labels = np.unique(photo_set.labels[rows[at]], return_inverse=True)[1]
    if labels.max() < 1 or not members[at].any():
        return 0.0, 1.0
    vectors = photo_set.table.vectors[rows[at]]
    right = [
        kinds.train(_PLAIN, scaler, Examples(vectors, labels, deal(labels, kept[at], _FOLDS)))[1].argmax(axis=1)
        == labels
        for kept in (twins, numbers)
    ]
    better = (right[0].astype(int) - right[1])[members[at]]
    signs = np.sign(np.bincount(np.unique(numbers[at][members[at]], return_inverse=True)[1], better))
    changed = int(np.count_nonzero(signs))
    chance = binomtest(int((signs > 0).sum()), changed, alternative="greater").pvalue if changed else 1.0
    return float(better.mean()), float(chance)


def _judged(sets: Sequence[PhotoSet]) -> Sequence[PhotoSet]:
    """The attributes that are no tags or, where all are, the first."""
    return [each for each in sets if not each.attribute.tag] or sets[:1]


def _cells(sets: Sequence[PhotoSet], rows: Ints) -> Ints:
    """What each of the photos (k,) is of: a combination of labels."""
    labels = np.stack([each.labels[rows] for each in _judged(sets)])
    return np.asarray(np.unique(labels, axis=1, return_inverse=True)[1].reshape(-1), np.int64)


def _members(numbers: Ints, twins: Ints) -> Bools:
    """Which photos (n,) are of a series of at least two photos that are no twins."""
    pairs = np.unique(np.stack([numbers, twins]), axis=1)
    return np.asarray(np.bincount(pairs[0], minlength=int(numbers.max()) + 1)[numbers] > 1)


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))

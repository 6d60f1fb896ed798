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
from scipy.stats import binomtest

from goodsight.arrays import Bools, Ints
from goodsight.embedding.filed import taken
from goodsight.embedding.photoset import PhotoSet, trained_rows
from goodsight.embedding.table import Table
from goodsight.embedding.twins import Fingerprints
from goodsight.errors import CatalogError
from goodsight.heads import kinds
from goodsight.heads.examples import Examples
from goodsight.heads.folds import deal, kept_together, of_one_unit
from goodsight.heads.head import Setting
from goodsight.heads.scaler import Scaler, sketched
from goodsight.training.likeness import COARSEST, LARGEST, Units, clusters, cut_like, joining, units
from goodsight.training.recipe import LITE0, Recipe

SMALL = "small"
"""The default network on small pictures, which finds twins and series for a network that is trained here."""
ALIKE = {(LITE0, 1): 0.48, (LITE0, 2): 0.54, (SMALL, 1): 0.44}
"""By what embeds the photos and the number of views: from this mean cosine on, photos of one class are a series. Chosen
on clothing, whose senders are known: of the pairs of a class that are so much alike, four of five are of one sender."""
TRIED = 5000
"""About so many photos show whether series give answers away."""
GIVEN_AWAY, CHANCE = 0.02, 0.01
"""So much worse are photos of series answered without the rest of it, and chance alone does so this rarely."""
_PLAIN = Setting("linear", 0.0, 1.0)


@dataclass(frozen=True)
class Seek:
    """How series are sought.

    Attributes:
        alike: the mean cosine from which photos are a series; None where it is not known for a network.
        like: photos from where the model will be used, if there are any.

    """

    alike: float | None
    like: Table | None = None

    @classmethod
    def by(cls, recipe: Recipe, like: Table | None = None) -> Seek:
        """As fits the network that embeds the photos first."""
        network = SMALL if recipe.trained_here else "" if recipe.size else recipe.network
        return cls(ALIKE.get((network, 1 if recipe.trained_here else max(1, recipe.views))), like)


@dataclass(frozen=True)
class Series:
    """Series among ``n`` photos.

    Attributes:
        names: of each photo's series (n,); '' for photos of none.
        kept: how many training photos are in series that folds keep together, and in how many.
        given_away: how much better (0 to 1) their photos are answered with the rest of their series in training.
        nearness: mean cosine of a photo to its nearest training photo: of photos from the place of use, and in folds
            that keep series together; None where no such photos were given.
        like: what should be known of these photos.

    """

    names: tuple[str, ...]
    kept: tuple[int, int]
    given_away: float
    nearness: tuple[float, float] | None = None
    like: tuple[tuple[str, str], ...] = ()

    def named(self, sets: Sequence[PhotoSet]) -> tuple[PhotoSet, ...]:
        """The same photos, each with its series as its group."""
        table = sets[0].table
        rows = tuple(replace(row, group=name) for row, name in zip(table.rows, self.names, strict=True))
        return tuple(replace(each, table=replace(table, rows=rows)) for each in sets)

    def notes(self) -> list[tuple[str, str]]:
        """What a user should know of them: of what, and what is to be known."""
        photos, count = self.kept
        said = list(self.like)
        if count:
            found = (
                f"{photos} photos look like {count} series (one seller, shelf or session): each is kept in one fold, "
                f"and answers are {self.given_away:.1%} worse so"
            )
            said.append(("series", found))
        if self.nearness is None:
            advice = (
                "much of these classes looks alike: name the seller with `group` or give photos to come with `like`; "
                "if photos to come are like these, say `group` none"
            )
            return [*said, ("series", advice)]
        theirs, ours = self.nearness
        away = f"{theirs:.2f} near to the training photos, and photos {ours:.2f} near to those of other folds"
        less = ": expect less than the figures say" if ours > theirs + 0.05 else ""
        return [*said, ("like", f"photos to come are {away}{less}")]


def seek(sets: Sequence[PhotoSet], scaler: Scaler, fingerprints: Fingerprints, twins: Ints, how: Seek) -> Series | None:
    """Find the series among the training photos; None where there are none that matter, and no photos to come.

    Args:
        sets: the photos (n), one set for each attribute.
        scaler: standardises their embeddings.
        fingerprints: of the photos, by which copies of them among photos to come are known.
        twins: twin groups (n,).
        how: where series are cut.

    Raises:
        CatalogError: all photos to come are copies of training photos.

    """
    rows = trained_rows(sets)
    copies, every = twins[rows], _cells(sets)
    unit, cells = units(taken(sets[0].table.filed, rows), scaler), every[rows]
    cut, nearness = how.alike, None
    said: tuple[tuple[str, str], ...] = ()
    if how.like is not None:
        like, said = _new(how.like, scaler, fingerprints.take(rows))
        cut, nearness = cut_like(unit, cells, copies, like, how.alike or COARSEST)
    numbers = np.arange(len(rows)) if cut is None else clusters(unit, cells, copies, cut)
    members = _members(numbers, copies)
    judged = _judged(sets)
    alone = [np.isin(each.labels[rows], of_one_unit(each.labels[rows], numbers)) for each in judged]
    kept = members & ~np.all(alone, axis=0)
    lost = [_given_away(each, scaler, rows, numbers, members, copies) for each in judged]
    matters = [share for share, chance in lost if share >= GIVEN_AWAY and chance <= CHANCE]
    if nearness is None and not matters:
        return None
    names = np.full(len(twins), "", object)
    names[rows[members]] = [f"series {number}" for number in numbers[members].tolist()]
    if cut is not None and members.any():
        others = np.setdiff1d(np.arange(len(twins)), rows)
        new = units(taken(sets[0].table.filed, others), scaler)
        found = joining(new, every[others], unit, numbers, members, cells, cut)
        names[others] = [f"series {number}" if number >= 0 else "" for number in found.tolist()]
    share = max([*matters, *(share for share, _ in lost if not matters), 0.0])
    return Series(tuple(names.tolist()), (int(kept.sum()), len(np.unique(numbers[kept]))), share, nearness, said)


def not_sought(sets: Sequence[PhotoSet]) -> list[tuple[str, str]]:
    """Which classes are too large for series to be sought in them: of what, and what is to be known."""
    rows, judged = trained_rows(sets), _judged(sets)
    cells, first, counts = np.unique(_cells(sets)[rows], return_index=True, return_counts=True)
    large = rows[first[counts > LARGEST]]
    if not len(large):
        return []
    names = [" ".join(each.label(each.table.rows[i]) for each in judged) for i in large[:3].tolist()]
    shown = ", ".join(names) + (", ..." if len(large) > 3 else "")
    said = f"not sought in {len(large)} of {len(cells)} classes, of more than {LARGEST:,} photos each ({shown})"
    return [("series", f"{said}: name the seller with `group` if photos of one belong together")]


def _new(like: Table, scaler: Scaler, fingerprints: Fingerprints) -> tuple[Units, tuple[tuple[str, str], ...]]:
    """Photos to come (k, width) that are no copies, of length 1, and what is to be known of them."""
    copied = fingerprints.copies(Fingerprints(like.sha256, like.thumbnails, sketched(scaler, like.filed)))
    if copied.all():
        raise CatalogError(f"`like`: all {len(copied)} photos are copies of training photos; give new ones")
    said = []
    if copied.any():
        said.append(("like", f"{int(copied.sum())} photos are copies of training photos and left out"))
    if like.bad:
        row, bad = like.bad[0]
        said.append(("like", f"{len(like.bad)} photos cannot be used; the first: {row.file_name}: {bad}"))
    return units(taken(like.filed, ~copied), scaler), tuple(said)


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
    asked = members[at] & ~np.isin(labels, of_one_unit(labels, numbers[at]))
    if labels.max() < 1 or not asked.any():
        return 0.0, 1.0
    vectors = photo_set.table.filed[rows[at]]
    right = [
        kinds.train(_PLAIN, scaler, Examples(vectors, labels, deal(labels, kept)))[1].argmax(axis=1) == labels
        for kept in (twins[at], kept_together(labels, numbers[at], twins[at]))
    ]
    better = (right[0].astype(int) - right[1])[asked]
    signs = np.sign(np.bincount(np.unique(numbers[at][asked], return_inverse=True)[1], better))
    changed = int(np.count_nonzero(signs))
    chance = binomtest(int((signs > 0).sum()), changed, alternative="greater").pvalue if changed else 1.0
    return float(better.mean()), float(chance)


def _judged(sets: Sequence[PhotoSet]) -> Sequence[PhotoSet]:
    """The attributes that are no tags or, where all are, the first."""
    return [each for each in sets if not each.attribute.tag] or sets[:1]


def _cells(sets: Sequence[PhotoSet]) -> Ints:
    """What each photo (n,) is of: a combination of labels."""
    labels = np.stack([each.labels for each in _judged(sets)])
    return np.asarray(np.unique(labels, axis=1, return_inverse=True)[1].reshape(-1), np.int64)


def _members(numbers: Ints, twins: Ints) -> Bools:
    """Which photos (n,) are of a series of at least two photos that are no twins."""
    pairs = np.unique(np.stack([numbers, twins]), axis=1)
    return np.asarray(np.bincount(pairs[0], minlength=int(numbers.max()) + 1)[numbers] > 1)

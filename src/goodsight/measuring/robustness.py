"""How accuracy falls when photos are spoilt: blurred, dark, squeezed by JPEG, turned, noisy or too small.

The kinds and the three strengths of each follow Hendrycks and Dietterich 2019, Benchmarking Neural Network Robustness
to Common Corruptions, cut down to what goes wrong with photos of products.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from goodsight.arrays import Array, Bools, Floats, Ints
from goodsight.catalog.rows import Row
from goodsight.embedding.embedder import Embedder
from goodsight.embedding.filed import taken
from goodsight.embedding.photoset import PhotoSet
from goodsight.embedding.spoilt import spoilt_vectors
from goodsight.measuring import metrics
from goodsight.measuring.dealt import WAYS, Extent, affordable, deal
from goodsight.measuring.metrics import Estimate, Scores
from goodsight.measuring.result import Result
from goodsight.model.learn import Learned
from goodsight.model.record import Judge
from goodsight.photos.spoil import CONDITIONS, Condition
from goodsight.training.fitted import Witness


@dataclass(frozen=True)
class Cell:
    """What spoiling does to the photos that were spoilt so.

    Attributes:
        photos: how many there are.
        accuracy: of all photos that the card is about, had they been spoilt so, with its 95 % interval; NaN where none
            was.

    """

    photos: int
    accuracy: Estimate

    def to_json(self) -> dict[str, Any]:
        """For ``metrics.json``; what cannot be measured is null."""
        return {"n": self.photos, "accuracy": self.accuracy.to_json()}


@dataclass(frozen=True)
class Line:
    """What one condition does."""

    condition: Condition
    cell: Cell


@dataclass(frozen=True)
class Kind:
    """What conditions of one kind do: each, from weak to strong, and all together."""

    name: str
    lines: tuple[Line, ...]
    together: Cell


@dataclass(frozen=True)
class Card:
    """Accuracy on photos as they are, and what each condition makes of it.

    Attributes:
        which: photos they are, such as ``test``, as :attr:`goodsight.measuring.result.Result.name` has it.
        clean: accuracy on all of them as they are: the figure of that result.
        of: how many there are.
        photos: how many of them were spoilt.
        ways: in how many conditions each.
        kinds: one per kind of condition, in the order of :data:`CONDITIONS`.

    """

    which: str
    clean: Estimate
    of: int
    photos: int
    ways: int
    kinds: tuple[Kind, ...]

    @property
    def lines(self) -> list[Line]:
        """One per condition, in the order of :data:`CONDITIONS`."""
        return [line for kind in self.kinds for line in kind.lines]

    @property
    def dealt(self) -> bool:
        """Whether each photo was tried in some of the ways only."""
        return self.ways < WAYS

    @property
    def per_cell(self) -> tuple[int, int]:
        """The fewest and the most photos of a condition."""
        counts = [line.cell.photos for line in self.lines]
        return min(counts), max(counts)

    def to_json(self) -> dict[str, Any]:
        """For ``metrics.json``; what cannot be measured is null."""
        return {
            "photos": self.which,
            "of": self.of,
            "n": self.photos,
            "ways": self.ways,
            "clean": self.clean.to_json(),
            "conditions": [
                {
                    "kind": line.condition.kind,
                    "strength": line.condition.strength,
                    "value": line.condition.value,
                    "unit": line.condition.unit,
                }
                | line.cell.to_json()
                for line in self.lines
            ],
            "kinds": [{"kind": kind.name} | kind.together.to_json() for kind in self.kinds],
        }


@dataclass(frozen=True)
class Tried:
    """Photos to spoil some of, and what answers for them.

    Attributes:
        which: photos they are, for the report.
        whole: how good the answers are on all photos that these stand for.
        rows: the photos, which the head has not seen (n).
        labels: class numbers (n,).
        groups: twin groups (n,).
        guesses: what is answered for the photos as they are (n,).
        embedder: of the head's network.
        head: scores embeddings.

    """

    which: str
    whole: Scores
    rows: Sequence[Row]
    labels: Ints
    groups: Ints
    guesses: Ints
    embedder: Embedder
    head: Callable[[Array], Floats]


def measure(tried: Tried, extent: Extent) -> Card | None:
    """Spoil photos and see what a head makes of them; None when no photo is tried, or can be read."""
    clean = tried.guesses == tried.labels
    dealt = deal(tried.labels, clean, extent)
    if not len(dealt.photos):
        return None
    vectors, good = spoilt_vectors([tried.rows[i] for i in dealt.photos], dealt.ways, tried.embedder)
    if not good:
        return None
    photos, ways = dealt.photos[good], dealt.ways[good]
    given = tried.head(vectors.reshape(-1, vectors.shape[2])).argmax(axis=1).reshape(ways.shape)
    right = given == tried.labels[photos, None]
    return card(tried.which, tried.whole, clean[photos], right, ways, tried.groups[photos])


def card(which: str, whole: Scores, clean: Bools, right: Bools, ways: Ints, groups: Ints) -> Card:
    """What spoiling does, with 95 % intervals, from answers that are right or wrong.

    It begins at the accuracy of all photos, which is known, so it says nothing else than the result that it is about;
    see :func:`goodsight.measuring.metrics.changed`.

    Args:
        which: photos they are, for the report.
        whole: how good the answers are on all photos as they are.
        clean: whether the answer is right on each photo as it is (n,).
        right: the same on each photo when it is spoilt (n, k).
        ways: in which of :data:`CONDITIONS` it was, by number (n, k).
        groups: twin group of each photo (n,).

    Raises:
        ValueError: there is no photo, or the shapes do not go together.

    """
    if right.shape != ways.shape or right.shape[:1] != clean.shape or groups.shape != clean.shape:
        shapes = f"clean {clean.shape}, right {right.shape}, ways {ways.shape}, groups {groups.shape}"
        raise ValueError(f"right and ways must be (n, k) where clean and groups are (n,), not {shapes}")

    def cell(numbers: Sequence[int]) -> Cell:
        photo, place = np.nonzero(np.isin(ways, numbers))
        found = metrics.changed(whole.accuracy.value, clean[photo], right[photo, place], groups[photo])
        return Cell(len(np.unique(photo)), found)

    kinds = []
    for kind, same in groupby(enumerate(CONDITIONS), lambda numbered: numbered[1].kind):
        numbered = list(same)
        lines = tuple(Line(condition, cell([number])) for number, condition in numbered)
        kinds.append(Kind(kind, lines, cell([number for number, _ in numbered])))
    return Card(which, whole.accuracy, whole.n, len(clean), ways.shape[1], tuple(kinds))


def of_photos(
    whole: Result, judge: Judge, embedder: Embedder, photo_set: PhotoSet, rows: Ints, groups: Ints, extent: Extent
) -> Card | None:
    """The card of a judge on photos that it was not trained on; None without any.

    Args:
        whole: the result on these photos.
        judge: what answers.
        embedder: of its network.
        photo_set: the photos (n).
        rows: indices of those to choose from (k,): the ones that count for the result.
        groups: twin groups (n,).
        extent: how much is tried.

    """
    if not len(rows):
        return None
    table = photo_set.table
    guesses = judge.given(judge.probabilities(taken(table.filed, rows)))
    chosen, labels = [table.rows[i] for i in rows], photo_set.labels[rows]
    which = _photos(whole, judge)
    return measure(Tried(which, whole.honest, chosen, labels, groups[rows], guesses, embedder, judge.head), extent)


def _photos(result: Result, judge: Judge) -> str:
    """What the photos of a result are called, without the attribute."""
    return result.name.removeprefix(f"{judge.attribute.name}: ")


def of_training(spoilt: int | None, first: Result, learned: Learned, embedder: Embedder, cards: int = 1) -> Card | None:
    """The card of a training: on the user's own split that leads, or else on training photos of one fold.

    Args:
        spoilt: how many photos to try, each in every way; None for what takes about a tenth of the training's time.
        first: the result that leads the report.
        learned: the judge and its evidence.
        embedder: of its network.
        cards: how many cards the training makes.

    """
    if spoilt == 0:
        return None
    fitted, photo_set = learned.fitted, learned.fitted.photo_set
    groups, training = fitted.groups, fitted.photo_set.training
    looks = affordable(len(photo_set.table.rows), cards, trained_here=fitted.network is not None)
    extent = Extent(spoilt, looks)
    unleaked = ~np.isin(groups, groups[training])
    rows = np.flatnonzero((photo_set.splits == _photos(first, learned.judge)) & (photo_set.labels >= 0) & unleaked)
    if len(rows):
        return of_photos(first, learned.judge, embedder, photo_set, rows, groups, extent)
    witness = fitted.witness()
    watched = witness.watched
    if not len(watched):
        return None
    said = np.zeros(len(training), np.int64)
    said[fitted.scored] = learned.guesses
    with _embedder_of(witness, embedder) as looking:
        chosen = training[watched]
        tried = Tried(
            _photos(first, learned.judge),
            first.honest,
            [photo_set.table.rows[i] for i in chosen],
            photo_set.labels[chosen],
            groups[chosen],
            said[watched],
            looking,
            witness.head,
        )
        return measure(tried, extent)


def _embedder_of(witness: Witness, like: Embedder) -> Embedder:
    """What embeds photos for a witness; with the network of ``like`` it shares its engine and its cache."""
    same = witness.backbone == like.backbone
    return Embedder(
        witness.backbone,
        engine=like.engine if same else None,
        limits=like.limits,
        cached=same and like.cache is not None,
        progress=like.progress,
    )

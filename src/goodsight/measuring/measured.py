"""What training and evaluation measure, as one record: results, counts, examples to look at, what was left out and why.

Pages, terminal and JSON only show it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from goodsight.arrays import Bools, Ints
from goodsight.backbones.names import common_names
from goodsight.catalog.replay import Replayed
from goodsight.catalog.rows import Catalog, Row
from goodsight.display import Tabular
from goodsight.embedding.embedder import Embedder
from goodsight.embedding.photoset import PhotoSet
from goodsight.embedding.twins import Twins
from goodsight.errors import CatalogError
from goodsight.heads import calibrate
from goodsight.heads.search import Trial
from goodsight.measuring import explained, gain, result, robustness
from goodsight.measuring.combinations import Combinations
from goodsight.measuring.dealt import Extent, affordable
from goodsight.measuring.explained import Mistake, Seen
from goodsight.measuring.gain import Gain
from goodsight.measuring.result import Result
from goodsight.measuring.robustness import Card
from goodsight.model.learn import Learned, Topic
from goodsight.model.record import Judge, Model
from goodsight.training.recipe import Trained
from goodsight.training.series import Series

Lap = Callable[[str], None]
"""Told each step that is done."""


@dataclass(frozen=True)
class Part:
    """What was measured of one attribute.

    Attributes:
        judge: classes, head, thresholds.
        results: the results, the most honest one first.
        photo_set: the good photos with their labels, and the bad ones.
        trials: the candidate heads; empty for an evaluation.
        card: accuracy on spoilt photos; None when it was not asked for.
        gain: what a ledger gained; None without a ledger, and for an evaluation.
        evidence: what speaks for the class that a worst mistake was given, by photo and class.

    """

    judge: Judge
    results: Sequence[Result]
    photo_set: PhotoSet
    trials: Sequence[Trial] = ()
    card: Card | None = None
    gain: Gain | None = None
    evidence: Mapping[Mistake, Seen] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the attribute."""
        return self.judge.attribute.name


@dataclass(frozen=True, repr=False)
class Measured(Tabular):
    """Everything that the report shows, measured by the flow.

    Attributes:
        title: of the page, such as ``Training report: ads``.
        model: what was measured.
        parts: what was measured of each attribute.
        counts: photos per class and split: ``{class: {split: n}}``, splits in a fixed order; with several attributes
            a class has its attribute's name before it.
        exact_twins: pairs of byte-identical photos.
        near_twins: pairs of near twins.
        extra_copies: photos that could go without losing a distinct one.
        twin_examples: a few near-twin pairs, to look at.
        leaked_pairs: pairs (photo that is scored, its twin in training), to look at.
        bad: photos that could not be decoded and why.
        left_out: rows that were not used and why.
        notes: what else should be known of the photos, such as a class of which none is left.
        off_topic: the least on-topic photos: row, p-value, the network's name for it.
        timings: (step, seconds) in order.
        own: how the network was trained, if it was trained here.
        ledger: what a ledger changed; None without one.
        combinations: what happens on combinations of labels that were not trained; None for one attribute.
        series: some photos of some capture series, the largest first.

    """

    title: str
    model: Model
    parts: Sequence[Part]
    counts: Mapping[str, Mapping[str, int]]
    exact_twins: int
    near_twins: int
    extra_copies: int
    twin_examples: Sequence[tuple[Row, Row]] = field(default_factory=list)
    leaked_pairs: Sequence[tuple[Row, Row]] = field(default_factory=list)
    bad: Sequence[tuple[str, str]] = field(default_factory=list)
    left_out: Sequence[tuple[str, str]] = field(default_factory=list)
    notes: Sequence[tuple[str, str]] = field(default_factory=list)
    off_topic: Sequence[tuple[Row, float, str]] = field(default_factory=list)
    timings: Sequence[tuple[str, float]] = field(default_factory=list)
    own: Trained | None = None
    ledger: Replayed | None = None
    combinations: Combinations | None = None
    series: Sequence[Sequence[Row]] = field(default_factory=list)

    def summary(self) -> str:
        """A line for each result."""
        return "\n".join([self.title, *(each.summary() for each in self.results)])

    def records(self) -> list[dict[str, Any]]:
        """One record for each result."""
        return [each.record() for each in self.results]

    @property
    def several(self) -> bool:
        """Whether there is more than one attribute, so that each figure says of which it is."""
        return len(self.parts) > 1

    @property
    def results(self) -> list[Result]:
        """Of all attributes."""
        return [result for part in self.parts for result in part.results]


def of_training(
    model: Model,
    learned: Sequence[Learned],
    embedder: Embedder,
    replayed: Replayed,
    spoilt: int | None,
    lap: Lap,
) -> tuple[Part, ...]:
    """Measure what a training made, one part for each attribute.

    Args:
        model: what was trained.
        learned: its judges and the evidence behind them.
        embedder: of its network.
        replayed: what ledgers changed.
        spoilt: how many photos the robustness card tries, 0 for no card; None for what a tenth of the time allows.
        lap: told each step that is done.

    """
    parts, cards = [], sum(not each.judge.attribute.tag for each in learned)
    for each in learned:
        judge, prefix = each.judge, model.prefix(each.judge)
        gained = None
        if replayed.files:
            gained = gain.measure(replayed, each)
            lap(f"{prefix}measure what the ledger gained")
        results = result.of_training(each, prefix)
        lap(f"{prefix}evaluate")
        card = None
        if not judge.attribute.tag:
            card = robustness.of_training(spoilt, results[0], each, embedder, cards)
            lap(f"{prefix}spoil photos")
        evidence = explained.of_worst(judge, embedder, results)
        lap(f"{prefix}explain the worst mistakes")
        photo_set = each.fitted.photo_set
        parts.append(Part(judge, results, photo_set, each.fitted.trials, card, gained, evidence))
    return tuple(parts)


def of_photos(
    model: Model,
    sets: Sequence[PhotoSet],
    groups: Ints,
    leaked: Bools,
    embedder: Embedder,
    lap: Lap,
    *,
    shown: bool,
    spoilt: int | None,
) -> tuple[Part, ...]:
    """Measure a model on photos, one part for each attribute.

    Args:
        model: what answers.
        sets: the photos (n), one set for each judge.
        groups: what intervals are drawn over (n,): twins, and photos of one group.
        leaked: whether photos have a twin in training (n,).
        embedder: of the model's network.
        lap: told each step that is done.
        shown: a report shows it; else nothing of what takes long is measured.
        spoilt: how many photos the robustness card tries, 0 for no card; None for what a tenth of the time allows.

    Raises:
        CatalogError: no label is one of the model's classes.

    """
    parts, cards = [], sum(not judge.attribute.tag for judge in model.judges)
    for judge, photo_set in zip(model.judges, sets, strict=True):
        prefix = model.prefix(judge)
        scored: Ints = np.flatnonzero(photo_set.labels >= 0)
        if not len(scored):
            said = sorted({photo_set.label(row) for row in photo_set.table.rows})
            raise CatalogError(
                f"{prefix}none of the labels ({', '.join(said[:10])}) is one of the model's classes "
                f"({', '.join(judge.classes[:10])})"
            )
        one = result.on_photos(f"{prefix}photos", judge, photo_set, scored, groups, leaked)
        lap(f"{prefix}evaluate")
        card = None
        if shown and spoilt != 0 and not judge.attribute.tag:
            extent = Extent(spoilt, affordable(len(photo_set.table.rows), cards))
            rows = scored[~leaked[scored]]
            card = robustness.of_photos(one, judge, embedder, photo_set, rows, groups, extent)
            lap(f"{prefix}spoil photos")
        evidence = {} if not shown else explained.of_worst(judge, embedder, [one])
        parts.append(Part(judge, [one], photo_set, card=card, evidence=evidence))
    return tuple(parts)


@dataclass(frozen=True)
class Behind:
    """What only a training knows.

    Attributes:
        topic: the on-topic score of each training photo.
        own: how the network was trained, if it was trained here.
        combinations: what happens on combinations that were not trained; None for one attribute.
        notes: what else should be known, such as classes that come from one group.
        series: what was found where nobody named groups.

    """

    topic: Topic
    own: Trained | None
    combinations: Combinations | None
    notes: Sequence[tuple[str, str]] = ()
    series: Series | None = None


def gather(
    title: str,
    model: Model,
    parts: Sequence[Part],
    found: Twins,
    left_out: Sequence[tuple[str, str]],
    ledger: Replayed,
    behind: Behind | None = None,
) -> Measured:
    """Put together what the report shows.

    Args:
        title: of the page.
        model: what was measured.
        parts: what was measured of each attribute.
        found: the twins among the good photos.
        left_out: rows that were not used and why.
        ledger: what ledgers changed; nothing is shown when none was given.
        behind: what only a training knows; None for an evaluation.

    """
    table = parts[0].photo_set.table
    trained = np.zeros(len(table.rows), bool)
    for part in parts:
        trained[part.photo_set.training] = True
    across = [(a, b) for a, b in np.concatenate([found.near, found.exact]).tolist() if trained[a] != trained[b]]
    return Measured(
        title=title,
        model=model,
        parts=parts,
        counts={model.prefix(part.judge) + name: by for part in parts for name, by in _counts(part.photo_set).items()},
        exact_twins=len(found.exact),
        near_twins=len(found.near),
        extra_copies=found.extra_copies(),
        twin_examples=[(table.rows[a], table.rows[b]) for a, b in found.near[:6].tolist()],
        leaked_pairs=[(table.rows[b if trained[a] else a], table.rows[a if trained[a] else b]) for a, b in across[:6]],
        bad=[(row.file_name, str(bad)) for row, bad in table.bad],
        left_out=[*left_out, *_unknown(model, parts)],
        off_topic=[] if behind is None else _least_on_topic(model, parts[0].photo_set, behind.topic),
        own=None if behind is None else behind.own,
        notes=[*ledger.catalog.notes, *_lost(model, parts, ledger.catalog), *_behind(behind)],
        ledger=ledger if ledger.files else None,
        combinations=None if behind is None else behind.combinations,
        series=_shown(table.rows, behind.series) if behind is not None and behind.series else [],
    )


def _behind(behind: Behind | None) -> list[tuple[str, str]]:
    """What should be known of groups and series."""
    if behind is None:
        return []
    return [*(behind.series.notes() if behind.series else ()), *behind.notes]


def _shown(rows: Sequence[Row], series: Series) -> list[list[Row]]:
    """Some photos of each of the largest series."""
    by_name: dict[str, list[Row]] = {}
    for row, name in zip(rows, series.names, strict=True):
        if name:
            by_name.setdefault(name, []).append(row)
    return [each[:6] for each in sorted(by_name.values(), key=lambda each: -len(each))[:4]]


def _lost(model: Model, parts: Sequence[Part], catalog: Catalog) -> list[tuple[str, str]]:
    """Classes of the catalog of which no photo is left."""
    notes = []
    for part in parts:
        number, attribute = part.photo_set.number, part.judge.attribute
        there = {part.photo_set.label(row) for row in part.photo_set.table.rows}
        given = Counter(row.labels[number] for row in catalog.rows)
        for label in catalog.classes(number):
            if label not in there:
                said = f"none of its {given[label]} photos can be used, so the class is lost"
                notes.append((f"{model.prefix(part.judge)}class {label!r}" if not attribute.tag else label, said))
    return notes


def _unknown(model: Model, parts: Sequence[Part]) -> list[tuple[str, str]]:
    """Photos with a label that is no class."""
    return [
        (
            row.file_name,
            f"{model.prefix(part.judge)}the model has no class {part.photo_set.label(row)!r}: it has no training "
            "photo, so this one is not scored",
        )
        for part in parts
        for row, number in zip(part.photo_set.table.rows, part.photo_set.labels, strict=True)
        if number < 0 and part.photo_set.label(row)
    ]


def _counts(photo_set: PhotoSet) -> dict[str, dict[str, int]]:
    names = [name or "photos" for name in photo_set.splits.tolist()]
    order = [name for name in ("photos", "train", "validation", "test") if name in names]
    counts: dict[str, dict[str, int]] = {c: dict.fromkeys(order, 0) for c in photo_set.classes}
    for row, name in zip(photo_set.table.rows, names, strict=True):
        if photo_set.label(row) in counts:
            counts[photo_set.label(row)][name] += 1
    return counts


def _least_on_topic(model: Model, photo_set: PhotoSet, topic: Topic) -> list[tuple[Row, float, str]]:
    least = np.argsort(topic.scores, kind="stable")[:16]
    table, rows = photo_set.table, topic.rows[least]
    names = common_names(model.backbone, table.filed[rows].astype(np.float32))
    p = calibrate.p_values(np.sort(topic.scores), topic.scores[least])
    return [(table.rows[i], float(q), name) for i, q, name in zip(rows, p, names, strict=True)]

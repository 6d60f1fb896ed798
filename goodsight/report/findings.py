"""What was found becomes the report's content: counts, examples to look at, what was left out and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from goodsight import calibrate
from goodsight.backbones import common_names
from goodsight.catalog import Row
from goodsight.evidence import Array
from goodsight.gain import Gain
from goodsight.heads import Trial
from goodsight.ledger import Replayed
from goodsight.model import Model
from goodsight.photoset import PhotoSet
from goodsight.result import Result
from goodsight.robustness import Card
from goodsight.training import Trained
from goodsight.twins import Twins


@dataclass(frozen=True)
class Findings:
    """Everything that the report shows, measured by the flow.

    Attributes:
        title: of the page, such as ``Training report: ads``.
        model: classes, head, thresholds.
        results: the results, the most honest one first.
        counts: photos per class and split: ``{class: {split: n}}``, splits in a fixed order.
        exact_twins: pairs of byte-identical photos.
        near_twins: pairs of near twins.
        extra_copies: photos that could go without losing a distinct one.
        twin_examples: a few near-twin pairs, to look at.
        leaked_pairs: pairs (photo that is scored, its twin in training), to look at.
        bad: photos that could not be decoded and why.
        left_out: rows that were not used and why.
        off_topic: the least on-topic photos: row, p-value, the network's name for it.
        trials: the candidate heads, best first; empty for an evaluation.
        timings: (step, seconds) in order.
        card: accuracy on spoilt photos; None when it was not asked for.
        own: how the network was trained, if it was trained here.
        ledger: what a ledger changed; None without one.
        gain: what that gained; None without a ledger, and for an evaluation.
        evidence: maps (height, width) of what speaks for the class that a worst mistake was given, by photo and class.

    """

    title: str
    model: Model
    results: Sequence[Result]
    counts: Mapping[str, Mapping[str, int]]
    exact_twins: int
    near_twins: int
    extra_copies: int
    twin_examples: Sequence[tuple[Row, Row]] = field(default_factory=list)
    leaked_pairs: Sequence[tuple[Row, Row]] = field(default_factory=list)
    bad: Sequence[tuple[str, str]] = field(default_factory=list)
    left_out: Sequence[tuple[str, str]] = field(default_factory=list)
    off_topic: Sequence[tuple[Row, float, str]] = field(default_factory=list)
    trials: Sequence[Trial] = field(default_factory=list)
    timings: Sequence[tuple[str, float]] = field(default_factory=list)
    card: Card | None = None
    own: Trained | None = None
    ledger: Replayed | None = None
    gain: Gain | None = None
    evidence: Mapping[tuple[Path, str], Array] = field(default_factory=dict)


def gather(
    title: str,
    model: Model,
    results: Sequence[Result],
    photo_set: PhotoSet,
    found: Twins,
    left_out: Sequence[tuple[str, str]],
    *,
    trials: Sequence[Trial] = (),
    on_topic: npt.NDArray[np.float64] | None = None,
    card: Card | None = None,
    own: Trained | None = None,
    ledger: Replayed | None = None,
    gain: Gain | None = None,
    evidence: Mapping[tuple[Path, str], Array] | None = None,
) -> Findings:
    """Put together what the report shows.

    Args:
        title: of the page.
        model: classes, head, thresholds.
        results: the results, the most honest one first.
        photo_set: the good photos (n), and the bad ones of their table.
        found: the twins among the good photos.
        left_out: rows that were not used and why.
        trials: the candidate heads.
        on_topic: the on-topic score of each training photo; None for an evaluation.
        card: accuracy on spoilt photos.
        own: how the network was trained, if it was trained here.
        ledger: what ledgers changed; nothing is shown when none was given.
        gain: what that gained.
        evidence: maps of worst mistakes, see :mod:`goodsight.report.explained`.

    """
    table = photo_set.table
    trained = np.zeros(len(table.rows), bool)
    trained[photo_set.training] = True
    across = [(a, b) for a, b in np.concatenate([found.near, found.exact]).tolist() if trained[a] != trained[b]]
    unknown = [
        (row.file_name, f"the class {row.label!r} has no training photo")
        for row, number in zip(table.rows, photo_set.labels, strict=True)
        if number < 0
    ]
    return Findings(
        title=title,
        model=model,
        results=results,
        counts=_counts(photo_set),
        exact_twins=len(found.exact),
        near_twins=len(found.near),
        extra_copies=found.extra_copies(),
        twin_examples=[(table.rows[a], table.rows[b]) for a, b in found.near[:6].tolist()],
        leaked_pairs=[(table.rows[b if trained[a] else a], table.rows[a if trained[a] else b]) for a, b in across[:6]],
        bad=[(row.file_name, str(bad)) for row, bad in table.bad],
        left_out=[*left_out, *unknown],
        off_topic=[] if on_topic is None else _least_on_topic(model, photo_set, on_topic),
        trials=sorted(trials, key=lambda t: t.log_loss),
        card=card,
        own=own,
        ledger=ledger if ledger and ledger.files else None,
        gain=gain,
        evidence=evidence or {},
    )


def _counts(photo_set: PhotoSet) -> dict[str, dict[str, int]]:
    names = [name or "photos" for name in photo_set.splits.tolist()]
    order = [name for name in ("photos", "train", "validation", "test") if name in names]
    counts: dict[str, dict[str, int]] = {c: dict.fromkeys(order, 0) for c in photo_set.classes}
    for row, name in zip(photo_set.table.rows, names, strict=True):
        if row.label in counts:
            counts[row.label][name] += 1
    return counts


def _least_on_topic(model: Model, photo_set: PhotoSet, scores: npt.NDArray[np.float64]) -> list[tuple[Row, float, str]]:
    least = np.argsort(scores, kind="stable")[:16]
    rows = photo_set.training[least]
    names = common_names(model.backbone, photo_set.table.vectors[rows])
    p = calibrate.p_values(np.sort(scores), scores[least])
    return [(photo_set.table.rows[i], float(q), name) for i, q, name in zip(rows, p, names, strict=True)]

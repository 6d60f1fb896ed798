"""What a training or an evaluation found, as files a person can read: report.html, metrics.json, README.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from goodsight.catalog import Row
from goodsight.model import Model
from goodsight.result import Result


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
        trials: (kind, gamma, penalty, log loss, accuracy) per candidate head, best first; empty for an evaluation.
        timings: (step, seconds) in order.

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
    trials: Sequence[tuple[str, float, float, float, float]] = field(default_factory=list)
    timings: Sequence[tuple[str, float]] = field(default_factory=list)

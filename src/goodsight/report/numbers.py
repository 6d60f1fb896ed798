"""Measured become numbers: what ``metrics.json`` says, and what pages take from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, astuple
from typing import Any

from goodsight.heads.search import Trial
from goodsight.measuring.measured import Measured


def numbers(findings: Measured) -> dict[str, Any]:
    """What ``metrics.json`` says."""
    return {
        "title": findings.title,
        "classes": _by_attribute(findings, [list(part.judge.classes) for part in findings.parts]),
        "results": [result.to_json() for result in findings.results],
        "counts": {name: {split: int(n) for split, n in by.items()} for name, by in findings.counts.items()},
        "twins": {
            "exact_pairs": findings.exact_twins,
            "near_pairs": findings.near_twins,
            "extra_copies": findings.extra_copies,
        },
        "bad_photos": [list(pair) for pair in findings.bad],
        "left_out": [list(pair) for pair in findings.left_out],
        "notes": [list(pair) for pair in findings.notes],
        "combinations": findings.combinations and findings.combinations.to_json(),
        "ledger": findings.ledger
        and findings.ledger.to_json()
        | {"gain": _by_attribute(findings, [part.gain and part.gain.to_json() for part in findings.parts])},
        "robustness": _by_attribute(findings, [part.card and part.card.to_json() for part in findings.parts]),
        "training": {
            name: [[_number(value) for value in astuple(epoch)] for epoch in epochs]
            for name, epochs in (findings.own.history if findings.own else {}).items()
        },
        "least_on_topic": [[row.file_name, _number(p), name] for row, p, name in findings.off_topic],
        "heads_tried": _by_attribute(findings, [_trials(part.trials) for part in findings.parts]),
        "seconds": {step: _number(seconds, 3) for step, seconds in findings.timings},
    }


def _by_attribute(findings: Measured, values: Sequence[Any]) -> Any:
    """One value for each attribute, by its name; the value itself when there is but one."""
    named = zip((part.name for part in findings.parts), values, strict=True)
    return dict(named) if findings.several else values[0]


def _trials(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Candidate heads: first those that were compared on most photos, of these the best first."""
    return [
        {
            **asdict(trial.setting),
            "log_loss": _number(trial.log_loss),
            "accuracy": _number(trial.accuracy),
            "photos": trial.photos,
        }
        for trial in ranked(trials)
    ]


def ranked(trials: Sequence[Trial]) -> list[Trial]:
    """Candidate heads: first those that were compared on most photos, of these the best first."""
    return sorted(trials, key=lambda t: (-t.photos, t.log_loss))


def splits_of(findings: Measured) -> list[str]:
    """The splits that any class has photos in, in the order in which they first come."""
    return list(dict.fromkeys(split for by_split in findings.counts.values() for split in by_split))


def _number(value: float, digits: int = 5) -> float | None:
    return round(float(value), digits) if math.isfinite(value) else None

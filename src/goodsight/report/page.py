"""Measured become files: report.html (one file, nothing loaded from elsewhere), metrics.json and the model card."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from goodsight.heads.calibrate import least_for
from goodsight.heads.search import Trial
from goodsight.measuring.measured import Measured, Part
from goodsight.measuring.result import SECONDS_BY_HAND, Result
from goodsight.report import plots
from goodsight.report.template import environment, save
from goodsight.report.thumbnails import Thumbnails, data_uri

_CONFUSION_TABLE = 30
_SHOWN = 50


def write(folder: Path, findings: Measured) -> None:
    """Write ``report.html`` and ``metrics.json`` into ``folder``."""
    save(folder / "metrics.json", json.dumps(numbers(findings), indent=1, ensure_ascii=False, allow_nan=False))
    save(folder / "report.html", environment().get_template("page.html").render(**_view(findings)))


def card(folder: Path, findings: Measured) -> None:
    """Write the model card, ``README.md``, into ``folder``."""
    text = (
        environment()
        .get_template("card.md")
        .render(f=findings, splits=_splits(findings), seconds=SECONDS_BY_HAND, shown=_SHOWN)
    )
    save(folder / "README.md", text)


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
        for trial in _ranked(trials)
    ]


def _ranked(trials: Sequence[Trial]) -> list[Trial]:
    return sorted(trials, key=lambda t: (-t.photos, t.log_loss))


def _view(findings: Measured) -> dict[str, Any]:
    """The page's parts, with pictures and plots made."""
    thumb = Thumbnails(findings.model.limits)

    def worst(part: Part, result: Result) -> list[tuple[tuple[str, str], str, str, str, float]]:
        shown = []
        for row, true, given, p in result.worst:
            found = part.evidence.get((row.path, given))
            picture = thumb(row) if found is None else thumb.explained(row, findings.model.backbone.resize, found)
            shown.append((picture, row.file_name, true, given, p))
        return shown

    results = [
        {
            "r": result,
            "reliability": Markup(plots.reliability(result.reliability)),  # noqa: S704 - made here
            "moderation": Markup(plots.moderation(result.curve, result.decided)),  # noqa: S704
            "confusion": _confusion(result),
            "confused": _confused(result),
            "worst": worst(part, result),
            "explained": bool(part.evidence),
            "framed": any(found.place for found in part.evidence.values()),
        }
        for part in findings.parts
        for result in part.results
    ]
    return {
        "f": findings,
        "model": findings.model,
        "results": results,
        "trials": [(part.name, trial) for part in findings.parts for trial in _ranked(part.trials)],
        "splits": _splits(findings),
        "twins": [(thumb(a), a.file_name, thumb(b), b.file_name) for a, b in findings.twin_examples],
        "series": [[(thumb(row), row.file_name) for row in rows] for rows in findings.series],
        "leaks": [(thumb(a), a.file_name, thumb(b), b.file_name) for a, b in findings.leaked_pairs],
        "off_topic": [(thumb(row), row.file_name, p, name) for row, p, name in findings.off_topic],
        "curves": [Markup(plot) for plot in plots.training(findings.own.history)] if findings.own else [],  # noqa: S704
        "samples": [data_uri(Image.fromarray(pixels)) for pixels in findings.own.samples] if findings.own else [],
        "seconds_by_hand": SECONDS_BY_HAND,
        "least_for": least_for,
        "shown": _SHOWN,
    }


def _splits(findings: Measured) -> list[str]:
    """The splits that any class has photos in, in the order in which they first come."""
    return list(dict.fromkeys(split for by_split in findings.counts.values() for split in by_split))


def _confusion(result: Result) -> list[tuple[str, list[tuple[int, float]]]]:
    """Rows of (true class, [(count, share of the row)]); empty when there are too many classes for a table."""
    if len(result.classes) > _CONFUSION_TABLE:
        return []
    shares = result.scores.confusion / np.maximum(result.scores.confusion.sum(axis=1, keepdims=True), 1)
    return [
        (name, [(int(n), float(s)) for n, s in zip(counts, row, strict=True)])
        for name, counts, row in zip(result.classes, result.scores.confusion, shares, strict=True)
    ]


def _confused(result: Result) -> list[tuple[str, str, int]]:
    """The most frequent confusions (true, given, count), when the table would be too big."""
    if len(result.classes) <= _CONFUSION_TABLE:
        return []
    off = result.scores.confusion.copy()
    np.fill_diagonal(off, 0)
    order = np.argsort(-off, axis=None, kind="stable")[:20]
    pairs = [divmod(int(i), len(result.classes)) for i in order]
    return [(result.classes[a], result.classes[b], int(off[a, b])) for a, b in pairs if off[a, b]]


def _number(value: float, digits: int = 5) -> float | None:
    return round(float(value), digits) if math.isfinite(value) else None

"""Findings become files: report.html (one file, nothing loaded from elsewhere), metrics.json and the model card."""

from __future__ import annotations

import json
import math
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from goodsight.catalog import Row
from goodsight.report import plots
from goodsight.report.findings import Findings
from goodsight.report.template import environment, save
from goodsight.report.thumbnails import Thumbnails, data_uri
from goodsight.result import SECONDS_BY_HAND, Result

_CONFUSION_TABLE = 30
_SHOWN = 50


def write(folder: Path, findings: Findings) -> None:
    """Write ``report.html`` and ``metrics.json`` into ``folder``."""
    save(folder / "metrics.json", json.dumps(numbers(findings), indent=1, ensure_ascii=False, allow_nan=False))
    save(folder / "report.html", environment().get_template("page.html").render(**_view(findings)))


def card(folder: Path, findings: Findings) -> None:
    """Write the model card, ``README.md``, into ``folder``."""
    text = (
        environment()
        .get_template("card.md")
        .render(f=findings, model=findings.model, splits=_splits(findings), seconds=SECONDS_BY_HAND, shown=_SHOWN)
    )
    save(folder / "README.md", text)


def numbers(findings: Findings) -> dict[str, Any]:
    """What ``metrics.json`` says."""
    return {
        "title": findings.title,
        "classes": list(findings.model.classes),
        "results": [result.to_json() for result in findings.results],
        "counts": {name: {split: int(n) for split, n in by.items()} for name, by in findings.counts.items()},
        "twins": {
            "exact_pairs": findings.exact_twins,
            "near_pairs": findings.near_twins,
            "extra_copies": findings.extra_copies,
        },
        "bad_photos": [list(pair) for pair in findings.bad],
        "left_out": [list(pair) for pair in findings.left_out],
        "ledger": findings.ledger and findings.ledger.to_json() | {"gain": findings.gain and findings.gain.to_json()},
        "robustness": findings.card and findings.card.to_json(),
        "training": {
            name: [[_number(value) for value in astuple(epoch)] for epoch in epochs]
            for name, epochs in (findings.own.history if findings.own else {}).items()
        },
        "least_on_topic": [[row.file_name, _number(p), name] for row, p, name in findings.off_topic],
        "heads_tried": [
            {
                "kind": trial.setting.kind,
                "gamma": _number(trial.setting.gamma),
                "penalty": _number(trial.setting.penalty),
                "log_loss": _number(trial.log_loss),
                "accuracy": _number(trial.accuracy),
            }
            for trial in findings.trials
        ],
        "seconds": {step: _number(seconds, 3) for step, seconds in findings.timings},
    }


def _view(findings: Findings) -> dict[str, Any]:
    """The page's parts, with pictures and plots made."""
    thumb = Thumbnails(findings.model.limits)

    def mistake(row: Row, given: str) -> tuple[str, str]:
        found = findings.evidence.get((row.path, given))
        return thumb(row) if found is None else thumb.explained(row, findings.model.backbone.resize, found)

    results = [
        {
            "r": result,
            "reliability": Markup(plots.reliability(result.reliability, result.name)),  # noqa: S704 - made here
            "moderation": Markup(plots.moderation(result.curve, result.decided, result.name)),  # noqa: S704
            "confusion": _confusion(result),
            "confused": _confused(result),
            "worst": [(mistake(row, given), row.file_name, true, given, p) for row, true, given, p in result.worst],
        }
        for result in findings.results
    ]
    return {
        "f": findings,
        "model": findings.model,
        "results": results,
        "splits": _splits(findings),
        "twins": [(thumb(a), a.file_name, thumb(b), b.file_name) for a, b in findings.twin_examples],
        "leaks": [(thumb(a), a.file_name, thumb(b), b.file_name) for a, b in findings.leaked_pairs],
        "off_topic": [(thumb(row), row.file_name, p, name) for row, p, name in findings.off_topic],
        "card": findings.card,
        "curves": [Markup(plot) for plot in plots.training(findings.own.history)] if findings.own else [],  # noqa: S704
        "samples": [data_uri(Image.fromarray(pixels)) for pixels in findings.own.samples] if findings.own else [],
        "seconds_by_hand": SECONDS_BY_HAND,
        "shown": _SHOWN,
    }


def _splits(findings: Findings) -> list[str]:
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

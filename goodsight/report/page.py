"""Findings become files: report.html (one file, nothing loaded from elsewhere), metrics.json and the model card."""

from __future__ import annotations

import base64
import io
import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from goodsight import photos
from goodsight.catalog import Row
from goodsight.metrics import Estimate
from goodsight.photos import Limits
from goodsight.report import Findings, plots
from goodsight.result import SECONDS_BY_HAND, Result

_CONFUSION_TABLE = 30
_SHOWN = 50


def write(folder: Path, findings: Findings) -> None:
    """Write ``report.html`` and ``metrics.json`` into ``folder``."""
    (folder / "metrics.json").write_text(json.dumps(numbers(findings), indent=1, ensure_ascii=False), encoding="utf-8")
    page = _environment().get_template("page.html").render(**_view(findings))
    (folder / "report.html").write_text(page, encoding="utf-8")


def card(folder: Path, findings: Findings) -> None:
    """Write the model card, ``README.md``, into ``folder``."""
    text = _environment().get_template("card.md").render(f=findings, model=findings.model, seconds=SECONDS_BY_HAND)
    (folder / "README.md").write_text(text, encoding="utf-8")


def numbers(findings: Findings) -> dict[str, Any]:
    """What ``metrics.json`` says."""
    return {
        "title": findings.title,
        "classes": list(findings.model.classes),
        "results": [result.to_json() for result in findings.results],
        "counts": {name: dict(splits) for name, splits in findings.counts.items()},
        "twins": {
            "exact_pairs": findings.exact_twins,
            "near_pairs": findings.near_twins,
            "extra_copies": findings.extra_copies,
        },
        "bad_photos": [list(pair) for pair in findings.bad],
        "left_out": [list(pair) for pair in findings.left_out],
        "least_on_topic": [[row.file_name, round(p, 5), name] for row, p, name in findings.off_topic],
        "heads_tried": [
            {"kind": kind, "gamma": gamma, "penalty": penalty, "log_loss": round(loss, 5), "accuracy": round(right, 5)}
            for kind, gamma, penalty, loss, right in findings.trials
        ],
        "seconds": {step: round(seconds, 3) for step, seconds in findings.timings},
    }


def _view(findings: Findings) -> dict[str, Any]:
    """The page's parts, with pictures and plots made."""
    thumb = _Thumbnails(findings.model.limits)
    results = [
        {
            "r": result,
            "reliability": Markup(plots.reliability(result.reliability, result.name)),  # noqa: S704 - made here
            "moderation": Markup(plots.moderation(result.curve, result.decided, result.name)),  # noqa: S704
            "confusion": _confusion(result),
            "confused": _confused(result),
            "worst": [(thumb(row), row.file_name, true, given, p) for row, true, given, p in result.worst],
        }
        for result in findings.results
    ]
    return {
        "f": findings,
        "model": findings.model,
        "results": results,
        "splits": list(next(iter(findings.counts.values()), {})),
        "twins": [(thumb(a), a.file_name, thumb(b), b.file_name) for a, b in findings.twin_examples],
        "leaks": [(thumb(a), a.file_name, thumb(b), b.file_name) for a, b in findings.leaked_pairs],
        "off_topic": [(thumb(row), row.file_name, p, name) for row, p, name in findings.off_topic],
        "seconds_by_hand": SECONDS_BY_HAND,
        "shown": _SHOWN,
    }


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


class _Thumbnails:
    """Small pictures as data URIs; a photo that cannot be read any more gives its reason instead."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def __call__(self, row: Row) -> tuple[str, str]:
        """The data URI ('' when there is none) and what is wrong ('' when nothing is)."""
        try:
            picture = photos.open_rgb(photos.read(row.path, self._limits), self._limits, at_least=112)
        except photos.BadPhoto as bad:
            return "", str(bad)
        picture.thumbnail((112, 112))
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=70)
        return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}", ""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("goodsight.report", ""),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "figure": _figure, "interval": _interval, "markdown": _markdown}
    return environment


def _percent(value: float, digits: int = 1) -> str:
    return "not measurable" if math.isnan(value) else f"{100 * value:.{digits}f} %"


def _figure(value: float) -> str:
    return "not measurable" if math.isnan(value) else f"{value:.3f}"


def _interval(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return "not measurable"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _markdown(text: str) -> str:
    """A name inside a Markdown table."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")

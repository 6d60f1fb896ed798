"""Findings become files: report.html (one file, nothing loaded from elsewhere), metrics.json and the model card."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from dataclasses import astuple
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from PIL import Image

from goodsight import photos
from goodsight.catalog import Row
from goodsight.metrics import Estimate
from goodsight.photos import Limits
from goodsight.report import plots
from goodsight.report.findings import Findings
from goodsight.result import SECONDS_BY_HAND, Result

_CONFUSION_TABLE = 30
_SHOWN = 50


def write(folder: Path, findings: Findings) -> None:
    """Write ``report.html`` and ``metrics.json`` into ``folder``."""
    _save(folder / "metrics.json", json.dumps(numbers(findings), indent=1, ensure_ascii=False, allow_nan=False))
    _save(folder / "report.html", _environment().get_template("page.html").render(**_view(findings)))


def card(folder: Path, findings: Findings) -> None:
    """Write the model card, ``README.md``, into ``folder``."""
    text = (
        _environment()
        .get_template("card.md")
        .render(f=findings, model=findings.model, splits=_splits(findings), seconds=SECONDS_BY_HAND, shown=_SHOWN)
    )
    _save(folder / "README.md", text)


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
        "splits": _splits(findings),
        "twins": [(thumb(a), a.file_name, thumb(b), b.file_name) for a, b in findings.twin_examples],
        "leaks": [(thumb(a), a.file_name, thumb(b), b.file_name) for a, b in findings.leaked_pairs],
        "off_topic": [(thumb(row), row.file_name, p, name) for row, p, name in findings.off_topic],
        "card": findings.card,
        "curves": [Markup(plot) for plot in plots.training(findings.own.history)] if findings.own else [],  # noqa: S704
        "samples": [_uri(Image.fromarray(pixels)) for pixels in findings.own.samples] if findings.own else [],
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


class _Thumbnails:
    """Small pictures as data URIs; a photo that cannot be read any more gives its reason instead."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._made: dict[Path, tuple[str, str]] = {}

    def __call__(self, row: Row) -> tuple[str, str]:
        """The data URI ('' when there is none) and what is wrong ('' when nothing is)."""
        if row.path not in self._made:
            self._made[row.path] = self._make(row.path)
        return self._made[row.path]

    def _make(self, path: Path) -> tuple[str, str]:
        try:
            # A JPEG comes at a fraction of its scale, which is most of the speed.
            picture = photos.open_rgb(photos.read(path, self._limits), self._limits, at_least=96)
        except photos.BadPhoto as bad:
            return "", str(bad)
        picture.thumbnail((112, 112))
        return _uri(picture), ""


def _uri(picture: Image.Image) -> str:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=70)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("goodsight.report", ""),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"percent": _percent, "figure": _figure, "interval": _interval, "markdown": _markdown}
    return environment


def _save(path: Path, text: str) -> None:
    """A file name that is not valid text has lone surrogates; they are written as JSON would write them."""
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def _number(value: float, digits: int = 5) -> float | None:
    return round(float(value), digits) if math.isfinite(value) else None


def _percent(value: float, digits: int = 1) -> str:
    """With more digits near 0 and 1, so that only what is exactly all or nothing is called so."""
    if math.isnan(value):
        return "not measurable"
    for more in range(digits, 4):
        text = f"{100 * value:.{more}f}"
        if float(text) not in (0, 100) or value in (0, 1):
            return f"{text} %"
    return "under 0.001 %" if value < 0.5 else "over 99.999 %"


def _figure(value: float) -> str:
    return "not measurable" if math.isnan(value) else f"{value:.3f}"


def _interval(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return "not measurable"
    if math.isnan(estimate.low):
        return f"{estimate.value:.3f} (interval not measurable)"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _markdown(text: str) -> str:
    """A name inside Markdown, where it must be neither a tag, a link, a picture nor the end of a table cell."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", text)

"""A model's report, card and numbers after its thresholds were changed: what depends on them is written anew."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from goodsight.measuring.result import SECONDS_BY_HAND
from goodsight.model.surety import Surety
from goodsight.report import decided, fragments
from goodsight.report.decided import Setting
from goodsight.report.template import save

_KEPT = re.compile(r'<script type="application/json" id="answers">(.*?)</script>', re.DOTALL)


def renew(folder: Path, sureties: Sequence[Surety], precision: float, thresholds: Sequence[float]) -> list[Setting]:
    """Write what depends on the wanted precision in ``report.html``, ``README.md`` and ``metrics.json`` of a folder.

    Args:
        folder: a model folder, or a copy of one.
        sureties: what the thresholds of each attribute rest on.
        precision: that is wanted now.
        thresholds: of each attribute; infinity for none.

    Returns:
        What is decided alone now, one for each attribute that has a result.

    Raises:
        ValueError: the report was made by an older Goodsight, and does not hold the answers behind it.

    """
    page = folder / "report.html"
    text = page.read_text(encoding="utf-8")
    kept = json.loads(_answers(text))
    settings = decided.settings(kept, sureties, precision, thresholds)
    for number, setting in _numbered(kept, settings):
        text = fragments.replaced(text, fragments.tiles(number, setting))
        text = fragments.replaced(text, fragments.slider(number, setting))
    card = fragments.replaced((folder / "README.md").read_text(encoding="utf-8"), fragments.card(settings))
    save(page, text)
    save(folder / "README.md", card)
    _numbers(folder / "metrics.json", kept, thresholds)
    return settings


def _answers(text: str) -> str:
    found = _KEPT.search(text)
    if not found:
        raise ValueError("answers")
    return found[1]


def _numbered(kept: Sequence[dict[str, Any]], settings: Sequence[Setting]) -> list[tuple[int, Setting]]:
    """The number of the attribute of each setting: one without a result has none."""
    return list(zip((number for number, each in enumerate(kept) if each["results"]), settings, strict=True))


def _numbers(path: Path, kept: Sequence[dict[str, Any]], thresholds: Sequence[float]) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    found = [one for each, threshold in zip(kept, thresholds, strict=True) for one in decided.results(each, threshold)]
    for result, (n, alone, wrong) in zip(record["results"], found, strict=True):
        result["decided_by_machine"] = round(alone / n, 5)
        result["error_among_decided"] = round(wrong / alone, 5) if alone else None
        result["minutes_saved"] = round(alone / n * result["n"] * SECONDS_BY_HAND / 60, 1)
    save(path, json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False))

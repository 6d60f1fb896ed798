"""The templates of the reports, how figures look in them, and how what they say becomes a file."""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from goodsight.measuring.metrics import Estimate


@cache
def environment() -> Environment:
    """Where the templates are; text in a page is escaped, in a model card it is not."""
    made = Environment(
        loader=PackageLoader("goodsight.report", ""),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "percent": percent,
        "share": _share,
        "points": _points,
        "figure": _figure,
        "interval": _interval,
        "markdown": _markdown,
    }
    return made


def save(path: Path, text: str) -> None:
    """Write text; a file name that is not valid text has lone surrogates; they are written as JSON would write them."""
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def percent(value: float, digits: int = 1) -> str:
    """With more digits near 0 and 1, so that only what is exactly all or nothing is called so."""
    if math.isnan(value):
        return "not measurable"
    for more in range(digits, 4):
        text = f"{100 * value:.{more}f}"
        if float(text) not in (0, 100) or value in (0, 1):
            return f"{text} %"
    return "under 0.001 %" if value < 0.5 else "over 99.999 %"


def _share(value: float) -> str:
    """A share that somebody chose, with the digits that it has: 0.985 is 98.5 %."""
    return f"{100 * value:.6g} %"


def _points(value: float) -> str:
    """A difference of shares in hundredths, with its sign."""
    return f"{100 * value:+.1f}"


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

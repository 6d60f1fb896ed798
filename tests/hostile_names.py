"""An audit whose names try to break out of tables and pages."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import drawn
import numpy as np
from here import here

from goodsight.auditing.findings import Audit, Finding, Suspect
from goodsight.catalog.rows import LABEL, Row
from goodsight.photos.limits import DEFAULT_LIMITS

HOSTILE = "</script><script>alert(1)</script>"
QUOTED = "\"' onerror='x' \"<!-- <b>&lt;\u2028"
NAMES = (
    HOSTILE,
    QUOTED,
    'comma, quote " and\nnew line',
    "bare\rreturn",
    "odd \udcff\udc80 bytes.jpg",
    "half \ud800 a pair",
    "=cmd()",
    "中文 😀.jpg",
)


def planted(folder: Path, names: Sequence[str] = NAMES, classes: Sequence[str] = ("bag", "mug", HOSTILE)) -> Audit:
    """One photo per name, the worst first; one to relabel, a near twin, a dark one and a broken one are found."""
    rows = [Row(name, _photo(folder, i), (classes[i % len(classes)],)) for i, name in enumerate(names)]
    review = tuple(
        Suspect(row, hashlib.sha256(here(row).read_bytes()).hexdigest(), 0.9 / (i + 1), (f"reason {i}", QUOTED))
        for i, row in enumerate(rows)
    )
    findings = (
        Finding(Row("broken.jpg", folder / "broken.jpg", ("mug",)), "unreadable", 0.0, "truncated: ends early", "drop"),
        Finding(rows[0], "near twin", 0.1, f"cropped {QUOTED}", "drop", other=rows[2]),
        Finding(rows[2], "near twin", 0.1, f"cropped {QUOTED}", "drop", other=rows[0]),
        Finding(rows[1], "mislabelled", 0.05, "=looks like a bag", "relabel", "bag"),
        Finding(rows[0], "dark", 0.02, "mean brightness 3", "look"),
    )
    left_out = [("no_label.jpg", "no label")]
    return Audit(
        "ads <&>", {LABEL: tuple(classes)}, findings, review, left_out, DEFAULT_LIMITS, timings=[("embed", 1.25)]
    )


def _photo(folder: Path, number: int) -> Path:
    path = folder / f"{number}.jpg"
    kind = drawn.KINDS[number % len(drawn.KINDS)]
    drawn.draw(kind, np.random.default_rng(number), (120, 90)).save(path, "JPEG")
    return path

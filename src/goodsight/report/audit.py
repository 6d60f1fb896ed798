"""An audit becomes files: findings.csv, review.csv, metrics.json, and report.html, in which a person decides.

Decisions leave the page as ``ledger.csv`` with the columns of :data:`goodsight.catalog.ledger.COLUMNS`: a decision is
``keep``, ``drop`` or ``relabel``, a label comes with ``relabel`` only, a time is UTC in ISO 8601.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from markupsafe import Markup

from goodsight.auditing.findings import KINDS, Audit, Finding
from goodsight.catalog.rows import Row
from goodsight.files import write_table
from goodsight.report import assets
from goodsight.report.template import environment, save
from goodsight.report.thumbnails import Thumbnails

_REVIEWED, _AT_LEAST, _PER_KIND, _LISTED = 120, 40, 60, 50
_EDGE = 224
_FIRSTS = (20, 50, 100, 200, 500)
_UNREADABLE = "unreadable"
_STYLE = "audit.css"
_SCRIPTS = ("ledger.js", "estimate.js", "audit.js")


def write(folder: Path, audit: Audit) -> None:
    """Write ``findings.csv``, ``review.csv``, ``metrics.json`` and ``report.html`` into ``folder``, which exists."""
    findings = (_finding(found, audit.said(found.row)) for found in audit.findings)
    write_table(folder / "findings.csv", [_FINDINGS, *findings])
    write_table(folder / "review.csv", [_REVIEW, *_review(audit)])
    save(folder / "metrics.json", json.dumps(numbers(audit), indent=1, ensure_ascii=False, allow_nan=False))
    save(folder / "report.html", environment().get_template("audit.html").render(**_view(audit)))


def numbers(audit: Audit) -> dict[str, Any]:
    """What ``metrics.json`` says."""
    return {
        "source": audit.source,
        "classes": [choice["said"] for choice in _choices(audit)],
        "photos": len(audit.review),
        "findings": {kind: len(audit.of(kind)) for kind in KINDS},
        "worth_a_look": audit.worth(),
        "expected_faults": {str(first): round(audit.expected(first), 3) for first in _FIRSTS},
        "left_out": [list(pair) for pair in audit.left_out],
        "notes": [list(pair) for pair in audit.notes],
        "seconds": {step: round(seconds, 3) for step, seconds in audit.timings},
    }


# ---- tables

_FINDINGS = ("file_name", "finding", "score", "label", "evidence", "suggestion", "suggested_label", "twin", "attribute")
_REVIEW = ("file_name", "rank", "chance", "label", "reasons")


def _finding(found: Finding, label: str) -> tuple[str, ...]:
    twin = found.other.file_name if found.other else ""
    said = (label, found.evidence, found.suggestion, found.label, twin, found.attribute)
    return found.row.file_name, found.kind, _number(found.score), *said


def _review(audit: Audit) -> Iterable[tuple[str, ...]]:
    for rank, suspect in enumerate(audit.review, 1):
        said = (_number(suspect.chance), audit.said(suspect.row), "; ".join(suspect.reasons))
        yield suspect.row.file_name, str(rank), *said


def _number(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else ""


# ---- the page


def _view(audit: Audit) -> dict[str, Any]:
    """The page's parts, with pictures made."""
    worth = audit.worth()
    to_look_at = audit.review[: max(worth, _AT_LEAST)]
    reviewed = to_look_at[:_REVIEWED]
    galleries = [(kind, *_gallery(audit.of(kind))) for kind in KINDS if kind != _UNREADABLE and audit.of(kind)]
    shown = [suspect.row for suspect in reviewed]
    shown += [row for _, found, _ in galleries for finding in found for row in _rows(finding)]
    thumb = Thumbnails(audit.limits, _EDGE)
    thumb.prepare(shown)
    photos = _photos(audit, {row.file_name for row in shown})
    return {
        "audit": audit,
        "worth": worth,
        "choices": _choices(audit),
        "faults": _faults(audit.expected(worth or len(audit.review))),
        "reviewed": reviewed,
        "galleries": galleries,
        "unreadable": audit.of(_UNREADABLE),
        "kinds": KINDS,
        "listed": _LISTED,
        "thumb": thumb,
        "numbers": {photo["file_name"]: number for number, photo in enumerate(photos)},
        "suggested": {photo["file_name"]: photo["suggested"] for photo in photos},
        "data": assets.as_json(
            {
                "audit": _identity(audit),
                "attributes": [attribute.name for attribute in audit.classes],
                "classes": _choices(audit),
                "photos": photos,
                "chances": [round(suspect.chance, 4) for suspect in to_look_at],
            }
        ),
        "style": Markup(assets.asset(_STYLE)),  # noqa: S704 - both are ours
        "script": Markup(assets.asset(*_SCRIPTS)),  # noqa: S704
        "policy": assets.policy(_STYLE, *_SCRIPTS),
    }


def _choices(audit: Audit) -> list[dict[str, str]]:
    """What a photo can be relabelled to; where there are several attributes, ``said`` tells which one as well."""
    several = len(audit.classes) > 1
    return [
        {
            "attribute": attribute.name if several else "",
            "label": label,
            "said": f"{attribute.name}: {label}" if several else label,
        }
        for attribute, classes in audit.classes.items()
        for label in classes
    ]


def _rows(finding: Finding) -> list[Row]:
    return [finding.row, finding.other] if finding.other else [finding.row]


def _gallery(findings: list[Finding]) -> tuple[list[Finding], int]:
    """What is shown of one kind, each pair of twins once, and how many more there are."""
    pairs: dict[frozenset[str], Finding] = {}
    for finding in findings:
        pairs.setdefault(frozenset(row.file_name for row in _rows(finding)), finding)
    return list(pairs.values())[:_PER_KIND], max(0, len(pairs) - _PER_KIND)


def _photos(audit: Audit, shown: set[str]) -> list[dict[str, str]]:
    """What the page must know of each photo that it shows and that can be decided, the most suspicious first."""
    suggested: dict[str, str] = {}
    for finding in audit.findings:
        if finding.suggestion == "relabel" and finding.label:
            said = f"{finding.attribute}: {finding.label}" if finding.attribute else finding.label
            suggested.setdefault(finding.row.file_name, said)
    return [
        {
            "file_name": suspect.row.file_name,
            "sha256": suspect.sha256,
            "label": audit.said(suspect.row),
            "reason": "; ".join(suspect.reasons),
            "suggested": suggested.get(suspect.row.file_name, ""),
        }
        for suspect in audit.review
        if suspect.row.file_name in shown
    ]


def _identity(audit: Audit) -> str:
    """The same for the same photos, whatever was found: under it the browser keeps the decisions."""
    names = sorted(f"{suspect.sha256} {suspect.row.file_name}" for suspect in audit.review)
    return hashlib.sha256("\0".join(names).encode("utf-8", errors="surrogatepass")).hexdigest()[:32]


def _faults(expected: float) -> str:
    if expected < 0.75:
        return "less than one fault"
    return f"about {expected:.0f} {'fault' if round(expected) == 1 else 'faults'}"

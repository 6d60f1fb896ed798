"""A page that links the reports in a folder: audits, trainings, evaluations and comparisons, the newest first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from goodsight.files import whole_file
from goodsight.report import assets
from goodsight.report.template import environment, percent, save

KINDS = ("audit", "training", "evaluation", "comparison")
STYLE = "report.css"


@dataclass(frozen=True)
class Entry:
    """A report: its kind (of :data:`KINDS`), the folder that it is in, what it found, and when it was made."""

    kind: str
    name: str
    found: str
    made: datetime

    @property
    def address(self) -> str:
        """Of its page, from the folder of the index."""
        return f"{quote(self.name, errors='surrogateescape')}/report.html"


def entries(folder: Path) -> list[Entry]:
    """The reports in the folders of a folder, the newest first; folders without one are passed over."""
    found = (_entry(path) for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith("."))
    return sorted((entry for entry in found if entry), key=lambda entry: entry.made, reverse=True)


def write(path: Path, title: str, found: Sequence[Entry]) -> None:
    """Write the page."""
    by_kind = [(kind, [entry for entry in found if entry.kind == kind]) for kind in KINDS]
    said = {
        "title": title,
        "kinds": [(kind, some) for kind, some in by_kind if some],
        "style": Markup(assets.asset(STYLE)),  # noqa: S704 - it is ours
        "policy": assets.policy(STYLE),
    }
    with whole_file(path) as part:
        save(part, environment().get_template("index.html").render(**said))


def _entry(folder: Path) -> Entry | None:
    page, numbers = folder / "report.html", folder / "metrics.json"
    if not page.is_file() or not numbers.is_file():
        return None
    try:
        told = json.loads(numbers.read_text(encoding="utf-8"))
        kind, found = _told(told, is_model=(folder / "model.json").is_file())
    except (ValueError, KeyError, TypeError, IndexError):
        # Somebody else's metrics.json.
        return None
    return Entry(kind, folder.name, found, datetime.fromtimestamp(page.stat().st_mtime, UTC))


def _told(told: dict[str, Any], *, is_model: bool) -> tuple[str, str]:
    """The kind of a report, and what it found in a few words, by its numbers."""
    if "worth_a_look" in told:
        return "audit", f"{told['worth_a_look']} of {told['photos']} photos are worth a look"
    if "candidate_accuracy" in told:
        gain, photos = told["gain"], told["n"]
        return "comparison", f"{100 * gain['value']:+.1f} points for {told['new']} over {told['old']} ({photos} photos)"
    first = told["results"][0]
    accuracy = (first["scores_without_leaked_photos"] or first["scores"])["accuracy"]["value"]
    alone = first["decided_by_machine"]
    return (
        "training" if is_model else "evaluation",
        f"right on {percent(accuracy)} of {first['n']} photos, {percent(alone)} decided alone",
    )

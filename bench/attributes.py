"""Two labels per photo on the fashion photos: out-of-fold, on combinations never trained, and after the audit's ledger.

The ledger is the audit's own: every relabel that it suggests, taken without a person. Photos that it touches are right
by design, so what it gains is told on the photos that it does not touch as well.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from common import Figure, tell

import goodsight
from goodsight import Labels, Wishes
from goodsight.auditing.findings import Audit
from goodsight.catalog.ledger import COLUMNS
from goodsight.measuring.measured import Measured

ATTRIBUTES = ("colour", "type")
NO_CARD = Wishes(spoilt=0)


def main() -> bool:
    """Train as it is, audit, and train again with what the audit suggests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    photos = parser.parse_args().data / "fashion"
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("GOODSIGHT_CACHE", f"{folder}/cache")
        labels = Labels(attributes=ATTRIBUTES)
        plain = goodsight.train(photos, Path(folder) / "plain", labels=labels, wishes=NO_CARD).measured
        audit = goodsight.audit(photos, labels=labels)
        ledger = Path(folder) / "ledger.csv"
        changed = _ledger(ledger, audit)
        labels = Labels(attributes=ATTRIBUTES, ledger=ledger)
        cleaned = goodsight.train(photos, Path(folder) / "clean", labels=labels, wishes=NO_CARD).measured
    return tell("attributes", [*_figures(plain), *_after(cleaned, changed)])


def _figures(found: Measured) -> list[Figure]:
    together = found.combinations
    assert together is not None
    n = f"{len(together.hidden)} combinations"
    right = dict(zip(together.attributes, together.right, strict=True))
    every = sum(h.photos for h in together.hidden)
    weighted = sum(h.all_right * h.photos for h in together.hidden) / every
    return [
        *_accuracies(found, {"colour": 0.75, "type": 0.95}, "grouped 5-fold"),
        Figure("both right, grouped 5-fold", together.seen, "", None, ""),
        Figure("hidden combination: both right, mean", together.all_right, ">= 0.65", together.all_right >= 0.65, n),
        Figure("hidden combination: type right, mean", right["type"], ">= 0.93", right["type"] >= 0.93, n),
        Figure("hidden combination: colour right, mean", right["colour"], "", None, n),
        Figure("hidden combination: both right, all photos", weighted, "", None, f"{every} photos"),
        Figure("hidden combination: both right, the worst", together.hidden[0].all_right, "", None, ""),
    ]


def _accuracies(found: Measured, bounds: dict[str, float], what: str) -> list[Figure]:
    figures = []
    for part in found.parts:
        value, bound = part.results[0].scores.accuracy.value, bounds.get(part.name)
        said = "" if bound is None else f">= {bound}"
        n = f"{part.results[0].scores.n} photos"
        figures.append(Figure(f"{part.name} right, {what}", value, said, None if bound is None else value >= bound, n))
    return figures


def _after(found: Measured, changed: int) -> Sequence[Figure]:
    figures = _accuracies(found, {}, f"after {changed} relabels by the audit")
    for part in found.parts:
        gained = part.gain and part.gain.comparison
        if gained:
            n = f"{gained.n} photos"
            name = f"{part.name} right, untouched photos"
            figures.append(Figure(f"{name}, without the ledger", gained.current_accuracy, "", None, n))
            figures.append(Figure(f"{name}, with it", gained.candidate_accuracy, "", None, n))
    return figures


def _ledger(path: Path, audit: Audit) -> int:
    """Write what the audit suggests; how many labels it changes."""
    digests = {suspect.row.file_name: suspect.sha256 for suspect in audit.review}
    found = audit.of("mislabelled")
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="")
        writer.writeheader()
        for one in found:
            name = one.row.file_name
            said = {"decision": "relabel", "label": one.label, "attribute": one.attribute}
            writer.writerow({"file_name": name, "sha256": digests[name], "time": "2026-01-01T00:00:00Z"} | said)
    return len(found)


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)

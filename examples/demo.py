"""The main job on photos that the project draws itself, with faults planted in them: ``make demo``.

Everything goes into ./demo, which is made anew each time.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

import drawn
import numpy as np

import goodsight
from goodsight.auditing.findings import Audit

FINDINGS = {
    "truncated": "unreadable",
    "byte twin": "exact twin",
    "near twin": "near twin",
    "mirrored": "near twin",
    "two labels": "twins with different labels",
    "wrong label": "mislabelled",
    "off-topic": "off-topic",
}
"""What an audit calls each planted fault; the others have the same name."""


def main(folder: Path, per_kind: int = 145, faults: int = 8) -> dict[str, tuple[int, int]]:
    """Draw, audit, train, compare what was found with what was planted, check two ads.

    Returns:
        For each kind of fault, how many the audit found and how many were planted.

    """
    shutil.rmtree(folder, ignore_errors=True)
    planted = drawn.make_folder(folder / "photos", per_kind=per_kind, faults=faults)
    planted += drawn.spoil_folder(folder / "photos", faults=faults)
    count = sum(1 for _ in (folder / "photos").rglob("*.jpg"))
    print(f"drew {count} photos of {', '.join(drawn.KINDS)} in {folder / 'photos'}, with {len(planted)} planted faults")
    start = time.monotonic()
    audit = goodsight.audit(folder / "photos", folder / "audit")
    print(f"audited in {time.monotonic() - start:.1f} s: look at {audit.worth()} photos, ", end="")
    print(f"expect about {audit.expected(audit.worth()):.0f} of them to be wrong")
    found = _found(audit, planted)
    print("\nfault          found  planted")
    for fault, (hits, total) in found.items():
        print(f"{fault:14} {hits:5}  {total:7}")
    start = time.monotonic()
    training = goodsight.train(folder / "photos", folder / "model")
    accuracy = training.measured.results[0].scores.accuracy
    print(
        f"\ntrained in {time.monotonic() - start:.1f} s; right on {accuracy.value:.1%} of photos not seen in training"
    )
    print(f"  (95 % interval {accuracy.low:.1%} to {accuracy.high:.1%}; the planted wrong labels count as mistakes)")
    _check_ads(folder)
    print(f"\naudit: {(folder / 'audit' / 'report.html').resolve().as_uri()}")
    print(f"report: {(folder / 'model' / 'report.html').resolve().as_uri()}")
    print(f"in a browser: .venv/bin/goodsight serve {folder / 'model'} --data {folder / 'data'}")
    return found


def _found(audit: Audit, planted: list[drawn.Planted]) -> dict[str, tuple[int, int]]:
    """Each planted fault against the finding that should name it: of twins, one of the two."""
    there = {(finding.kind, finding.row.file_name) for finding in audit.findings}

    def found(fault: drawn.Planted) -> bool:
        kind = FINDINGS.get(fault.fault, fault.fault)
        return (kind, fault.file_name) in there or bool(fault.of and (kind, fault.of) in there)

    kinds = list(dict.fromkeys(fault.fault for fault in planted))
    return {
        kind: (sum(found(f) for f in planted if f.fault == kind), sum(f.fault == kind for f in planted))
        for kind in kinds
    }


def _check_ads(folder: Path) -> None:
    """One honest ad and one wrong one, of a photo that was not in training."""
    path = folder / "ads" / "ad.jpg"
    path.parent.mkdir()
    honest, wrong = drawn.KINDS[:2]
    drawn.draw(honest, np.random.default_rng(2026)).save(path, quality=88)
    print()
    for declared in (honest, wrong):
        answer = goodsight.check(folder / "model", path, declared)
        because = f" ({answer.reason})" if answer.reason else ""
        print(
            f"an ad that shows a {honest}, declared {declared}: {answer.verdict}{because}, p-value {answer.p_value:.3f}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("demo"))
    main(parser.parse_args().folder)

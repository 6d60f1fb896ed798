"""The main job on photos that the project draws itself, with faults planted in them: ``make demo``.

Everything goes into ./demo, which is made anew each time.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import time
from pathlib import Path

import drawn
import numpy as np

import goodsight
from goodsight.flow import Training


def main(folder: Path, per_kind: int = 145, faults: int = 8) -> dict[str, tuple[int, int]]:
    """Draw, train, compare what was found with what was planted, check two ads.

    Returns:
        For each kind of fault, how many were found and how many were planted.

    """
    shutil.rmtree(folder, ignore_errors=True)
    planted = drawn.make_folder(folder / "photos", per_kind=per_kind, faults=faults)
    count = sum(1 for _ in (folder / "photos").rglob("*.jpg"))
    print(f"drew {count} photos of {', '.join(drawn.KINDS)} in {folder / 'photos'}, with {len(planted)} planted faults")
    start = time.monotonic()
    training = goodsight.train(folder / "photos", folder / "model")
    result = training.findings.results[0]
    accuracy = result.scores.accuracy
    print(f"trained in {time.monotonic() - start:.1f} s; right on {accuracy.value:.1%} of photos not seen in training")
    print(f"  (95 % interval {accuracy.low:.1%} to {accuracy.high:.1%}; the planted wrong labels count as mistakes)")
    found = _found(folder, training, planted)
    print("\nfault          found  planted")
    for fault, (hits, total) in found.items():
        print(f"{fault:14} {hits:5}  {total:7}")
    _check_ads(folder)
    print(f"\nreport: {(folder / 'model' / 'report.html').resolve().as_uri()}")
    print(f"in a browser: .venv/bin/goodsight serve {folder / 'model'} --data {folder / 'data'}")
    return found


def _found(folder: Path, training: Training, planted: list[drawn.Planted]) -> dict[str, tuple[int, int]]:
    """Each planted fault against the finding that should name it."""
    with (folder / "model" / "predictions.csv").open(encoding="utf-8") as stream:
        rows = {row["file_name"]: row for row in csv.DictReader(stream)}
    verdicts = {p.row.file_name: p.verdict for p in goodsight.classify(folder / "model", folder / "photos")}
    bad = {name for name, _ in training.findings.bad}

    def twins(fault: drawn.Planted) -> bool:
        one, other = rows.get(fault.file_name), rows.get(fault.of)
        return one is not None and other is not None and one["twin_group"] == other["twin_group"]

    def found(fault: drawn.Planted) -> bool:
        match fault.fault:
            case "byte twin" | "near twin":
                return twins(fault)
            case "truncated":
                return fault.file_name in bad
            case "wrong label":
                return rows[fault.file_name]["label"] != rows[fault.file_name]["predicted"]
            case _:
                return verdicts[fault.file_name] != "sure"

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

"""What training promises, and what comes true on photos from elsewhere: clothing by sender, groceries, coverage.

``--only clothing`` (ten random halves of the senders, trained with ``--group sender``, tried on the other half),
``--only groceries`` (train photos against the official validation photos, nothing said of groups, then with these given
as ``--like``), ``--only series`` (where series are found, and what that changes) or ``--only coverage`` (simulated
catalogs with group effects) runs one part. Beside forecasts stand average confidence, plain and thresholded.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path

import numpy as np
from common import Figure, tell

import goodsight
from goodsight import Labels, Wishes
from goodsight.measuring.metrics import score
from goodsight.measuring.result import Result

HALVES, CATALOGS = 10, 200


def main() -> bool:
    """Hold what was promised to what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", choices=["clothing", "groceries", "series", "coverage"])
    given = parser.parse_args()
    figures = []
    if given.only in (None, "clothing"):
        figures += clothing(given.data.resolve() / "clothing")
    if given.only in (None, "groceries"):
        figures += groceries(given.data.resolve() / "grocery")
    if given.only in (None, "series"):
        figures += series(given.data.resolve())
    if given.only in (None, "coverage"):
        figures += coverage()
    return tell("elsewhere", figures)


def clothing(photos: Path) -> list[Figure]:
    """Half of the senders are trained on, the other half is what comes; ten times."""
    with (photos / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        records = list(csv.DictReader(stream))
    senders = np.array([record["sender"] for record in records])
    names = np.unique(senders)
    inside, errors, decided, pairs, forecasts = [], [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(HALVES):
            chosen = np.random.default_rng(seed).permutation(names)[: len(names) // 2]
            here = np.isin(senders, chosen)
            lists = [Path(folder) / f"{seed}-{name}.csv" for name in ("here", "elsewhere")]
            for path, rows in zip(lists, (here, ~here), strict=True):
                _write(path, photos, [record for record, used in zip(records, rows, strict=True) if used])
            out = Path(folder) / f"model-{seed}"
            labels = Labels(group="sender")
            training = goodsight.train(lists[0], out, labels=labels, wishes=Wishes(spoilt=0))
            promised = training.measured.results[0].scores.accuracy
            found = goodsight.evaluate(out, lists[1], labels=labels, spoilt=0).result
            accuracy = found.scores.accuracy.value
            inside.append(promised.low <= accuracy <= promised.high)
            decided.append(found.decided)
            errors.append(0.0 if np.isnan(found.decided_error) else found.decided_error)
            pairs.append((promised.value, accuracy))
            forecasts.append(_forecast(out, lists[1], accuracy))
    first, second = np.mean(pairs, axis=0)
    n = f"n={HALVES} halves of {len(names)} senders, {len(records)} photos"
    return [
        Figure("clothing by sender: accuracy promised", float(first), "", None, n),
        Figure("  found on the other senders", float(second), "", None, n),
        Figure("  halves whose interval holds it", float(sum(inside)), ">= 8", sum(inside) >= 8, n),
        Figure(
            "  error among decided at wanted 1 %", float(np.mean(errors)), "<= 0.015", bool(np.mean(errors) <= 0.015), n
        ),
        Figure("  share decided", float(np.mean(decided)), "", None, n),
        *_forecasts(forecasts, n),
    ]


def groceries(photos: Path) -> list[Figure]:
    """Train photos against the official validation photos: nothing said of groups, then with these to come."""
    with tempfile.TemporaryDirectory() as folder:
        with (photos / "metadata.csv").open(encoding="utf-8", newline="") as stream:
            records = [record for record in csv.DictReader(stream) if record["split"] == "validation"]
        coming = Path(folder) / "coming.csv"
        _write(coming, photos, [{"file_name": record["file_name"]} for record in records])
        figures: list[Figure] = []
        for said, like in (("nothing said", None), ("--like the validation photos", coming)):
            out = Path(folder) / f"model-{len(figures)}"
            training = goodsight.train(photos, out, like=like, wishes=Wishes(spoilt=0))
            results: dict[str, Result] = {result.name: result for result in training.measured.results}
            found = results.pop("validation")
            promised = next(iter(results.values())).scores.accuracy.value
            accuracy = found.scores.accuracy.value
            away, n = abs(promised - accuracy), f"n={found.scores.n}"
            error = found.decided_error
            figures += [
                Figure(f"groceries, {said}: accuracy promised", promised, "", None, ""),
                Figure("  found on the official validation photos", accuracy, "", None, n),
                Figure("  difference", away, "<= 0.04", away <= 0.04, n),
                Figure("  error among decided at wanted 1 %", error, "<= 0.03", error <= 0.03, n),
                Figure("  share decided", found.decided, "", None, n),
                *_forecasts([_forecast(out, coming, accuracy)], n),
            ]
    return figures


def series(data: Path) -> list[Figure]:
    """Where nobody names groups: how many photos are found in series, and the figure with and without."""
    figures: list[Figure] = []
    for name, label in (("ads", ""), ("pokedex", ""), ("grocery", ""), ("clothing", ""), ("fashion", "type")):
        with tempfile.TemporaryDirectory() as folder:
            labels = Labels(label=label) if label else Labels()
            training = goodsight.train(data / name, Path(folder) / "model", labels=labels, wishes=Wishes(spoilt=0))
            with (Path(folder) / "model" / "predictions.csv").open(encoding="utf-8", newline="") as stream:
                units = np.array([record["twin_group"] for record in csv.DictReader(stream)])
        notes = [said for of, said in training.measured.notes if of == "series"]
        members = int(notes[0].split()[0]) if notes else 0
        share, n = members / len(units), f"n={len(units)}"
        wanted = name in ("ads", "pokedex")
        figures.append(
            Figure(f"{name}: share of photos in series", share, "<= 0.02" if wanted else "", share <= 0.02 or None, n)
        )
        figures += [
            Figure(f"  {result.name}", result.scores.accuracy.value, "", None, f"n={result.scores.n}")
            for result in training.measured.results
        ]
    return figures


def _forecast(model: Path, photos: Path, accuracy: float) -> tuple[float, float, float, bool]:
    """How far the forecast, average confidence and average thresholded confidence are off, and whether it holds."""
    (found,) = goodsight.forecast(model, photos).expected.values()
    with (model / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        records = list(csv.DictReader(stream))
    right = np.array([record["label"] == record["predicted"] for record in records])
    known = np.array([float(record["probability"]) for record in records])
    sure = np.array([p.probability for p in goodsight.classify(model, photos)])
    others = (float(sure.mean()), float((sure >= np.quantile(known, 1 - right.mean())).mean()))
    off = (abs(value - accuracy) for value in (found.accuracy.value, *others))
    return (*off, found.accuracy.low <= accuracy <= found.accuracy.high)  # type: ignore[return-value]


def _forecasts(each: list[tuple[float, float, float, bool]], n: str) -> list[Figure]:
    ours, confidence, thresholded, held = np.mean(each, axis=0)
    return [
        Figure("  forecast: mean absolute error", float(ours), "", None, n),
        Figure("  average confidence: the same", float(confidence), "", None, n),
        Figure("  average thresholded confidence: the same", float(thresholded), "", None, n),
        Figure("  forecasts whose interval holds it", float(held), "", None, n),
    ]


def coverage() -> list[Figure]:
    """Catalogs whose photos are right with a chance that their group draws; how often the interval holds the truth."""
    held = 0
    for seed in range(CATALOGS):
        draw = np.random.default_rng(seed)
        groups = np.repeat(np.arange(120), draw.integers(1, 20, 120))
        mean, spread = draw.uniform(0.6, 0.95), draw.uniform(0.05, 0.6)
        # Beta draws with this mean: the truth that intervals are to hold is the mean over groups as they come.
        strength = mean * (1 - mean) / (spread * min(mean, 1 - mean)) ** 2
        chance = draw.beta(mean * strength, (1 - mean) * strength, 120)[groups]
        right = draw.random(len(groups)) < chance
        probabilities = np.where(right[:, None], [0.9, 0.1], [0.1, 0.9])
        found = score(probabilities, np.zeros(len(groups), int), groups).accuracy
        held += found.low <= mean <= found.high
    share = held / CATALOGS
    return [
        Figure("coverage of 95 % intervals, group effects", share, "0.92..0.98", 0.92 <= share <= 0.98, f"n={CATALOGS}")
    ]


def _write(path: Path, photos: Path, records: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(records[0]))
        writer.writeheader()
        writer.writerows(record | {"file_name": str(photos / record["file_name"])} for record in records)


if __name__ == "__main__":
    raise SystemExit(not main())

"""Accuracy on real photos: ads on the tutorial's split and on grouped folds; groceries on the official validation."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from common import Figure, tell

import goodsight
from goodsight import Labels, Recipe
from goodsight.measuring.result import Result


def main() -> bool:
    """Train on each data set and hold the figures to their bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        result = _train(data / "ads", Path(folder) / "ads")["validation"]
        clean = result.scores_without_leaks
        assert clean is not None
        n = f"n={result.scores.n}"
        value = result.scores.accuracy.value
        figures.append(Figure("ads, tutorial's split: accuracy", value, ">= 0.970", value >= 0.970, n))
        figures.append(
            Figure(f"  the same without {result.leaked} leaked photos", clean.accuracy.value, "", None, f"n={clean.n}")
        )
        result = _train(data / "ads", Path(folder) / "grouped", ignore_split=True)["out-of-fold"]
        value = result.scores.accuracy.value
        n = f"n={result.scores.n}, {result.scores.groups} groups"
        figures.append(Figure("ads, grouped 5-fold: accuracy", value, ">= 0.955", value >= 0.955, n))
        result = _train(data / "grocery", Path(folder) / "grocery")["validation"]
        value = result.scores.accuracy.value
        figures.append(Figure("groceries: accuracy", value, ">= 0.82", value >= 0.82, f"n={result.scores.n}"))
        result = _train(data / "grocery", Path(folder) / "grocery1", views=1)["validation"]
        value = result.scores.accuracy.value
        figures.append(Figure("  the same with --views 1", value, "", None, f"n={result.scores.n}"))
    return tell("accuracy", figures)


def _train(photos: Path, out: Path, *, ignore_split: bool = False, views: int = 0) -> dict[str, Result]:
    training = goodsight.train(photos, out, labels=Labels(ignore_split=ignore_split), recipe=Recipe(views=views))
    return {result.name: result for result in training.measured.results}


if __name__ == "__main__":
    raise SystemExit(not main())

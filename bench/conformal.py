"""Are honest photos flagged as rarely as promised? 20 random grouped splits of the ads, per class and alpha.

In each split 80 % of the twin groups train (head, temperature, calibration scores) and the rest are new photos; the
share of their true labels that get p <= alpha is pooled over the splits. Photos of a group fall together and the same
photos come again in other splits, so the binomial interval takes the number of distinct groups of the class as n.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from common import Figure, tell
from scipy.stats import binom

from goodsight.backbones import by_name
from goodsight.catalog.read import read_catalog
from goodsight.embedding import twins
from goodsight.embedding.embedder import Embedder
from goodsight.heads import calibrate, search
from goodsight.heads.examples import Examples
from goodsight.heads.folds import deal
from goodsight.heads.scaler import Scaler
from goodsight.model.record import log_odds

SPLITS = 20


def main() -> bool:
    """Measure the share of true labels with p <= alpha."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    rows = read_catalog(parser.parse_args().data / "ads", ignore_split=True)
    backbone = by_name.load()
    with Embedder(backbone) as embedder:
        table = embedder.table(rows.rows)
    classes = rows.classes(0)
    labels = np.array([classes.index(row.labels[0]) for row in table.rows])
    sketch = twins.sketch(Scaler.fit(table.vectors, backbone.blocks)(table.vectors))
    groups = twins.find(table.sha256, table.thumbnails, sketch).groups
    flagged: dict[tuple[int, float], list[bool]] = {(c, a): [] for c in (0, 1) for a in (0.01, 0.05, 0.1)}
    for seed in range(SPLITS):
        drawn = np.random.default_rng(seed).random(groups.max() + 1)
        new = (drawn < 0.2)[groups]
        known = ~new
        folds = deal(labels[known], groups[known], seed=seed)
        examples = Examples(table.vectors[known], labels[known], folds)
        fit = search.fit(examples, {"": Scaler.fit(examples.vectors, backbone.blocks)}, budget=0)
        temperature = calibrate.fit_temperature(fit.scores, labels[known])
        calibration = log_odds(calibrate.softmax(fit.scores, temperature))
        conformity = log_odds(calibrate.softmax(fit.head(table.vectors[new]), temperature))
        for (c, alpha), found in flagged.items():
            p = calibrate.p_values(np.sort(calibration[labels[known] == c, c]), conformity[labels[new] == c, c])
            found.extend((p <= alpha).tolist())
    figures = []
    for (c, alpha), found in flagged.items():
        n = len(np.unique(groups[labels == c]))
        low, high = binom.ppf([0.025, 0.975], n, alpha) / n
        share = float(np.mean(found))
        bound = f"{low:.4f}-{high:.4f}"
        name = f"{classes[c]}: share of honest photos with p <= {alpha}"
        figures.append(Figure(name, share, bound, bool(low <= share <= high), f"n={n} groups, {len(found)} draws"))
    return tell("conformal", figures)


if __name__ == "__main__":
    raise SystemExit(not main())

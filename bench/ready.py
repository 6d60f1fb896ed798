"""Seconds of a check by a model that is kept ready, against one that is loaded anew for each photo.

Photos of 1200 x 900 pixels are drawn; the medians are over single checks, one after the other, in this process.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import drawn
import numpy as np
from common import Figure, tell
from PIL import Image

import goodsight

PHOTOS, RELOADS = 50, 10
Given = TypeVar("Given")


def main() -> bool:
    """Draw the photos, train a small model, measure."""
    argparse.ArgumentParser(description=__doc__).parse_known_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn.make_folder(folder / "photos", per_kind=40, faults=2)
        training = goodsight.train(folder / "photos", folder / "model")
        rng, paths = np.random.default_rng(9), [folder / f"{number}.jpg" for number in range(PHOTOS)]
        for path in paths:
            drawn.draw("mug", rng, (1200, 900)).save(path, quality=88)
        arrays = [np.asarray(Image.open(path)) for path in paths]
        reloaded = _median(lambda path: goodsight.check(folder / "model", path, "mug"), paths[:RELOADS])
        with goodsight.load(folder / "model") as model:
            model.check(paths[0], "mug")
            ready = _median(lambda path: model.check(path, "mug"), paths)
            in_memory = _median(lambda array: model.check(array, "mug"), arrays)
            start = time.perf_counter()
            model.check(paths, "mug")
            listed = (time.perf_counter() - start) / PHOTOS
            both = zip(paths, arrays, strict=True)
            apart = max(abs(model.classify(f).probability - model.classify(a).probability) for f, a in both)
    n = f"median of {PHOTOS}"
    figures = [
        Figure("check, model loaded anew: seconds", reloaded, "", None, f"median of {RELOADS}"),
        Figure("check, model kept ready: seconds", ready, "<= 0.02", ready <= 0.02, n),
        Figure("the same, arrays of 1200 x 900: seconds", in_memory, "", None, n),
        Figure("check of a list: seconds a photo", listed, "", None, f"{PHOTOS} photos"),
        Figure("largest difference in probability, file and array", apart, "", None, f"{PHOTOS} photos"),
        Figure("characters of repr(train(...))", len(repr(training)), "", None, "one"),
    ]
    return tell("ready", figures)


def _median(check: Callable[[Given], object], photos: Sequence[Given]) -> float:
    seconds = []
    for photo in photos:
        start = time.perf_counter()
        check(photo)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


if __name__ == "__main__":
    raise SystemExit(not main())

"""How training and evaluation grow with the photos: seconds and peak memory of each step, on generated embeddings.

No photo is read: what is measured begins where embeddings are there, and twins are taken to be found. Each size runs in
a process of its own, so that its peak is its own.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from common import Figure, tell

from goodsight.arrays import Half, Ints
from goodsight.backbones import by_name
from goodsight.backbones.backbone import Backbone
from goodsight.catalog.rows import LABEL, Row
from goodsight.embedding.embedder import Embedder
from goodsight.embedding.filed import Filing, taken
from goodsight.embedding.photoset import PhotoSet
from goodsight.embedding.table import Table
from goodsight.embedding.twins import Fingerprints, Twins
from goodsight.heads import folds
from goodsight.heads.scaler import scalers, sketched
from goodsight.measuring import result
from goodsight.model.learn import learn, topic
from goodsight.progress import quiet
from goodsight.training import frozen
from goodsight.training.groups import FOLDS, Grouped
from goodsight.training.series import Seek, seek

SIZES = (20_000, 60_000, 200_000)
CLASSES = 17
LATENT = 48
"""Directions in which generated embeddings differ; the rest of their columns follow."""
MOST = 1.15
"""The exponent between sizes that no step in time may exceed."""
HALF = {"train": 1400.0, "evaluate": 2100.0}
"""MB at 60,000 photos: half of what the whole verbs took before."""


def main() -> bool:
    """All sizes in turn; ``--photos`` takes some, and ``--one`` is what each process runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, nargs="*", default=SIZES)
    parser.add_argument("--one", type=int)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(list(laps(given.one))))
        return True
    return tell("growth-heads", figures(given.photos))


def figures(sizes: Sequence[int]) -> list[Figure]:
    """Seconds and peak memory of each step for each size, and how steps grow from one size to the next."""
    runs = {size: _run(size) for size in sizes}
    found = [
        Figure(f"{verb}: {step}, s", seconds, "", None, f"{size} photos, peak so far {peak:.0f} MB")
        for size, steps in runs.items()
        for verb, step, seconds, peak in steps
        if verb
    ]
    for verb, bound in HALF.items():
        for size, steps in runs.items():
            peak = max(each[3] for each in steps if each[0] == verb)
            held = size == 60_000
            found.append(
                Figure(
                    f"{verb}: peak, MB",
                    peak,
                    f"<= {bound:.0f}" if held else "",
                    peak <= bound if held else None,
                    f"{size} photos",
                )
            )
    return [*found, *_exponents(runs)]


def _exponents(runs: dict[int, list[Any]]) -> Iterator[Figure]:
    """Between sizes next to each other, of each step in time that takes a second at least."""
    took = {
        size: {f"{verb}: {step}": seconds for verb, step, seconds, _ in steps if verb} for size, steps in runs.items()
    }
    for small, large in pairwise(took):
        for name, seconds in took[small].items():
            if seconds >= 1:
                power = math.log(took[large][name] / seconds) / math.log(large / small)
                yield Figure(f"{name}, exponent", power, f"<= {MOST}", power <= MOST, f"{small} to {large} photos")


def _run(size: int) -> list[Any]:
    command = [sys.executable, __file__, "--one", str(size)]
    return cast(list[Any], json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))


def laps(size: int) -> Iterator[tuple[str, str, float, float]]:
    """Verb, step, seconds, and the peak of this process so far in MB."""
    start = time.monotonic()

    def lap(verb: str, step: str) -> tuple[str, str, float, float]:
        nonlocal start
        now = time.monotonic()
        seconds, start = now - start, now
        return verb, step, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    backbone = by_name.load()
    photos = photo_set(backbone, size)
    yield lap("", "generate")
    alone = np.arange(size)
    twins = Twins(alone, np.empty((0, 2), np.int64), np.empty((0, 2), np.int64))
    views = scalers(taken(photos.table.filed, photos.training), backbone.blocks)
    table = photos.table
    prints = Fingerprints(table.sha256, table.thumbnails, sketched(views[""], table.filed))
    grouped = Grouped(views, prints, twins, alone, alone, folds.deal(photos.labels, alone, FOLDS))
    yield lap("train", "scaler, sketches and folds")
    seek([photos], views[""], prints, alone, Seek(0.48))
    yield lap("train", "series")
    like = cast(Embedder, SimpleNamespace(backbone=backbone, progress=quiet))
    fitted = frozen.fit([photos], [grouped], like, table.take(alone[:0]), None, 60.0, lambda _: None)
    yield lap("train", "choose and train the head")
    topic(fitted, backbone, table.take(alone[:0]))
    yield lap("train", "on topic")
    (learned,) = learn(fitted, 0.99, "", lambda _: None)
    yield lap("train", "calibrate")
    result.of_training(learned)
    yield lap("train", "measure")
    fitted[0].witness()
    yield lap("train", "a head that did not see one fold")
    sketched(views[""], table.filed)
    result.on_photos("photos", learned.judge, photos, alone, alone, np.zeros(size, bool))
    yield lap("evaluate", "sketches, answers and figures")


def photo_set(backbone: Backbone, size: int) -> PhotoSet:
    """Generated photos of some classes, with embeddings as wide as the network's."""
    labels = np.random.default_rng(5).integers(0, CLASSES, size)
    vectors = Filing(size, backbone.width)
    for block in _embeddings(labels, backbone.width):
        for vector in block:
            vectors.add(vector)
    rows = tuple(
        Row(f"{i:07}.jpg", Path(f"/photos/{i:07}.jpg"), (f"class {label}",)) for i, label in enumerate(labels.tolist())
    )
    digests = tuple(f"{i:064x}" for i in range(size))
    table = Table(rows, digests, vectors.done(), np.zeros((size, 256), np.uint8), ())
    classes = tuple(f"class {number}" for number in range(CLASSES))
    return PhotoSet(table, LABEL, 0, classes, labels, np.full(size, ""), np.arange(size))


def _embeddings(labels: Ints, width: int) -> Iterator[Half]:
    """Never negative, as pooled features are; columns of very different size, some constant and some there twice."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(CLASSES, LATENT))
    mix = rng.normal(size=(LATENT, width)).astype(np.float32) / np.sqrt(LATENT)
    scale, shift = np.exp(rng.normal(size=width) * 1.5).astype(np.float32), rng.normal(size=width).astype(np.float32)
    for start in range(0, len(labels), 2048):
        some = labels[start : start + 2048]
        latent = (centres[some] + 1.2 * rng.normal(size=(len(some), LATENT))).astype(np.float32)
        x = (np.maximum(latent @ mix + shift, 0) + 0.02 * rng.random((len(some), width), np.float32)) * scale
        x[:, :20], x[:, 20:40] = 1.0, x[:, 40:60]
        yield x.astype(np.float16)


if __name__ == "__main__":
    raise SystemExit(not main())

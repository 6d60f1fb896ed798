"""Brands by small logos: how many are named, out of fold, where 95 % of the photos without a logo get none.

Also the same with the photos of logos shrunk to the size of those without, so that sharpness tells nothing; whether the
place of the brand lies in a box; and what a photo costs beside a plain one, both timed in turns in one run. With
``--text`` the words in photos are read as well, and what is measured is what they gain and cost.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import Figure, tell
from PIL import Image

from goodsight.arrays import Array, Ints, Pixels
from goodsight.backbones import by_name
from goodsight.backbones.engine import Engine, run, start
from goodsight.catalog import trainable
from goodsight.catalog.read import read_catalog
from goodsight.catalog.rows import NONE, Row
from goodsight.embedding import photoset
from goodsight.embedding.embedder import Embedder
from goodsight.measuring import nones
from goodsight.photos import words
from goodsight.photos.decoder import decode, read, upright_size
from goodsight.photos.limits import DEFAULT_LIMITS
from goodsight.photos.resize import Resize
from goodsight.progress import quiet
from goodsight.training import road
from goodsight.training.groups import group
from goodsight.training.recipe import Recipe, Trained, TrainingSet

RECALL, RIGHT, COST, INSIDE = 0.95, 0.85, 4.0, 0.8
SMALL = 224


def main() -> bool:
    """Train once, and hold the figures to their bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--without-boxes", action="store_true")
    parser.add_argument("--text", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photos = _photos(given.data, boxes=not given.without_boxes)
        begun = time.monotonic()
        recipe = Recipe("brands", none_recall=RECALL, epochs=given.epochs, device="cpu", text=given.text)
        trained = road.train_network(recipe, photos, Path(folder), quiet)
        seconds = time.monotonic() - begun
        figures = _worded(photos, trained) if given.text else _accuracy(photos, trained, Path(folder))
        figures += [
            _reading(photos) if given.text else _cost(trained),
            Figure("training, minutes", seconds / 60, "", None, f"n={len(photos.rows)}"),
        ]
    return tell("brands", figures)


def _photos(data: Path, *, boxes: bool) -> TrainingSet:
    rows = trainable.with_none(read_catalog(data / "logos", boxes=True), data / "everyday", NONE)
    frozen = by_name.load(size=128)
    with Embedder(frozen, cached=False) as embedder:
        (chosen,) = photoset.to_train(rows, embedder.table(rows.rows))
    groups = group([chosen], frozen)[0].found.groups
    kept = chosen.table.rows if boxes else tuple(replace(row, boxes=()) for row in chosen.table.rows)
    names = tuple("" if name == NONE else name for name in chosen.classes)
    return TrainingSet(kept, chosen.labels, groups, DEFAULT_LIMITS, chosen.classes.index(NONE), names)


def _worded(photos: TrainingSet, trained: Trained) -> list[Figure]:
    """What words gain on folds that chose nothing, and where the model's weight and threshold leave all folds."""
    gain = trained.words
    assert gain is not None
    told = nones.of_answers(photos.labels, trained.scores.argmax(axis=1), photos.none)
    n, interval = f"{told.photos} photos", f"difference {gain.low:+.3f} to {gain.high:+.3f}, weight {gain.weight:g}"
    return [
        Figure("brand right without words, folds that chose nothing", gain.without, "", None, n),
        Figure("  with words", gain.read, "", None, interval),
        Figure("brand right, by the model's threshold", told.right, f">= {RIGHT}", told.right >= RIGHT, n),
        Figure("  none where there is none", told.recall, "", None, f"{told.without} photos"),
    ]


def _reading(photos: TrainingSet) -> Figure:
    """Processor time of reading a photo, of some over all brands and none."""
    rows = photos.rows[:: max(1, len(photos.rows) // 60)]
    seen = [decode(read(row.path), words.READ_AT) for row in rows]
    words.read(seen[0])
    begun = time.process_time()
    for pixels in seen:
        words.read(pixels)
    spent = (time.process_time() - begun) / len(seen)
    return Figure("reading a photo, processor seconds", spent, "", None, f"{len(seen)} photos, one thread")


def _accuracy(photos: TrainingSet, trained: Trained, folder: Path) -> list[Figure]:
    """Each photo is looked at by the member that has not seen it."""
    sharp, shrunk = [], []
    for fold in np.unique(trained.folds).tolist():
        rows = np.flatnonzero(trained.folds == fold)
        engine = start(folder / f"member-{fold}.onnx")
        sharp.append((rows, _looked(engine, photos, rows, trained, 0)))
        shrunk.append((rows, _looked(engine, photos, rows, trained, SMALL)))
        engine.close()
    figures = []
    for name, parts, bound in (("", sharp, RIGHT), (f", shrunk to {SMALL} px", shrunk, None)):
        rows, said = np.concatenate([r for r, _ in parts]), np.concatenate([v for _, v in parts])
        told = nones.of_answers(photos.labels[rows], _answers(said, rows, photos, trained), photos.none)
        each = [
            nones.of_answers(photos.labels[r], _answers(v, r, photos, trained), photos.none).right for r, v in parts
        ]
        n = f"{told.photos} photos, folds {min(each):.2f} to {max(each):.2f}; {told.confused:.3f} another brand"
        value = told.right
        figures += [
            Figure(f"brand right{name}", value, f">= {bound}" if bound else "", value >= bound if bound else None, n),
            Figure(f"  none where there is none{name}", told.recall, "", None, f"{told.without} photos"),
        ]
        if not name:
            figures.append(_inside(photos, trained, rows, said))
    return figures


def _answers(said: Array, rows: Ints, photos: TrainingSet, trained: Trained) -> Ints:
    """By the threshold that photos as they are gave."""
    scores = said[:, trained.backbone.columns("classes")].copy()
    scores[:, photos.none] = trained.scores[rows, photos.none]
    return np.asarray(scores.argmax(axis=1))


def _looked(engine: Engine, photos: TrainingSet, rows: Ints, trained: Trained, most: int) -> Array:
    side = trained.backbone.resize.size
    said = []
    for begin in range(0, len(rows), 32):
        pixels = [_seen(photos.rows[i], side, most) for i in rows[begin : begin + 32]]
        said.append(run(engine, np.stack(pixels), 4))
    return np.concatenate(said)


def _seen(row: Row, side: int, most: int) -> Pixels:
    """A photo as the network takes it, at most ``most`` pixels large before, 0 for any."""
    data = read(row.path)
    if not most or max(upright_size(data)) <= most:
        return decode(data, Resize(side))
    less = Image.fromarray(decode(data, Resize(most)))
    return np.asarray(less.resize((side, side), Image.Resampling.BILINEAR))


def _inside(photos: TrainingSet, trained: Trained, rows: Ints, said: Array) -> Figure:
    """How often the middle of the place lies in a box, of the photos whose brand is right and that have one."""
    places, answers = said[:, trained.backbone.columns("place")], _answers(said, rows, photos, trained)
    found = []
    for i, place, answer in zip(rows.tolist(), places, answers, strict=True):
        if answer != photos.labels[i] or not photos.rows[i].boxes:
            continue
        width, height = upright_size(read(photos.rows[i].path))
        longer = max(width, height)
        x = (place[0] + place[2]) / 2 * longer - (longer - width) / 2
        y = (place[1] + place[3]) / 2 * longer - (longer - height) / 2
        found.append(any(b[0] <= x <= b[2] and b[1] <= y <= b[3] for b in photos.rows[i].boxes))
    value = float(np.mean(found)) if found else float("nan")
    reached = value >= INSIDE if found else None
    return Figure("place in a box, of those right", value, f">= {INSIDE}", reached, f"{len(found)} photos")


def _cost(trained: Trained) -> Figure:
    """Time for a photo over that for a plain one: the least of many turns, so that other work does not count."""
    plain = by_name.load()
    engines = [(start(backbone.network), backbone.resize.size) for backbone in (plain, trained.backbone)]
    seconds: list[list[float]] = [[], []]
    for _ in range(60):
        for (engine, side), spent in zip(engines, seconds, strict=True):
            pixels = np.random.default_rng(0).integers(0, 255, (4, side, side, 3)).astype(np.uint8)
            begun = time.perf_counter()
            run(engine, pixels)
            spent.append(time.perf_counter() - begun)
    ratio = min(seconds[1]) / min(seconds[0])
    return Figure(
        "cost of a photo / of a plain one", ratio, f"<= {COST}", ratio <= COST, "batches of 4, the least of 60"
    )


if __name__ == "__main__":
    raise SystemExit(not main())

"""Brands by their logos, small and rare as they are: the last blocks of Lite0 learn to name every place of a photo.

Random crops around logos go through the frozen blocks once, in the engine, and are kept on disk. Five members learn
from the crops of four fifths of the photos each and answer for the whole photos of the last fifth: their answers are
honest, and say how sure a brand must be for photos without one to get none. The model has the mean of the members'
weights, which start alike (a soup, Wortsman et al. 2022): it has seen every photo and costs no more than one of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from goodsight.arrays import Array, Ints
from goodsight.backbones import lite0_torch
from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import run, start
from goodsight.backbones.naming import Naming
from goodsight.backbones.torch_onnx import write
from goodsight.catalog.rows import Row
from goodsight.errors import CatalogError
from goodsight.files import whole_file
from goodsight.heads import calibrate
from goodsight.heads.folds import deal
from goodsight.photos import decoder
from goodsight.photos.boxes import Box
from goodsight.photos.limits import BadPhoto, Limits
from goodsight.photos.resize import Resize
from goodsight.progress import Progress
from goodsight.training import brand_network, loop, pixels, wording
from goodsight.training.crops import PLACES, SIDE, Crop, Kind, draw
from goodsight.training.dense import SHAPE, Dense
from goodsight.training.device import Device, choose
from goodsight.training.logs import Logs
from goodsight.training.loop import Fit, Plan
from goodsight.training.recipe import Epoch, Recipe, Trained, TrainingSet, WordGain
from goodsight.training.sampling import even_draw, spread_draw
from goodsight.training.tuned import Frozen

MEMBERS = 5
CROPS = 18_000
"""Of all photos together."""
_MOST, _MOST_PASSES = 24, 30
"""Crops of one photo, and how often each is shown."""
_WITHOUT = 0.22
"""The share of crops that are of photos without a brand."""
PLAN = Plan(epochs=2, rate=5e-4, last_rate=10.0, smoothing=0.05)
_CHUNK, _SAMPLES, _WATCHED, _BATCH = 256, 24, 1024, 4


def train(recipe: Recipe, given: TrainingSet, folder: Path, progress: Progress) -> Trained:
    """Train a network that finds brands; see :func:`goodsight.training.road.train_network`."""
    size = brand_network.require(recipe.size)
    device = choose(recipe.device)
    canvas = pixels.decode(given.rows, Resize(size), folder / f"pixels-{size}.npy", given.limits, progress)
    crops = _crops(recipe, given, canvas, folder, progress)
    folds = deal(given.labels, given.groups, MEMBERS)
    scores = np.empty((len(folds), int(given.labels.max()) + 1), np.float32)
    history: dict[str, tuple[Epoch, ...]] = {}
    fits: dict[int, Fit] = {}
    for fold in np.unique(folds).tolist():
        name = f"member {fold + 1} of {MEMBERS}"
        fits[fold] = _member(recipe, given, crops, folds != fold, device, recipe.seed + fold, folder, name, progress)
        history[name] = fits[fold].history
        alone = _backbone(folder / f"member-{fold}.onnx", [fits[fold]], size, given.none, 0.0)
        engine, away = start(alone.network), np.flatnonzero(folds == fold)
        for begin in range(0, len(away), _CHUNK):
            rows = away[begin : begin + _CHUNK]
            scores[rows] = run(engine, canvas[rows], _BATCH)[:, alone.columns("classes")]
            progress(f"look with {name}", min(begin + _CHUNK, len(away)), len(away))
        engine.close()
    scores, naming, words = _worded(recipe, given, scores, folds, progress)
    scores[:, given.none] = threshold = calibrate.none_threshold(scores, given.labels, given.none, recipe.none_recall)
    first = min(fits)
    backbone = _backbone(folder / "network.onnx", list(fits.values()), size, given.none, threshold)
    witness = _backbone(folder / "one.onnx", [fits[first]], size, given.none, threshold)
    backbone, witness = replace(backbone, naming=naming), replace(witness, naming=naming)
    return Trained(backbone, witness, np.flatnonzero(folds == first), folds, scores, history, crops.samples, words)


def _worded(
    recipe: Recipe, given: TrainingSet, scores: Array, folds: Ints, progress: Progress
) -> tuple[Array, Naming | None, WordGain | None]:
    """Scores (n, classes) with what words add, if they are read and help; how they add it; what that gains."""
    if not recipe.text:
        return scores, None, None
    sure = wording.named(given, progress)
    gain = wording.weigh(scores, sure, given.labels, given.groups, folds, given.none, recipe.none_recall)
    if not gain.gained:
        return scores, None, gain
    return scores + np.float32(gain.weight) * sure, Naming(given.names, gain.weight), gain


def _backbone(path: Path, fits: Sequence[Fit], size: int, none: int, threshold: float) -> Backbone:
    """The network with the mean of some members' weights."""
    weights = {key: torch.stack([fit.weights[key].cpu() for fit in fits]).mean(0) for key in fits[0].weights}
    return brand_network.backbone(path, weights, size, none, threshold)


def _member(
    recipe: Recipe,
    given: TrainingSet,
    crops: _Crops,
    seen: npt.NDArray[np.bool_],
    device: Device,
    seed: int,
    folder: Path,
    name: str,
    progress: Progress,
) -> Fit:
    """A tail that learns from the crops of the photos that are ``seen`` (n,)."""
    torch.manual_seed(recipe.seed)  # not the member's: they must start alike to have a mean
    count = int(given.labels.max()) + 1
    tail = Dense(lite0_torch.pretrained(SIDE), crops.maps.shape[2], count, given.none, device.bf16)
    passes = int(np.clip(PLAN.epochs * CROPS // len(crops.photo), PLAN.epochs, _MOST_PASSES))
    plan = Plan(**(vars(PLAN) | {"epochs": recipe.epochs or passes}))
    work = _Work(crops, given, seen, tail, plan, device, seed)
    return loop.train(tail, work, plan, device, seed, folder, name=name, progress=progress, cost=tail.cost)


@dataclass(frozen=True)
class _Crops:
    """What the frozen blocks make of k crops, and what the crops show.

    Attributes:
        maps: (k, 112, 8, 8), float16, on disk.
        photo: number of each crop's photo (k,).
        kinds: (k, places), see :class:`goodsight.training.crops.Crop`.
        shapes: (k, places, 4).
        samples: some crops as pictures (24, SIDE, SIDE, 3).

    """

    maps: npt.NDArray[np.float16]
    photo: Ints
    kinds: npt.NDArray[np.uint8]
    shapes: npt.NDArray[np.float32]
    samples: npt.NDArray[np.uint8]


def _crops(
    recipe: Recipe, given: TrainingSet, canvas: npt.NDArray[np.uint8], folder: Path, progress: Progress
) -> _Crops:
    boxes = [_on_canvas(row, canvas.shape[1], given.limits) for row in given.rows]
    brand = given.labels != given.none
    share = np.where(brand, (1 - _WITHOUT) / max(brand.sum(), 1), _WITHOUT / max((~brand).sum(), 1))
    photo = np.repeat(np.arange(len(brand)), np.clip(np.rint(CROPS * share), 1, _MOST).astype(int))
    # In a random order, so that the first are samples of all and reading a batch reads from one place.
    photo = np.random.default_rng(recipe.seed).permutation(photo)
    scales = (1.0, brand_network.small(canvas.shape[1]) / canvas.shape[1])

    def one(number: int) -> Crop:
        own = int(photo[number])
        return draw(canvas[own], boxes[own], scales, bool(brand[own]), (recipe.seed, number))

    path, shown = folder / "crops.npy", folder / "crops.npz"
    if not shown.exists():
        _make(path, shown, one, len(photo), folder / "frozen.onnx", progress)
    known = np.load(shown)
    with Logs(folder / "logs" / "augmented", 0) as logs:
        logs.samples(known["samples"])
    maps = np.asarray(np.load(path, mmap_mode="r"))
    return _Crops(maps, photo, known["kinds"], known["shapes"], known["samples"])


def _make(path: Path, shown: Path, one: Callable[[int], Crop], count: int, frozen: Path, progress: Progress) -> None:
    """Draw crops, run the frozen blocks over them, and write down both."""
    if not frozen.exists():
        with whole_file(frozen) as part:
            write(Frozen(lite0_torch.pretrained(SIDE)), SIDE, part)
    engine, kinds, shapes = start(frozen), [], []
    samples: list[npt.NDArray[np.uint8]] = []
    with whole_file(path) as part, ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="goodsight-crop") as pool:
        maps = pixels.room(part, np.dtype(np.float16), (count, 112, SIDE // 16, SIDE // 16))
        for begin in range(0, count, _CHUNK):
            crops = list(pool.map(one, range(begin, min(begin + _CHUNK, count))))
            maps[begin : begin + _CHUNK] = run(engine, np.stack([crop.pixels for crop in crops]))
            kinds += [crop.kinds.ravel() for crop in crops]
            shapes += [crop.shapes.reshape(-1, SHAPE) for crop in crops]
            samples += [crop.pixels for crop in crops[: _SAMPLES - len(samples)]]
            progress("crops", begin + len(crops), count)
        maps.flush()
    engine.close()
    with whole_file(shown) as part, part.open("wb") as stream:
        np.savez(stream, kinds=np.stack(kinds), shapes=np.stack(shapes), samples=np.stack(samples))


def require_boxes(given: TrainingSet) -> None:
    """See that no box lies beyond its photo.

    Raises:
        CatalogError: one does, or a photo was changed meanwhile.

    """
    for row in given.rows:
        if row.boxes:
            _size(row, given.limits)


def _size(row: Row, limits: Limits) -> tuple[int, int]:
    """Width and height of a photo the right way up, in which every box begins."""
    try:
        width, height = decoder.upright_size(decoder.read(row.path, limits), limits)
    except BadPhoto as bad:
        raise CatalogError(f"{row.path}: was changed while the network was trained: {bad}; run it again") from bad
    for x0, y0, x1, y1 in row.boxes:
        if x0 >= width or y0 >= height:
            raise CatalogError(
                f"{row.path}: the box `{x0:g} {y0:g} {x1:g} {y1:g}` lies beyond the photo, which has {width} x "
                f"{height} pixels the right way up; write `x0 y0 x1 y1` in pixels of the photo"
            )
    return width, height


def _on_canvas(row: Row, side: int, limits: Limits) -> list[Box]:
    """A photo's boxes in pixels of the padded square; what lies beyond the photo is cut off."""
    if not row.boxes:
        return []
    width, height = _size(row, limits)
    wide, high = Resize(side).box(width, height)
    left, top = (side - wide) // 2, (side - high) // 2
    found = []
    for x0, y0, x1, y1 in row.boxes:
        across, down = wide / width, high / height
        right, bottom = min(x1, width), min(y1, height)
        found.append((left + x0 * across, top + y0 * down, left + right * across, top + bottom * down))
    return found


class _Work:
    """Batches of crops; see :class:`goodsight.training.loop.Work`."""

    def __init__(
        self,
        crops: _Crops,
        given: TrainingSet,
        seen: npt.NDArray[np.bool_],
        tail: Dense,
        plan: Plan,
        device: Device,
        seed: int,
    ) -> None:
        self._crops, self._tail, self._plan, self._device, self._seed = crops, tail, plan, device, seed
        self._labels = given.labels[crops.photo]
        known = seen[crops.photo]
        self._fit = np.flatnonzero(known)
        self._chance = _chance(self._labels[self._fit], given.none)
        shows = np.isin(crops.kinds, (Kind.LOGO, Kind.SOMEWHERE)).any(axis=1)
        clear = shows | (crops.kinds == Kind.NONE).all(axis=1)
        self._away = np.flatnonzero(~known & clear)[:_WATCHED]
        self._shown = np.where(shows, self._labels, given.none)
        self.photos = len(self._fit)

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """An epoch of crops with what each place shows: kind, class and box (n, places, 6)."""
        self._tail.sharpness = 2 * epoch / max(self._plan.epochs - 1, 1)
        draw = np.random.default_rng([self._seed, epoch])
        order = self._fit[spread_draw(self._chance, self.photos, draw)]
        for begin in range(0, max(1, self.photos - self._plan.batch + 1), self._plan.batch):
            rows = np.sort(order[begin : begin + self._plan.batch])
            own = np.broadcast_to(self._labels[rows, None], (len(rows), PLACES**2))
            kinds, shapes = self._crops.kinds[rows], self._crops.shapes[rows]
            target = np.concatenate([kinds[..., None], own[..., None], shapes], axis=2, dtype=np.float32)
            yield self._maps(rows), torch.from_numpy(target).to(self._device.torch)

    def validation(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Crops of photos that are not learnt from, with the brand that is in them."""
        for begin in range(0, len(self._away), _CHUNK):
            rows = self._away[begin : begin + _CHUNK]
            yield self._maps(rows), torch.from_numpy(self._shown[rows])

    def _maps(self, rows: Ints) -> Tensor:
        return torch.from_numpy(self._crops.maps[rows]).float().to(self._device.torch)


def _chance(labels: Ints, none: int) -> npt.NDArray[np.float64]:
    """The chance (n,) of each crop to be drawn: rare brands as often as common ones, nearly, and a share without."""
    chance, brand = np.zeros(len(labels)), labels != none
    chance[brand] = even_draw(labels[brand]) * (1 - _WITHOUT)
    chance[~brand] = _WITHOUT / max((~brand).sum(), 1)
    return np.asarray(chance / chance.sum(), np.float64)

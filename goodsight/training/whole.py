"""A whole network, trained on most photos and watched on the rest, becomes ONNX: one by name, or Lite0 on a GPU.

The rest stops the training early, chooses the best epoch, and is what probabilities are calibrated on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from goodsight.backbones import Backbone, Block, file_sha256
from goodsight.backbones.torch_onnx import write
from goodsight.calibrate import Ints
from goodsight.engine import run, start
from goodsight.errors import EngineError
from goodsight.files import whole_file
from goodsight.folds import deal
from goodsight.photos import Resize
from goodsight.progress import Progress
from goodsight.training import Photos, Recipe, Trained, loop, parallel, pixels
from goodsight.training.augment import Augment, to_pixels
from goodsight.training.device import Device, choose
from goodsight.training.logs import Logs
from goodsight.training.loop import Fit, Plan
from goodsight.training.networks import Network, build, side
from goodsight.training.sampling import even_draw, mixed, passes

MARGIN = 1.25
"""Photos are kept so much larger than the network looks at them, so that a crop of them is not a blurred one."""
LEAST = 8
MANY = 2000
"""From so many photos on a tenth is held out, not a fifth."""
MEAN, SPREAD = 127.5, 64.0
MOST = 300
FEW = 40
MILD, STRONG = Augment(), Augment(crop=0.35, erase=0.3, mixup=0.2)
"""Under 40 passes a network has no time to learn from strong augmentation: it costs 2 points on the ads."""
PLANS = {
    "adnet": Plan(epochs=60, rate=1e-3, patience=1 / 3),
    "lenet5": Plan(epochs=60, rate=2e-3, patience=1 / 3),
    "smallervgg": Plan(epochs=35, batch=32, rate=1e-3, patience=1 / 3),
    "logonet": Plan(epochs=60, rate=3e-4, patience=1 / 3),
    "lite0": Plan(epochs=20, rate=5e-4, last_rate=10.0, patience=1 / 3),
    "compact": Plan(epochs=110, batch=32, rate=3e-3, patience=1 / 3),
}
"""Epochs are those for 3,000 photos; fewer photos are shown more often, up to :data:`MOST` passes."""


def train(recipe: Recipe, photos: Photos, folder: Path, progress: Progress) -> Trained:
    """Train a network; see :func:`goodsight.training.run`."""
    size, device = side(recipe.network, recipe.size), choose(recipe.device)
    count = min(parallel.processes(device.torch), len(photos.rows) // 8)
    if count > 1:
        # The photos are decoded here, so that the processes find them.
        _work(recipe, photos, folder, progress)
        parallel.launch(count, _fit, recipe, photos, folder, device=device.torch, folder=folder, progress=progress)
    network, work, fit = _fit(recipe, photos, folder, progress)
    samples = work.samples()
    with Logs(folder / "logs" / "augmented", 0) as logs:
        logs.samples(samples)
    network.finish()
    network.load_state_dict(fit.weights)
    path = folder / "network.onnx"
    with whole_file(path) as part:
        export(network, size, part)
    blocks = (Block("features", network.last.in_features, 1.0), Block("classes", network.last.out_features, 0.0))
    backbone = Backbone(recipe.network, path, file_sha256(path), Resize(size), blocks)
    scores = np.full((len(photos.rows), network.last.out_features), np.nan, np.float32)
    # By the engine, as the model will be used: over many layers its bfloat16 and torch's differ.
    engine = start(path)
    scores[work.held] = run(engine, work.watched)[:, backbone.columns("classes")]
    engine.close()
    watched, folds = np.flatnonzero(work.held), np.where(work.held, 0, 1)
    return Trained(backbone, backbone, watched, folds, scores, {recipe.network: fit.history}, samples)


def _work(recipe: Recipe, photos: Photos, folder: Path, progress: Progress) -> tuple[_Work, Plan]:
    plan = PLANS[recipe.network]
    plan = replace(plan, epochs=recipe.epochs or passes(plan.epochs, len(photos.rows), MOST))
    size = side(recipe.network, recipe.size)
    return _Work(recipe, photos, size, plan, choose(recipe.device), folder, progress), plan


def _fit(recipe: Recipe, photos: Photos, folder: Path, progress: Progress) -> tuple[Network, _Work, Fit]:
    device, (work, plan) = choose(recipe.device), _work(recipe, photos, folder, progress)
    torch.manual_seed(recipe.seed)
    network = build(recipe.network, int(photos.labels.max()) + 1, side(recipe.network, recipe.size))
    fit = loop.train(network, work, plan, device, recipe.seed, folder, name=recipe.network, progress=progress)
    return network, work, fit


def export(network: Network, size: int, path: Path) -> None:
    """Write a network: uint8 RGB (n, size, size, 3) in, its features and scores (n, width + classes) out."""

    class Exported(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, pixels: Tensor) -> Tensor:
            features = self.network.features(normal(pixels.permute(0, 3, 1, 2).float()))
            return torch.cat([features, self.network.last(features)], dim=1)

    write(Exported(), size, path)


def held_out(labels: Ints, groups: Ints) -> npt.NDArray[np.bool_]:
    """Which photos (n,) are only watched: a tenth, or a fifth of few. Twins stay together, no class is only watched.

    Args:
        labels: class numbers (n,).
        groups: twin groups (n,).

    Raises:
        EngineError: too few photos to train on some and watch others.

    """
    held: npt.NDArray[np.bool_] = deal(labels, groups, 5 if len(labels) < MANY else 10) == 0
    for c in np.unique(labels):
        if held[labels == c].all():
            held &= ~np.isin(groups, groups[labels == c])
    if (~held).sum() < LEAST or not held.any():
        raise EngineError(
            f"{len(labels)} photos are too few to train a network from them; use the default network, which needs no "
            "training: leave --network and --finetune out"
        )
    return held


def normal(x: Tensor) -> Tensor:
    """Pixels 0 to 255 around zero, as networks like them."""
    return (x - MEAN) / SPREAD


class _Work:
    """Batches of augmented photos; see :class:`goodsight.training.loop.Work`."""

    def __init__(
        self,
        recipe: Recipe,
        photos: Photos,
        size: int,
        plan: Plan,
        device: Device,
        folder: Path,
        progress: Progress,
    ) -> None:
        large = round(size * MARGIN / 16) * 16
        labels = photos.labels
        self.held = held = held_out(labels, photos.groups)
        fit, watched = ([photos.rows[i] for i in np.flatnonzero(chosen)] for chosen in (~held, held))
        self._pixels = pixels.decode(fit, Resize(large), folder / f"pixels-{large}.npy", photos.limits, progress)
        self.watched = pixels.decode(watched, Resize(size), folder / f"watched-{size}.npy", photos.limits, progress)
        self._labels, self._watched_labels = labels[~held], labels[held]
        self._classes = int(labels.max()) + 1
        self._size, self._batch, self._device, self._seed = size, plan.batch, device, recipe.seed
        self._augment = STRONG if plan.epochs >= FEW else MILD
        if recipe.distort:
            self._augment = self._augment.distorting()
        self.photos = len(self._labels)

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """An epoch of augmented batches."""
        draw = np.random.default_rng([self._seed, epoch])
        generator = torch.Generator().manual_seed(int(draw.integers(2**62)))
        order = draw.choice(self.photos, self.photos, p=even_draw(self._labels))
        # A last batch of one photo has no spread to normalise by.
        for begin in range(0, max(1, self.photos - self._batch + 1), self._batch):
            rows = np.sort(order[begin : begin + self._batch])
            x = torch.from_numpy(self._pixels[rows]).to(self._device.torch)
            x = normal(self._augment(x, self._size, generator)).contiguous(memory_format=torch.channels_last)
            shares = functional.one_hot(torch.from_numpy(self._labels[rows]), self._classes).float()
            yield mixed(x, shares.to(x.device), self._augment.mixup, draw)

    def validation(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The watched photos as the finished network will see them."""
        for begin in range(0, len(self.watched), 256):
            x = torch.from_numpy(self.watched[begin : begin + 256].copy()).to(self._device.torch)
            x = normal(x.permute(0, 3, 1, 2).float()).contiguous(memory_format=torch.channels_last)
            yield x, torch.from_numpy(self._watched_labels[begin : begin + 256])

    def samples(self) -> npt.NDArray[np.uint8]:
        """24 augmented photos (24, side, side, 3), uint8."""
        rows = np.sort(np.random.default_rng(0).permutation(self.photos)[:24])
        x = self._augment(torch.from_numpy(self._pixels[rows]), self._size, torch.Generator().manual_seed(0))
        return to_pixels(x)

"""A whole network, trained on most photos and watched on the rest, becomes ONNX: one by name, or Lite0 on a GPU.

The rest stops the training early, chooses the best epoch, and is what probabilities are calibrated on. A long training
of ``compact`` has several members, which are watched on different photos; the network is their mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from goodsight.arrays import Ints
from goodsight.backbones.backbone import Backbone, Block, file_sha256
from goodsight.backbones.engine import run, start
from goodsight.backbones.torch_onnx import write
from goodsight.errors import EngineError
from goodsight.files import whole_file
from goodsight.heads.folds import deal
from goodsight.photos.resize import Resize
from goodsight.progress import Progress
from goodsight.training import loop, parallel, pixels
from goodsight.training.augment import Augment, to_pixels
from goodsight.training.device import choose
from goodsight.training.logs import Logs
from goodsight.training.loop import Fit, Plan
from goodsight.training.networks import Network, build, side
from goodsight.training.recipe import Recipe, Trained, TrainingSet
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
MEMBERS = {"compact": 3}
"""Networks trained one after the other, each from its own start, where there are passes enough."""
PLANS = {
    "adnet": Plan(epochs=60, rate=1e-3, patience=1 / 3),
    "lenet5": Plan(epochs=60, rate=2e-3, patience=1 / 3),
    "smallervgg": Plan(epochs=35, batch=32, rate=1e-3, patience=1 / 3),
    "logonet": Plan(epochs=60, rate=3e-4, patience=1 / 3),
    "lite0": Plan(epochs=20, rate=5e-4, last_rate=10.0, patience=1 / 3),
    "compact": Plan(epochs=60, batch=32, rate=3e-3),
}
"""Epochs are those for 3,000 photos; fewer photos are shown more often, up to :data:`MOST` passes."""


def train(recipe: Recipe, photos: TrainingSet, folder: Path, progress: Progress) -> Trained:
    """Train a network; see :func:`goodsight.training.road.train_network`."""
    members = MEMBERS.get(recipe.base, 1) if _plan(recipe, photos).epochs >= FEW else 1
    away = watched(photos.labels, photos.groups, members)
    count = len(away)
    scores = np.full((len(photos.rows), int(photos.labels.max()) + 1), np.nan, np.float32)
    folds, networks, history = np.full(len(photos.rows), count), [], {}
    for member, held in enumerate(away):
        name = recipe.base if count == 1 else f"member {member + 1} of {count}"
        network, work, fit = _member(recipe, photos, held, member, name, folder, progress)
        alone = _backbone(folder / f"member-{member}.onnx", recipe, [network])
        # By the engine, as the model will be used: over many layers its bfloat16 and torch's differ.
        engine = start(alone.network)
        scores[held] = run(engine, work.watched)[:, alone.columns("classes")]
        engine.close()
        folds[held] = member
        history[name] = fit.history
        networks.append(network)
        if not member:
            samples = work.samples()
    with Logs(folder / "logs" / "augmented", 0) as logs:
        logs.samples(samples)
    # The first member alone, with its features as often as there are members: of one shape with the network.
    one = _backbone(folder / "one.onnx", recipe, networks[:1] * count) if count > 1 else alone
    backbone = _backbone(folder / "network.onnx", recipe, networks) if count > 1 else alone
    return Trained(backbone, one, np.flatnonzero(folds == 0), folds, scores, history, samples)


def _member(
    recipe: Recipe,
    photos: TrainingSet,
    held: npt.NDArray[np.bool_],
    member: int,
    name: str,
    folder: Path,
    progress: Progress,
) -> tuple[Network, _Work, Fit]:
    """One trained network, with its averaged weights."""
    device = choose(recipe.device)
    count = min(parallel.processes(device.torch), len(photos.rows) // 8)
    given = (recipe, photos, held, member, name, folder)
    if count > 1:
        # The photos are decoded here, so that the processes find them.
        _Work(recipe, photos, held, member, folder, progress)
        parallel.launch(count, _fit, *given, device=device.torch, folder=folder, progress=progress)
    network, work, fit = _fit(*given, progress)
    network.finish()
    network.load_state_dict(fit.weights)
    return network.cpu(), work, fit


def _fit(
    recipe: Recipe,
    photos: TrainingSet,
    held: npt.NDArray[np.bool_],
    member: int,
    name: str,
    folder: Path,
    progress: Progress,
) -> tuple[Network, _Work, Fit]:
    work, device = _Work(recipe, photos, held, member, folder, progress), choose(recipe.device)
    seed = recipe.seed + member
    torch.manual_seed(seed)
    network = build(recipe.base, int(photos.labels.max()) + 1, side(recipe.base, recipe.size))
    fit = loop.train(network, work, _plan(recipe, photos), device, seed, folder, name=name, progress=progress)
    return network, work, fit


def _plan(recipe: Recipe, photos: TrainingSet) -> Plan:
    plan = PLANS[recipe.base]
    return replace(plan, epochs=recipe.epochs or passes(plan.epochs, len(photos.rows), MOST))


def _backbone(path: Path, recipe: Recipe, networks: list[Network]) -> Backbone:
    size, last = side(recipe.base, recipe.size), networks[0].last
    with whole_file(path) as part:
        export(networks, size, part)
    width = last.in_features * len(networks)
    blocks = (Block("features", width, 1.0), Block("classes", last.out_features, 0.0))
    return Backbone(recipe.base, path, file_sha256(path), Resize(size), blocks)


def export(networks: Sequence[Network], size: int, path: Path) -> None:
    """Write networks as one: uint8 RGB (n, size, size, 3) in, all their features and their mean scores out."""

    class Exported(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.networks = nn.ModuleList(networks)

        def forward(self, pixels: Tensor) -> Tensor:
            x = normal(pixels.permute(0, 3, 1, 2).float())
            seen: list[tuple[Tensor, Tensor]] = []
            for network in cast(Iterable[Network], self.networks):
                features = network.features(x)
                seen.append((features, network.last(features)))
            scores = torch.stack([scores for _, scores in seen]).mean(0)
            return torch.cat([*(features for features, _ in seen), scores], dim=1)

    write(Exported(), size, path)


def watched(labels: Ints, groups: Ints, count: int) -> list[npt.NDArray[np.bool_]]:
    """Which photos (n,) each of some members only watches: a tenth, or a fifth of few, and no photo twice.

    Twins stay together, and no class is only watched.

    Args:
        labels: class numbers (n,).
        groups: twin groups (n,).
        count: of members; fewer are returned when the photos are too few.

    Raises:
        EngineError: too few photos to train on some and watch others.

    """
    share = 5 if len(labels) < MANY else 10
    dealt, found = deal(labels, groups, share), []
    for fold in range(share):
        held: npt.NDArray[np.bool_] = dealt == fold
        for c in np.unique(labels):
            if held[labels == c].all():
                held &= ~np.isin(groups, groups[labels == c])
        if (~held).sum() >= LEAST and held.any():
            found.append(held)
    if not found:
        raise EngineError(
            f"{len(labels)} photos are too few to train a network from them; use the default network, which needs no "
            "training: leave `network` out"
        )
    return found[:count]


def normal(x: Tensor) -> Tensor:
    """Pixels 0 to 255 around zero, as networks like them."""
    return (x - MEAN) / SPREAD


class _Work:
    """Batches of augmented photos; see :class:`goodsight.training.loop.Work`."""

    def __init__(
        self,
        recipe: Recipe,
        photos: TrainingSet,
        held: npt.NDArray[np.bool_],
        member: int,
        folder: Path,
        progress: Progress,
    ) -> None:
        plan, size, limits = _plan(recipe, photos), side(recipe.base, recipe.size), photos.limits
        large = round(size * MARGIN / 16) * 16
        self._fit, away = np.flatnonzero(~held), np.flatnonzero(held)
        self._pixels = pixels.decode(photos.rows, Resize(large), folder / f"pixels-{large}.npy", limits, progress)
        rows, path = [photos.rows[i] for i in away], folder / f"watched-{size}-{member}.npy"
        self.watched = pixels.decode(rows, Resize(size), path, limits, progress)
        self._labels, self._watched_labels = photos.labels[self._fit], photos.labels[away]
        self._classes = int(photos.labels.max()) + 1
        self._size, self._batch, self._seed = size, plan.batch, recipe.seed + member
        self._device = choose(recipe.device)
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
            x = torch.from_numpy(self._pixels[self._fit[rows]]).to(self._device.torch)
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
        x = self._augment(torch.from_numpy(self._pixels[self._fit[rows]]), self._size, torch.Generator().manual_seed(0))
        return to_pixels(x)

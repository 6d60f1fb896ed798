"""The default network, fine-tuned on a CPU: its first blocks stay as they are, its last ones learn the user's classes.

What the frozen blocks make of several augmented views of each photo is kept on disk, so that they run once, in the
engine. Each of four members learns its last blocks on three quarters of the photos and answers for the last quarter:
these answers are honest for every photo, and the four together are better than one. The ONNX file is the frozen
network as before, and the mean of the members' scores beside its embedding.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from goodsight.arrays import Ints
from goodsight.backbones import lite0, lite0_torch
from goodsight.backbones.backbone import Backbone, Block, file_sha256
from goodsight.backbones.engine import run, start
from goodsight.backbones.torch_onnx import write
from goodsight.errors import EngineError
from goodsight.files import whole_file
from goodsight.heads.folds import deal
from goodsight.photos.resize import Resize
from goodsight.progress import Progress
from goodsight.training import loop, pixels
from goodsight.training.augment import Augment, to_pixels
from goodsight.training.device import Device, choose
from goodsight.training.logs import Logs
from goodsight.training.loop import Plan
from goodsight.training.recipe import Recipe, Trained, TrainingSet
from goodsight.training.sampling import even_draw, mixed, passes
from goodsight.training.tail import FIRST, Convolutional, Tail

MEMBERS = 4


VIEWS = 8


_CHUNK = 128


_ROOM = 0.3
"""The share of the free disk that views may take."""


PLAN = Plan(epochs=11, rate=5e-4, last_rate=10.0, average=0.002)


MOST = 30


AUGMENT = Augment(crop=0.25, rotate=15, mixup=0.2)


def train(recipe: Recipe, photos: TrainingSet, views: int, folder: Path, progress: Progress) -> Trained:
    """Fine-tune EfficientNet-Lite0; see :func:`goodsight.training.road.train_network`."""
    size = lite0.require(recipe.size)
    device = choose(recipe.device)
    network = lite0_torch.pretrained(size)
    labels, count = photos.labels, len(photos.rows)
    plan = replace(PLAN, epochs=recipe.epochs or passes(PLAN.epochs, count, MOST))
    seen = _Views(recipe, network, photos, size, views, folder, progress)
    folds = deal(labels, photos.groups, MEMBERS)
    scores = np.empty((count, int(labels.max()) + 1), np.float32)
    members, history = [], {}
    for fold in range(MEMBERS):
        away, seed = np.flatnonzero(folds == fold), recipe.seed + fold
        torch.manual_seed(seed)
        tail = Tail(network, seen.side, scores.shape[1], device.bf16)
        work = _Work(seen, labels, np.flatnonzero(folds != fold), away, plan.batch, device, seed)
        name = f"member {fold + 1} of {MEMBERS}"
        fit = loop.train(tail, work, plan, device, seed, folder, name=name, progress=progress)
        for begin, (inputs, _) in zip(range(0, len(away), _CHUNK), work.validation(), strict=True):
            scores[away[begin : begin + _CHUNK]] = loop.scores(tail, fit.weights, inputs, device).numpy()
        members.append({key: value.cpu() for key, value in fit.weights.items()})
        history[name] = fit.history
    backbone, witness = (
        _backbone(folder / name, some, size, views)
        for name, some in (("network.onnx", members), ("one.onnx", members[:1]))
    )
    return Trained(backbone, witness, np.flatnonzero(folds == 0), folds, scores, history, seen.samples)


def _backbone(path: Path, members: list[dict[str, Tensor]], size: int, views: int) -> Backbone:
    with whole_file(path) as part:
        export(members, size, views, part)
    blocks = (*lite0.BLOCKS, Block("classes", len(members[0]["last.bias"]), 0.0))
    return Backbone("lite0, fine-tuned", path, file_sha256(path), Resize(lite0.side(size, views)), blocks)


def export(members: list[dict[str, Tensor]], size: int, views: int, path: Path) -> None:
    """Write the network: uint8 RGB in, the frozen embedding and the members' mean scores (n, width + classes) out.

    A second output, ``places.classes``, holds the scores of each place (n, views, height, width, classes).
    """

    class Exported(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.frozen = lite0_torch.pretrained(size, views)
            plain: Any = lite0_torch.pretrained(size)
            self.members = nn.ModuleList(Convolutional(plain, weights) for weights in members)
            self.maps: list[Tensor] = []
            blocks: Any = self.frozen._blocks
            blocks[FIRST - 1].register_forward_hook(lambda _, __, out: self.maps.append(out[0]))

        def forward(self, photos: Tensor) -> tuple[Tensor, Tensor]:
            self.maps.clear()
            embedding = self.frozen(photos)
            found = [member.explained(self.maps[0]) for member in cast(Iterable[Convolutional], self.members)]
            scores, places = (torch.stack(parts).mean(0) for parts in zip(*found, strict=True))
            pooled = scores.reshape(views, -1, scores.shape[1]).mean(0)
            return torch.cat([embedding, pooled], dim=1), lite0_torch.of_views(places, views)

    write(Exported(), lite0.side(size, views), path, ["places.classes"])


class Frozen(nn.Module):
    """The blocks before the tail."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, photos: Tensor) -> Tensor:
        """The maps (n, 112, side / 16, side / 16)."""
        x = functional.relu6(self.network._bn0(self.network._conv_stem(normal(photos))))
        for block in self.network._blocks[:FIRST]:
            x, _ = block(x)
        return x


def normal(photos: Tensor) -> Tensor:
    """Pixels (n, height, width, 3) as Lite0 takes them (n, 3, height, width)."""
    return (photos.permute(0, 3, 1, 2).float() - 127.0) / 128.0


_View = Callable[[slice, int], npt.NDArray[np.uint8]]
"""Makes a view (n, size, size, 3) of some photos with a seed."""


class _Views:
    """What the frozen blocks make of each photo: as it is, its centre if wanted, and augmented (float16, on disk)."""

    def __init__(
        self,
        recipe: Recipe,
        network: Any,
        photos: TrainingSet,
        size: int,
        views: int,
        folder: Path,
        progress: Progress,
    ) -> None:
        rows, limits = photos.rows, photos.limits
        self._size, self._folder, self._progress = size, folder, progress
        self._augment = AUGMENT.distorting() if recipe.distort else AUGMENT
        self.mixup = AUGMENT.mixup
        self.side = size // 16
        count = self._count(views, len(rows))
        large = lite0.side(size, 2)
        self._photos = pixels.decode(rows, Resize(large), folder / f"pixels-{large}.npy", limits, progress)
        whole = self._photos
        if views == 1:
            whole = pixels.decode(rows, Resize(size), folder / f"pixels-{size}.npy", limits, progress)
        self.plain = views
        path = folder / "frozen.onnx"
        if not path.exists():
            with whole_file(path) as part:
                write(Frozen(network), size, part)
        self._engine = start(path)
        edge = (large - size) // 2
        self.maps = [self._run("view-0.npy", lambda rows, _: _resized(whole[rows], size))]
        if views == 2:
            self.maps.append(self._run("view-1.npy", lambda rows, _: self._photos[rows, edge:-edge, edge:-edge]))
        for number in range(views, count):
            self.maps.append(self._run(f"view-{number}.npy", lambda rows, seed: self._augmented(rows, seed)))
        self._engine.close()
        self.samples = self._augmented(slice(0, 24), 0)
        with Logs(folder / "logs" / "augmented", 0) as logs:
            logs.samples(self.samples)

    def _count(self, views: int, photos: int) -> int:
        """How many views there is room for; written down, so that a resumed run has as many."""
        record = self._folder / "views.json"
        if not record.exists():
            one = 112 * self.side**2 * 2 * photos
            decoded = 2 * 3 * lite0.side(self._size, 2) ** 2 * photos
            free = shutil.disk_usage(self._folder).free - decoded
            count = min(VIEWS + views, int(free * _ROOM / one))
            if count <= views:
                needed = ((views + 1) * one / _ROOM + decoded) / 2**30
                raise EngineError(f"{self._folder}: fine-tuning {photos} photos needs {needed:.1f} GiB free here")
            with whole_file(record) as part:
                part.write_text(json.dumps(count), encoding="ascii")
        return int(json.loads(record.read_text(encoding="ascii")))

    def _augmented(self, rows: slice, seed: int) -> npt.NDArray[np.uint8]:
        generator = torch.Generator().manual_seed(seed)
        x = self._augment(torch.from_numpy(self._photos[rows].copy()), self._size, generator)
        return to_pixels(x)

    def _run(self, name: str, view: _View) -> npt.NDArray[np.float16]:
        path, count = self._folder / name, len(self._photos)
        if not path.exists():
            number = int(name.split("-")[1].split(".")[0])
            with whole_file(path) as part:
                maps = pixels.room(part, np.dtype(np.float16), (count, 112, self.side, self.side))
                for begin in range(0, count, 64):
                    rows = slice(begin, begin + 64)
                    photos = view(rows, number * 1_000_003 + begin)
                    maps[rows] = run(self._engine, photos)
                    self._progress(f"view {number + 1}", min(begin + 64, count), count)
                maps.flush()
        return np.asarray(np.load(path, mmap_mode="r"))


def _resized(photos: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """As the network itself scales a photo down for its first view."""
    if photos.shape[1] == size:
        return photos
    x = torch.from_numpy(photos.copy()).permute(0, 3, 1, 2).float()
    x = functional.interpolate(x, (size, size), mode="bilinear")
    return to_pixels(x)


class _Work:
    """Batches of views; see :class:`goodsight.training.loop.Work`."""

    def __init__(
        self, views: _Views, labels: Ints, fit: Ints, away: Ints, batch: int, device: Device, seed: int
    ) -> None:
        self._views, self._labels, self._fit, self._away = views, labels, fit, away
        self._batch, self._device, self._seed = batch, device, seed
        self._classes = int(labels.max()) + 1
        self.photos = len(fit)

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """An epoch in which each photo that is drawn comes in one of its views."""
        draw = np.random.default_rng([self._seed, epoch])
        order = draw.choice(self._fit, self.photos, p=even_draw(self._labels[self._fit]))
        seen = draw.integers(len(self._views.maps), size=self.photos)
        for begin in range(0, max(1, self.photos - self._batch + 1), self._batch):
            photos, views = order[begin : begin + self._batch], seen[begin : begin + self._batch]
            maps = np.stack([self._views.maps[view][photo] for view, photo in zip(views, photos, strict=True)])
            x = torch.from_numpy(maps).to(self._device.torch).float()
            shares = functional.one_hot(torch.from_numpy(self._labels[photos]), self._classes).float()
            yield mixed(x, shares.to(x.device), self._views.mixup, draw)

    def validation(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The photos of the last quarter, each as the finished network will see it."""
        for begin in range(0, len(self._away), _CHUNK):
            photos = self._away[begin : begin + _CHUNK]
            plain = np.stack([view[photos] for view in self._views.maps[: self._views.plain]])
            yield torch.from_numpy(plain).float().to(self._device.torch), torch.from_numpy(self._labels[photos])

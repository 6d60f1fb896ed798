"""The network that finds brands: one look at a larger photo for small logos, one at a small copy for large ones.

Its embedding holds pooled features, a score for each class and the place of the likeliest brand; a second output,
``evidence``, holds the scores of every place. The class that is no brand has the same score for every photo, the
threshold: a brand is the answer only where its surest place exceeds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from goodsight.backbones import lite0, lite0_torch
from goodsight.backbones.backbone import Backbone, Block, file_sha256
from goodsight.backbones.torch_onnx import write
from goodsight.files import whole_file
from goodsight.photos.resize import Resize
from goodsight.training.crops import STRIDE
from goodsight.training.dense import SHAPE, Placed, odds, scores
from goodsight.training.tail import FIRST
from goodsight.training.tuned import normal

SIZE = 416
"""Side of the square photo that is looked at, in pixels; with the smaller look it costs four plain photos."""
_FEATURES, _PLACE = 1280, 4
_UNIT = 64.0


def require(size: int) -> int:
    """The side of the larger look, or 416 for 0.

    Raises:
        EngineError: the network cannot take it.

    """
    return lite0.require(size or SIZE)


def small(size: int) -> int:
    """The side of the smaller look: 160 for 416."""
    return max(64, round(size * 5 / 13 / STRIDE) * STRIDE)


def backbone(path: Path, weights: Mapping[str, Tensor], size: int, none: int, threshold: float) -> Backbone:
    """Write the network with trained weights, and describe it."""
    with whole_file(path) as part:
        write(Brands(weights, size, none, threshold), size, part, ("evidence",))
    classes = len(weights["last.bias"]) - SHAPE
    blocks = (Block("features", _FEATURES, 1.0), Block("classes", classes, 0.0), Block("place", _PLACE, 0.0))
    return Backbone("brands", path, file_sha256(path), Resize(size), blocks)


class Brands(nn.Module):
    """uint8 RGB (n, size, size, 3) to the embedding (n, 1280 + classes + 4) and the evidence (n, h, w, classes).

    The last four columns are left, top, right and bottom of the logo, as shares of the padded square.
    """

    def __init__(self, weights: Mapping[str, Tensor], size: int, none: int, threshold: float) -> None:
        super().__init__()
        self.large, self.coarse = _Look(weights, size), _Look(weights, small(size))
        # Of two equal constants the exporter keeps one, and OpenVINO does not fuse what two layers share: half as fast.
        for module in self.coarse.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.bias.data = torch.nextafter(module.bias.data, torch.tensor(torch.inf))
        self.none, self.threshold = none, threshold

    def forward(self, photos: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding and the evidence."""
        x = normal(photos)
        less = functional.interpolate(x, (self.coarse.side, self.coarse.side), mode="bilinear")
        large, large_boxes, _ = self.large(x)
        coarse, coarse_boxes, features = self.coarse(less)
        said, boxes = torch.cat([large, coarse], dim=1), torch.cat([large_boxes, coarse_boxes], dim=1)
        best = scores(said, self.none, self.threshold)
        classes = best.shape[1]
        brand = best.masked_fill(torch.arange(classes) == self.none, -1e4).argmax(1)
        own = said.gather(2, brand[:, None, None].expand(-1, said.shape[1], 1))[..., 0]
        place = boxes.gather(1, own.argmax(1)[:, None, None].expand(-1, 1, _PLACE))[:, 0]
        maps = [
            odd.transpose(1, 2).reshape(-1, classes, look.side // STRIDE, look.side // STRIDE)
            for odd, look in ((large, self.large), (coarse, self.coarse))
        ]
        evidence = torch.maximum(maps[0], functional.interpolate(maps[1], maps[0].shape[2:]))
        return torch.cat([features, best, place], dim=1), evidence.permute(0, 2, 3, 1)


class _Look(nn.Module):
    """One look at photos of spread 1 (n, 3, side, side)."""

    def __init__(self, weights: Mapping[str, Tensor], side: int) -> None:
        super().__init__()
        plain: Any = lite0_torch.pretrained(side)
        self.tail = Placed(plain, dict(weights))
        self.stem, self.norm, self.blocks, self.side = plain._conv_stem, plain._bn0, plain._blocks[:FIRST], side

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Odds (n, places, classes), boxes (n, places, 4) and pooled features (n, 1280)."""
        x = functional.relu6(self.norm(self.stem(x)))
        for block in self.blocks:
            x, _ = block(x)
        seen = self.tail.seen(x)
        last = self.tail.last
        said = functional.conv2d(seen, last.weight[:, :, None, None], last.bias).flatten(2).transpose(1, 2)
        at = (torch.arange(self.side // STRIDE) + 0.5) * STRIDE
        down, across = torch.meshgrid(at, at, indexing="ij")
        shapes = said[..., -SHAPE:]
        centre = (torch.stack([across, down], dim=-1).reshape(-1, 2) + shapes[..., :2] * STRIDE) / self.side
        half = shapes[..., 2:].clamp(-3, 3).exp() * (_UNIT / self.side / 2)
        boxes = torch.cat([centre - half, centre + half], dim=-1).clamp(0, 1)
        return odds(said[..., :-SHAPE]), boxes, seen.mean((2, 3))

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

from goodsight.backbones import Backbone, Block, file_sha256, lite0
from goodsight.backbones.torch_onnx import write
from goodsight.files import whole_file
from goodsight.photos import Resize
from goodsight.training.crops import STRIDE
from goodsight.training.dense import SHAPE, Placed, odds, scores
from goodsight.training.last_blocks import normal
from goodsight.training.tail import FIRST

SIZE = 448
"""Side of the square photo that is looked at, in pixels: most of what a photo of the web has."""
_FEATURES, _PLACE = 1280, 4
_UNIT = 64.0


def require(size: int) -> int:
    """The side of the larger look, or 448 for 0.

    Raises:
        EngineError: the network cannot take it.

    """
    return lite0.require(size or SIZE)


def small(size: int) -> int:
    """The side of the smaller look: 192 for 448, so that both cost about four plain photos together."""
    return max(64, round(size * 3 / 7 / STRIDE) * STRIDE)


def backbone(path: Path, weights: Mapping[str, Tensor], size: int, none: int, threshold: float) -> Backbone:
    """Write the network with trained weights, and describe it."""
    with whole_file(path) as part:
        write(Brands(weights, size, none, threshold), size, part, ("embedding", "evidence"))
    classes = len(weights["last.bias"]) - SHAPE
    blocks = (Block("features", _FEATURES, 1.0), Block("classes", classes, 0.0), Block("place", _PLACE, 0.0))
    return Backbone("brands", path, file_sha256(path), Resize(size), blocks)


class Brands(nn.Module):
    """uint8 RGB (n, size, size, 3) to the embedding (n, 1280 + classes + 4) and the evidence (n, h, w, classes).

    The last four columns are left, top, right and bottom of the logo, as shares of the padded square.
    """

    def __init__(self, weights: Mapping[str, Tensor], size: int, none: int, threshold: float) -> None:
        super().__init__()
        plain: Any = lite0.pretrained(size)
        self.tail = Placed(plain, dict(weights))
        # All sides are multiples of 32, so the padding that was fixed for one is that of the other.
        self.stem, self.norm, self.blocks = plain._conv_stem, plain._bn0, plain._blocks[:FIRST]
        self.small, self.none, self.threshold = small(size), none, threshold

    def forward(self, photos: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding and the evidence."""
        x = normal(photos)
        # Twice: the first halving takes in every pixel, where one step over so much would leave out some.
        less = functional.interpolate(functional.avg_pool2d(x, 2), (self.small, self.small), mode="bilinear")
        large, _ = self._look(x)
        coarse, features = self._look(less)
        said = torch.cat([large[0], coarse[0]], dim=1)
        boxes = torch.cat([large[1], coarse[1]], dim=1)
        best = scores(said, self.none, self.threshold)
        brand = best.masked_fill(torch.arange(best.shape[1]) == self.none, -1e4).argmax(1)
        own = said.gather(2, brand[:, None, None].expand(-1, said.shape[1], 1))[..., 0]
        place = boxes.gather(1, own.argmax(1)[:, None, None].expand(-1, 1, _PLACE))[:, 0]
        high = photos.shape[1] // STRIDE
        maps = [
            looked[0].transpose(1, 2).reshape(-1, best.shape[1], side, side)
            for looked, side in ((large, high), (coarse, self.small // STRIDE))
        ]
        evidence = torch.maximum(maps[0], functional.interpolate(maps[1], (high, high))).permute(0, 2, 3, 1)
        return torch.cat([features, best, place], dim=1), evidence

    def _look(self, x: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Odds (n, places, classes) and boxes (n, places, 4) of a look, and its pooled features (n, 1280)."""
        side = x.shape[2]
        x = functional.relu6(self.norm(self.stem(x)))
        for block in self.blocks:
            x, _ = block(x)
        seen = self.tail.seen(x)
        last = self.tail.last
        said = functional.conv2d(seen, last.weight[:, :, None, None], last.bias).flatten(2).transpose(1, 2)
        at = (torch.arange(side // STRIDE) + 0.5) * STRIDE
        down, across = torch.meshgrid(at, at, indexing="ij")
        shapes = said[..., -SHAPE:]
        centre = (torch.stack([across, down], dim=-1).reshape(-1, 2) + shapes[..., :2] * STRIDE) / side
        half = shapes[..., 2:].clamp(-3, 3).exp() * (_UNIT / side / 2)
        boxes = torch.cat([centre - half, centre + half], dim=-1).clamp(0, 1)
        return (odds(said[..., :-SHAPE]), boxes), seen.mean((2, 3))

"""EfficientNet-Lite0 in torch as it is in ONNX, colours, places and all: what the graph is held against."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from goodsight.backbones import lite0_torch
from goodsight.backbones.lite0 import BLOCKS, PLACES

_LIGHT = range(4, 104, 12)
_TINTS = [(a, b) for a in range(-28, 29, 7) for b in range(-28, 29, 7) if a * a + b * b < 27**2]
_GRID = 56


class Reference(nn.Module):
    """Photos (n, side, side, 3) become the embedding (n, width), and what the blocks of PLACES are pooled from."""

    def __init__(self, size: int, views: int, *, colours: bool, grey: bool) -> None:
        super().__init__()
        self.size, self.views, self.colours, self.grey = size, views, colours or grey, grey
        self.network: Any = lite0_torch.pretrained(size)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        network, size, views = self.network, self.size, self.views
        x = ((greyed(pixels) if self.grey else pixels).permute(0, 3, 1, 2).float() - 127.0) / 128.0
        if views == 2:
            edge = (x.shape[2] - size) // 2
            whole = functional.interpolate(x, (size, size), mode="bilinear")
            x = torch.cat([whole, x[:, :, edge : edge + size, edge : edge + size]])
        photos = x
        x = functional.relu6(network._bn0(network._conv_stem(x)))
        pooled: dict[str, Tensor] = {}
        for number, block in enumerate(network._blocks):
            x, wide = block(x)
            spread = (x - x.mean((2, 3), keepdim=True)) ** 2
            pooled[f"std{number}"] = spread.mean((2, 3)).add(1e-6).sqrt()
            pooled[f"wide{number}"] = wide.mean((2, 3))
        last = functional.relu6(network._bn1(network._conv_head(x)))
        pooled["head"] = last.mean((2, 3))
        pooled["imagenet"] = network._fc(pooled["head"])
        columns = [pooled[block.name] for block in BLOCKS]
        if self.colours:
            answer = pooled["imagenet"].softmax(1) @ network._fc.weight
            evidence = functional.relu((answer[:, :, None, None] * last).sum(1))
            most = evidence.amax((1, 2), keepdim=True)
            columns.append(colour(photos * 128 + 127, evidence / (most + 1e-6)))
        embedding = torch.cat(columns, dim=1)
        maps = {"head": last, "wide15": wide, "std15": x}
        local = {name: lite0_torch.of_views(map.permute(0, 2, 3, 1), views) for name, map in maps.items()}
        local["imagenet"] = network._fc(local["head"])
        return embedding.reshape(views, -1, embedding.shape[1]).mean(0), *(local[name] for name in PLACES)


def greyed(pixels: Tensor) -> Tensor:
    """Photos (n, side, side, 3) without their colours, rounded: as they would be read from a grey file."""
    red, green, blue = pixels.float().unbind(3)
    light = (0.299 * red + 0.587 * green + 0.114 * blue).round()
    return torch.stack([light, light, light], dim=3)


def colour(pixels: Tensor, evidence: Tensor) -> Tensor:
    """The block of :mod:`goodsight.backbones.colour`, of RGB (n, 3, side, side) and evidence (n, h, w)."""
    step = max(1, pixels.shape[2] // _GRID)
    light, a, b = _lab(functional.avg_pool2d(pixels, step))
    side = light.shape[1]
    evidence = functional.interpolate(evidence[:, None], (side, side), mode="bilinear")[:, 0]
    chroma = (a * a + b * b + 1e-4).sqrt()
    ground = torch.exp(-((100 - light) ** 2 + a * a + b * b) / 25)
    place = (torch.arange(side) + 0.5) * 2 / side - 1
    centre = torch.exp(-2 * (place[:, None] ** 2 + place**2))
    # The hue of skin, about 49 degrees, as a distance on the circle of hues.
    hue = 2 - 2 * (a * 0.66 + b * 0.75) / chroma
    skin = torch.exp(-hue / 0.09 - ((chroma - 25) / 10) ** 2 - ((light - 65) / 20) ** 2)
    weight = (1 - ground) * centre * evidence * (1 - skin)
    # Arcsinh spreads the pale colours and keeps the strong ones within the grid.
    narrow = torch.log(chroma / 10 + ((chroma / 10) ** 2 + 1).sqrt()) * 10 / chroma
    axes = [(light / 100).flatten(1), (a * narrow / 30).flatten(1), (b * narrow / 30).flatten(1)]
    weights = torch.stack([weight.flatten(1), (weight * chroma).flatten(1)], dim=1)
    weights = weights / (weights.sum(2, keepdim=True) + 1e-6)
    lights = _near(axes[0] * 100, list(_LIGHT), 7.0)
    greens = _near(axes[1] * 30, sorted({a for a, _ in _TINTS}), 4.5)
    blues = _near(axes[2] * 30, sorted({b for _, b in _TINTS}), 4.5)
    values = sorted({a for a, _ in _TINTS})
    tints = greens[:, [values.index(a) for a, _ in _TINTS]] * blues[:, [values.index(b) for _, b in _TINTS]]
    rows = (weights[:, :, None] * lights[:, None]).flatten(1, 2)
    histogram = (rows @ tints.transpose(1, 2)).flatten(1)
    means = weights @ torch.stack(axes, dim=2)
    return torch.cat([(histogram + 1e-6).sqrt(), means.flatten(1)], dim=1)


def _lab(rgb: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """CIE Lab (D65) of sRGB; written out, because a matrix product would be worked out in half precision."""
    x = rgb / 255
    x = torch.where(x > 0.04045, ((x.clamp(min=0.04) + 0.055) / 1.055) ** 2.4, x / 12.92)
    r, g, b = x[:, 0], x[:, 1], x[:, 2]
    one = 0.4339532 * r + 0.3762198 * g + 0.1898270 * b
    two = 0.2126729 * r + 0.7151522 * g + 0.0721750 * b
    three = 0.0177578 * r + 0.1094768 * g + 0.8727654 * b
    one, two, three = (
        torch.where(v > 0.008856, v.clamp(min=0.008) ** (1 / 3), 7.787 * v + 16 / 116) for v in (one, two, three)
    )
    return 116 * two - 16, 500 * (one - two), 200 * (two - three)


def _near(values: Tensor, centres: list[int], spread: float) -> Tensor:
    """How much each value (n, p) belongs to each centre (n, centres, p); the sum over centres is 1."""
    away = (values[:, None] - torch.tensor(centres, dtype=torch.float32)[:, None]) / spread
    return torch.softmax(-(away**2) / 2, dim=1)

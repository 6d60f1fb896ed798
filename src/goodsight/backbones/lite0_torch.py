"""EfficientNet-Lite0 as a torch module, for the networks that are trained; see :mod:`goodsight.backbones.lite0`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from goodsight.backbones import lite0_weights
from goodsight.backbones.lite0 import BLOCKS, BOTTLENECKS, Bottleneck, padding


def pretrained(size: int, views: int = 1) -> nn.Module:
    """The torch module with ImageNet weights, in evaluation mode.

    Raises:
        EngineError: the weights package is not installed, or holds another file.

    """
    network = Lite0(size, views)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in lite0_weights.read().items()})
    return network.eval()


class Trunk(nn.Module):
    """The network to be fine-tuned: photos (n, 3, size, size) of spread 1 to the 1280 pooled features of its end."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.network = pretrained(size)
        self.network._fc = nn.Identity()  # not used here, and several processes would wait for its gradient

    def forward(self, x: Tensor) -> Tensor:
        """The features (n, 1280)."""
        network: Any = self.network
        features: Tensor = network.pooled(x / 2)  # it was trained on photos of half that spread
        return features


def of_views(maps: Tensor, views: int) -> Tensor:
    """Maps of all first views, then of all second ones (views * n, ...), as (n, views, ...)."""
    return maps.reshape(views, -1, *maps.shape[1:]).transpose(0, 1)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def _conv(inputs: int, outputs: int, kernel: int, stride: int, groups: int, size: int) -> nn.Module:
    """Padded for one input size."""
    before, after = padding(size, kernel, stride)
    layer = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
    if before == after:
        layer.padding = (before, after)
        return layer
    layer.register_forward_pre_hook(lambda _, x: (functional.pad(x[0], (before, after) * 2),))
    return layer


class _Bottleneck(nn.Module):
    def __init__(self, layers: Bottleneck, size: int) -> None:
        super().__init__()
        kernel, stride, expansion, inputs, outputs = layers
        wide = inputs * expansion
        self.skips = layers.skips
        self.expands = expansion != 1
        if self.expands:
            self._expand_conv, self._bn0 = _conv(inputs, wide, 1, 1, 1, size), _norm(wide)
        self._depthwise_conv, self._bn1 = _conv(wide, wide, kernel, stride, wide, size), _norm(wide)
        self._project_conv, self._bn2 = _conv(wide, outputs, 1, 1, 1, size), _norm(outputs)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        wide = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        wide = functional.relu6(self._bn1(self._depthwise_conv(wide)))
        out = self._bn2(self._project_conv(wide))
        return (out + x if self.skips else out), wide


class Lite0(nn.Module):
    """Layer names are those of the weights file."""

    def __init__(self, size: int, views: int) -> None:
        super().__init__()
        self.size, self.views = size, views
        self._conv_stem, self._bn0 = _conv(3, 32, 3, 2, 1, size), _norm(32)
        side = size // 2
        self._blocks = nn.ModuleList()
        for layers in BOTTLENECKS:
            self._blocks.append(_Bottleneck(layers, side))
            side = -(-side // layers.stride)
        self._conv_head, self._bn1 = _conv(320, 1280, 1, 1, 1, side), _norm(1280)
        self._fc = nn.Linear(1280, 1000)

    def pooled(self, x: Tensor) -> Tensor:
        """The 1280 features of the end (n, 1280) of photos (n, 3, size, size) around zero."""
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x, _ = block(x)
        return functional.relu6(self._bn1(self._conv_head(x))).mean((2, 3))

    def forward(self, pixels: Tensor) -> Tensor:
        """The embedding (n, width) of photos (n, side, side, 3)."""
        x = (pixels.permute(0, 3, 1, 2).float() - 127.0) / 128.0
        size, views = self.size, self.views
        if views == 2:
            edge = (x.shape[2] - size) // 2
            whole = functional.interpolate(x, (size, size), mode="bilinear")
            x = torch.cat([whole, x[:, :, edge : edge + size, edge : edge + size]])
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        pooled: dict[str, Tensor] = {}
        for number, block in enumerate(self._blocks):
            x, wide = block(x)
            # The exporter drops what no block of the embedding uses.
            spread = (x - x.mean((2, 3), keepdim=True)) ** 2
            pooled[f"std{number}"] = spread.mean((2, 3)).add(1e-6).sqrt()
            pooled[f"wide{number}"] = wide.mean((2, 3))
        pooled["head"] = functional.relu6(self._bn1(self._conv_head(x))).mean((2, 3))
        pooled["imagenet"] = self._fc(pooled["head"])
        embedding = torch.cat([pooled[block.name] for block in BLOCKS], dim=1)
        return embedding.reshape(views, -1, embedding.shape[1]).mean(0)

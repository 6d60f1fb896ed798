"""Our own small network, for few photos and for speed: dense 3 x 3 convolutions, which CPUs and GPUs run fastest.

The shape follows the CIFAR-10 speed records (Page 2018, How to Train Your ResNet; Jordan 2024, 94 % on CIFAR-10 in
3.29 seconds): pool after the first convolution of each stage, a residual pair after it, and at the end the largest
value of each map. Half-size stem, as product photos have twice the side of CIFAR's.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (32, 64, 128, 256)


class Compact(nn.Module):
    """Normalised photos (n, 3, side, side) to features (n, 256).

    Attributes:
        closely: once trained, take the mean of four looks: the photo, its centre, and both mirrored.

    """

    def __init__(self) -> None:
        super().__init__()
        self.closely = False
        self.stem = _Conv(3, WIDTHS[0], 2)
        self.stages = nn.ModuleList(_Stage(inputs, outputs) for inputs, outputs in pairwise(WIDTHS))
        self.drop = nn.Dropout(0.2)

    def forward(self, x: Tensor) -> Tensor:
        """Features (n, 256)."""
        if not self.closely:
            return torch.as_tensor(self.drop(self._features(x)))
        edge = x.shape[2] // 8
        centre = functional.interpolate(x[:, :, edge:-edge, edge:-edge], x.shape[2:], mode="bilinear")
        looks = [self._features(look) for plain in (x, centre) for look in (plain, plain.flip(3))]
        return torch.stack(looks).mean(0)

    def _features(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return x.amax((2, 3))


class _Conv(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.norm(self.conv(x)))


class _Stage(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = _Conv(inputs, outputs)
        self.pair = nn.Sequential(_Conv(outputs, outputs), _Conv(outputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(self.first(x), 2)
        return x + torch.as_tensor(self.pair(x))

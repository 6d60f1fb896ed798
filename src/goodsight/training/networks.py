"""The tutorials' networks, layer by layer, and the way each is built by name.

Every network is a :class:`Network`: ``features`` and a last linear layer, so that both can be exported.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from goodsight.backbones import lite0, lite0_torch
from goodsight.errors import EngineError
from goodsight.training.compact import Compact
from goodsight.training.recipe import SCRATCH


class Network(nn.Module):
    """Photos (n, 3, side, side), normalised, to scores (n, classes).

    Attributes:
        features: everything but the last layer; gives (n, width).
        last: the last, linear layer.

    """

    def __init__(self, features: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.features = features
        self.last = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (n, classes)."""
        scores: Tensor = self.last(self.features(x))
        return scores

    def finish(self) -> None:
        """Training is over: look at photos as the network is meant to be used."""
        if isinstance(self.features, Compact):
            self.features.closely = True


def build(name: str, classes: int, size: int = 0) -> Network:
    """A network by name; all but ``lite0`` have fresh weights.

    Args:
        name: one of :data:`~goodsight.training.recipe.SCRATCH`, or ``lite0`` with its ImageNet weights.
        classes: how many.
        size: side of the photos in pixels, 0 for the network's own.

    Raises:
        EngineError: as :func:`side`.

    """
    size = side(name, size)
    features = _FEATURES[name](size)
    return Network(features, _width(features, size), classes)


def side(name: str, size: int = 0) -> int:
    """The side of the photos that a network looks at, in pixels; 0 for its own.

    Raises:
        EngineError: a size that the network cannot take.

    """
    if name == "lite0":
        return lite0.require(size)
    size = size or SCRATCH[name]
    if not 32 <= size <= 512 or size % 16:
        raise EngineError(f"`size` {size}: {name} takes 32 to 512 pixels in steps of 16")
    return size


def _width(layers: nn.Module, size: int) -> int:
    """How many features a photo of that side gives."""
    layers.eval()
    with torch.no_grad():
        width = int(layers(torch.zeros(1, 3, size, size)).shape[1])
    layers.train()
    return width


def _adnet(size: int) -> nn.Module:
    """The ads tutorial's: two convolutions of 32 and a layer of 128; 813,346 parameters at 64 pixels for 2 classes."""
    maps = nn.Sequential(
        *(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
    )
    return nn.Sequential(maps, nn.Linear(_width(maps, size), 128), nn.ReLU())


def _lenet5(size: int) -> nn.Module:
    """LeNet-5 (LeCun et al. 1998) with colours and ReLU; 62,006 parameters at 32 pixels for 10 classes."""
    maps = nn.Sequential(
        *(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
    )
    return nn.Sequential(maps, nn.Linear(_width(maps, size), 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU())


def _smallervgg(size: int) -> nn.Module:
    """The Pokedex tutorial's: 32, 64 x 2 and 128 x 2 channels, then 1024; 8,678,277 at 96 pixels for 5 classes.

    The count has the running means and variances in it, as Keras counts.
    """

    def conv(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
        return nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)

    maps = nn.Sequential(
        *(*conv(3, 32), nn.MaxPool2d(3), nn.Dropout(0.25)),
        *(*conv(32, 64), *conv(64, 64), nn.MaxPool2d(2), nn.Dropout(0.25)),
        *(*conv(64, 128), *conv(128, 128), nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten()),
    )
    norm = nn.BatchNorm1d(1024, eps=1e-3, momentum=0.01)
    return nn.Sequential(maps, nn.Linear(_width(maps, size), 1024), nn.ReLU(), norm, nn.Dropout(0.5))


def _logonet(size: int) -> nn.Module:
    """The logos tutorial's, after AlexNet: 96 channels of 11 x 11 in steps of 4, 192 of 5 x 5, then 4096."""
    maps = nn.Sequential(
        *(nn.Conv2d(3, 96, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(96, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten()),
    )
    return nn.Sequential(maps, nn.Linear(_width(maps, size), 4096), nn.ReLU(), nn.Dropout(0.5))


def _compact(size: int) -> nn.Module:
    return Compact()


def _lite0(size: int) -> nn.Module:
    """EfficientNet-Lite0 with its ImageNet weights, for fine-tuning as a whole."""
    return lite0_torch.Trunk(size)


_FEATURES = {
    "lite0": _lite0,
    "adnet": _adnet,
    "lenet5": _lenet5,
    "smallervgg": _smallervgg,
    "logonet": _logonet,
    "compact": _compact,
}

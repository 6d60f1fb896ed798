"""How often photos are shown, which an epoch draws, and how two become one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from goodsight.arrays import Ints

_TYPICAL = 3000


def passes(epochs: int, photos: int, most: int) -> int:
    """Passes over so many photos that show the network as many as ``epochs`` passes over 3,000 would; 3 to ``most``."""
    return int(np.clip(epochs * _TYPICAL // photos, 3, most))


def even_draw(labels: Ints) -> npt.NDArray[np.float64]:
    """The chance (n,) of each photo to be drawn: a class is drawn in proportion to the square root of its size."""
    weight = 1 / np.sqrt(np.bincount(labels)[labels])
    return np.asarray(weight / weight.sum(), np.float64)


def spread_draw(chance: npt.NDArray[np.float64], count: int, draw: np.random.Generator) -> Ints:
    """Draw ``count`` of n by their chances (n,), in a random order and each as near to its expected number as can be.

    With equal chances and a count of n each comes once, where independent draws would leave out a third.
    """
    order = draw.permutation(len(chance))
    reached = np.cumsum(chance[order])
    points = (np.arange(count) + draw.random()) / count * reached[-1]
    return np.asarray(draw.permutation(order[np.searchsorted(reached, points).clip(max=len(order) - 1)]))


def mixed(x: Tensor, shares: Tensor, alpha: float, draw: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang et al. 2018): each photo fades into another, and its label with it.

    Args:
        x: a batch (n, ...).
        shares: class shares (n, classes).
        alpha: of the Beta distribution; 0 for no mixup.
        draw: random numbers.

    """
    if not alpha:
        return x, shares
    share = 1 - float(draw.beta(alpha, alpha))
    other = torch.from_numpy(draw.permutation(len(x))).to(x.device)
    return x.lerp(x[other], share), shares.lerp(shares[other], share)

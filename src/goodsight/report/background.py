"""Whether what an answer rests on lies outside the product: where the photo's background is, found without a network.

The background is what colours change little from the photo's edge on: the geodesic distance to the edge of Wei et al.
2012 (Geodesic Saliency Using Background Priors), and the cut of Otsu 1979 (A Threshold Selection Method from Gray-Level
Histograms). Nothing is said of a photo whose product fills it, or cannot be told from what is around it.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation, binary_fill_holes, binary_opening
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from goodsight.arrays import Array, Bools, Doubles, Floats

SIDE = 40
"""The photo's longer side in pixels, for this."""


MOSTLY = 0.5
"""So much of the evidence is most of it."""


_SAME = 0.03
"""Colours that are so near to each other (of 1) are the same: light falls off slowly."""


_CLEAR = 0.25
"""How far the product must be from the edge, on average, to be told from it."""


_SOLID = 0.75
"""The share of what was found that must be no thin line."""


_BESIDE = 2
"""Pixels around a product that count as the product."""


_PRODUCT = (0.1, 0.7)
"""The share of a photo that a product may take, for anything to be said."""


def mostly(picture: Image.Image, evidence: Array) -> bool:
    """Whether most of the evidence lies on the background.

    Args:
        picture: the photo, in any size.
        evidence: how much there is at each place of the photo (height, width), 0 or more.

    """
    small = picture.convert("RGB")
    small.thumbnail((SIDE, SIDE))
    product = _product(np.asarray(small, np.float64) / 255)
    if not _PRODUCT[0] <= product.mean() <= _PRODUCT[1]:
        return False
    weight = np.asarray(Image.fromarray(np.asarray(evidence, np.float32)).resize(small.size, Image.Resampling.BOX))
    total = float(weight.sum())
    # The evidence is coarse: what is right beside the product is the product's.
    beyond = ~binary_dilation(product, iterations=_BESIDE)
    return total > 0 and float(weight[beyond].sum()) >= MOSTLY * total


def _product(pixels: Doubles) -> Bools:
    """Where the product is (height, width); nowhere when it cannot be told."""
    away = _from_the_edge(pixels)
    inside = away > _otsu(away)
    if not inside.any() or away[inside].mean() - away[~inside].mean() < _CLEAR:
        return np.zeros(away.shape, bool)
    filled = binary_fill_holes(inside)
    if binary_opening(filled, np.ones((3, 3), bool)).sum() < _SOLID * filled.sum():
        # A product that leaves the photo is seen as its outline only.
        return np.zeros(away.shape, bool)
    return np.asarray(filled)


def _from_the_edge(pixels: Doubles) -> Doubles:
    """How much colours change, at least, on the way from the edge to each place (height, width)."""
    height, width = pixels.shape[:2]
    numbers = np.arange(height * width).reshape(height, width)
    begins, ends, weights = [], [], []
    for one, two in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        change = np.linalg.norm(pixels[one] - pixels[two], axis=-1).ravel()
        begins.append(numbers[one].ravel())
        ends.append(numbers[two].ravel())
        # Not 0, which would be no way at all.
        weights.append(np.maximum(change - _SAME, 1e-6))
    shape = (numbers.size, numbers.size)
    graph = coo_matrix((np.concatenate(weights), (np.concatenate(begins), np.concatenate(ends))), shape).tocsr()
    edge = np.unique(np.concatenate([numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1]]))
    away = dijkstra(graph, directed=False, indices=edge, min_only=True)
    return np.asarray(away.reshape(height, width), np.float64)


def _otsu(values: Floats) -> float:
    """The cut that leaves the least variance within both sides."""
    counts, ends = np.histogram(values, 64)
    middles = (ends[1:] + ends[:-1]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(ends[1 + int(np.nanargmax(between[:-1]))])

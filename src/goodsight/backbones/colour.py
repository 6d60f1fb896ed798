"""The colours of what a photo shows, as a part of a network: soft histograms in CIE Lab, without the white ground.

A network's own features mix a product's colour with its kind, because in its training the two came together. These
columns know of no shape: a pixel counts by how far it is from white, from the rim, and from skin, and by how much the
network's answer rests on that place (class activation maps, Zhou et al. 2016). The histogram is finer near grey, where
the names of pale colours are decided, and its roots are kept (Hellinger distance). A second one, in which colourful
pixels count more, tells the colour of checks on white.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from goodsight.backbones.graph import Value

_LIGHT = range(4, 104, 12)
_TINTS = [(a, b) for a in range(-28, 29, 7) for b in range(-28, 29, 7) if a * a + b * b < 27**2]
_TINT = sorted({a for a, _ in _TINTS})
WIDTH = len(_LIGHT) * len(_TINTS) * 2 + 6
"""Two histograms, and the mean colour under the weights of each."""
_GRID = 56


def block(pixels: Value, evidence: Value, size: int) -> Value:
    """RGB (n, 3, size, size) from 0 to 255 and evidence (n, h, w) from 0 to 1 become (n, WIDTH)."""
    from goodsight.backbones.graph import joined

    graph, step = pixels.graph, max(1, size // _GRID)
    side = size // step
    light, a, b = _lab(graph.add("AveragePool", pixels, kernel_shape=[step, step], strides=[step, step]))
    evidence = evidence.opened(1).scaled(side).take(1, 0)
    chroma = (a * a + b * b + 1e-4).sqrt()
    weight = _weight(light, a, b, chroma, evidence, side)
    # Arcsinh spreads the pale colours and keeps the strong ones within the grid.
    tenth = chroma / 10
    narrow = graph.add("Log", tenth + (tenth**2 + 1).sqrt()) * 10 / chroma
    places = [one.reshaped(-1, side * side) for one in (light / 100, a * narrow / 30, b * narrow / 30)]
    weights = joined([one.reshaped(-1, 1, side * side) for one in (weight, weight * chroma)], 1)
    weights = weights / (weights.sum(2, keep=True) + 1e-6)
    lights = _near(places[0] * 100, list(_LIGHT), 7.0)
    greens, blues = (_near(place * 30, _TINT, 4.5) for place in places[1:])
    tints = greens.take(1, [_TINT.index(a) for a, _ in _TINTS]) * blues.take(1, [_TINT.index(b) for _, b in _TINTS])
    rows = (weights.opened(2) * lights.opened(1)).reshaped(-1, 2 * len(_LIGHT), side * side)
    histogram = (rows @ tints.turned(0, 2, 1)).reshaped(-1, WIDTH - 6)
    means = weights @ joined([place.opened(2) for place in places], 2)
    return joined([(histogram + 1e-6).sqrt(), means.reshaped(-1, 6)], 1)


def _weight(light: Value, a: Value, b: Value, chroma: Value, evidence: Value, side: int) -> Value:
    """How much each pixel counts (n, side, side): what is in the middle, looked at, and neither white nor skin."""
    centre = light.graph.weight(_centre(side))
    ground = (-((100 - light) ** 2 + a * a + b * b) / 25).exp()
    # The hue of skin, about 49 degrees, as a distance on the circle of hues.
    hue = 2 - (a * 0.66 + b * 0.75) * 2 / chroma
    skin = (-hue / 0.09 - ((chroma - 25) / 10) ** 2 - ((light - 65) / 20) ** 2).exp()
    return (1 - ground) * centre * evidence * (1 - skin)


def _centre(side: int) -> npt.NDArray[np.floating]:
    """How near each pixel is to the middle (side, side)."""
    place = (np.arange(side) + 0.5) * 2 / side - 1
    return np.asarray(np.exp(-2 * (place[:, None] ** 2 + place**2)))


def _lab(rgb: Value) -> tuple[Value, Value, Value]:
    """CIE Lab (D65) of sRGB; written out, because a matrix product would be worked out in half precision."""
    add, x = rgb.graph.add, rgb / 255
    x = add("Where", add("Greater", x, 0.04045), ((x.clip(0.04) + 0.055) / 1.055) ** 2.4, x / 12.92)
    r, g, b = (x.take(1, colour) for colour in range(3))
    one, two, three = (
        add("Where", add("Greater", v, 0.008856), v.clip(0.008) ** (1 / 3), v * 7.787 + 16 / 116)
        for v in (
            r * 0.4339532 + g * 0.3762198 + b * 0.1898270,
            r * 0.2126729 + g * 0.7151522 + b * 0.0721750,
            r * 0.0177578 + g * 0.1094768 + b * 0.8727654,
        )
    )
    return two * 116 - 16, (one - two) * 500, (two - three) * 200


def _near(values: Value, centres: list[int], spread: float) -> Value:
    """How much each value (n, p) belongs to each centre (n, centres, p); the sum over centres is 1."""
    away = (values.opened(1) - values.graph.weight(np.array(centres, np.float32)[:, None])) / spread
    return values.graph.add("Softmax", -(away**2) / 2, axis=1)

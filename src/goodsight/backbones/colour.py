"""The colours of what a photo shows, as a part of a network: soft histograms in CIE Lab, without the white ground.

A network's own features mix a product's colour with its kind, because in its training the two came together. These
columns know of no shape: a pixel counts by how far it is from white, from the rim, and from skin, and by how much the
network's answer rests on that place (class activation maps, Zhou et al. 2016). The histogram is finer near grey, where
the names of pale colours are decided, and its roots are kept (Hellinger distance). A second one, in which colourful
pixels count more, tells the colour of checks on white.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_LIGHT = range(4, 104, 12)
_TINTS = [(a, b) for a in range(-28, 29, 7) for b in range(-28, 29, 7) if a * a + b * b < 27**2]
WIDTH = len(_LIGHT) * len(_TINTS) * 2 + 6
"""Two histograms, and the mean colour under the weights of each."""
_GRID = 56


def block() -> torch.nn.Module:
    """The module: RGB (n, 3, side, side) from 0 to 255 and evidence (n, h, w) from 0 to 1 become (n, WIDTH)."""
    import torch
    from torch import Tensor, nn
    from torch.nn import functional

    class Colour(nn.Module):
        def forward(self, pixels: Tensor, evidence: Tensor) -> Tensor:
            step = max(1, pixels.shape[2] // _GRID)
            light, a, b = _lab(functional.avg_pool2d(pixels, step))
            side = light.shape[1]
            evidence = functional.interpolate(evidence[:, None], (side, side), mode="bilinear")[:, 0]
            chroma = (a * a + b * b + 1e-4).sqrt()
            ground = torch.exp(-((100 - light) ** 2 + a * a + b * b) / 25)
            place = (torch.arange(side) + 0.5) * 2 / side - 1
            centre = torch.exp(-2 * (place[:, None] ** 2 + place**2))
            # The hue of skin, about 49 degrees, as a distance on the circle of hues.
            hue = 2 - 2 * (a * 0.66 + b * 0.75) / chroma
            skin = torch.exp(-hue / 0.09 - ((chroma - 25) / 10) ** 2 - ((light - 65) / 20) ** 2)
            weight = (1 - ground) * centre * evidence * (1 - skin)
            # Arcsinh spreads the pale colours and keeps the strong ones within the grid.
            narrow = torch.log(chroma / 10 + ((chroma / 10) ** 2 + 1).sqrt()) * 10 / chroma
            axes = [(light / 100).flatten(1), (a * narrow / 30).flatten(1), (b * narrow / 30).flatten(1)]
            weights = torch.stack([weight.flatten(1), (weight * chroma).flatten(1)], dim=1)
            weights = weights / (weights.sum(2, keepdim=True) + 1e-6)
            lights = _near(axes[0] * 100, list(_LIGHT), 7.0)
            greens = _near(axes[1] * 30, sorted({a for a, _ in _TINTS}), 4.5)
            blues = _near(axes[2] * 30, sorted({b for _, b in _TINTS}), 4.5)
            values = sorted({a for a, _ in _TINTS})
            tints = greens[:, [values.index(a) for a, _ in _TINTS]] * blues[:, [values.index(b) for _, b in _TINTS]]
            rows = (weights[:, :, None] * lights[:, None]).flatten(1, 2)
            histogram = (rows @ tints.transpose(1, 2)).flatten(1)
            means = weights @ torch.stack(axes, dim=2)
            return torch.cat([(histogram + 1e-6).sqrt(), means.flatten(1)], dim=1)

    def _lab(rgb: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """CIE Lab (D65) of sRGB; written out, because a matrix product would be worked out in half precision."""
        x = rgb / 255
        x = torch.where(x > 0.04045, ((x.clamp(min=0.04) + 0.055) / 1.055) ** 2.4, x / 12.92)
        r, g, b = x[:, 0], x[:, 1], x[:, 2]
        one = 0.4339532 * r + 0.3762198 * g + 0.1898270 * b
        two = 0.2126729 * r + 0.7151522 * g + 0.0721750 * b
        three = 0.0177578 * r + 0.1094768 * g + 0.8727654 * b
        one, two, three = (
            torch.where(v > 0.008856, v.clamp(min=0.008) ** (1 / 3), 7.787 * v + 16 / 116) for v in (one, two, three)
        )
        return 116 * two - 16, 500 * (one - two), 200 * (two - three)

    def _near(values: Tensor, centres: list[int], spread: float) -> Tensor:
        """How much each value (n, p) belongs to each centre (n, centres, p); the sum over centres is 1."""
        away = (values[:, None] - torch.tensor(centres, dtype=torch.float32)[:, None]) / spread
        return torch.softmax(-(away**2) / 2, dim=1)

    return Colour()

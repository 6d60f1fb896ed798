"""Augmentation of a batch of photos on the device that trains: geometry in one resampling, then light, then damage.

Geometry (random resized crop, flip, rotation, shear, zoom, shift) is one affine map per photo, so pixels are
interpolated once. Damage (blur, darkness, JPEG blocks, erased squares) strikes a random part of the batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Augment:
    """How much of each; 0 switches it off.

    Attributes:
        crop: the least area of a random crop, as a share of the photo; its sides' ratio is up to 4:3 either way.
        flip: chance of a mirrored photo.
        rotate: degrees, either way.
        shear: as a tangent, either way.
        shift: share of the side, either way.
        brightness: factor of the light, up to 1 + this either way.
        contrast: likewise, of the distance to the photo's mean.
        colour: likewise, of the distance to grey, and a tenth of it as a cast on each colour.
        blur: chance of a Gaussian blur of sigma 0.5 to 2 pixels.
        dark: chance of 15 to 60 % of the light.
        jpeg: chance of JPEG blocks of quality 10 to 50.
        erase: chance of a grey rectangle over 5 to 25 % of the photo.
        mixup: the alpha of mixup (Zhang et al. 2018), 0 for none; applied by the loop, which knows the labels.

    """

    crop: float = 0.5
    flip: float = 0.5
    rotate: float = 10.0
    shear: float = 0.1
    shift: float = 0.05
    brightness: float = 0.3
    contrast: float = 0.3
    colour: float = 0.3
    blur: float = 0.0
    dark: float = 0.0
    jpeg: float = 0.0
    erase: float = 0.0
    mixup: float = 0.0

    def distorting(self) -> Augment:
        """The same with a fifth of the photos each blurred, darkened and damaged by JPEG."""
        return replace(self, blur=0.2, dark=0.2, jpeg=0.2)

    def __call__(self, pixels: Tensor, size: int, generator: torch.Generator) -> Tensor:
        """Augment a batch.

        Args:
            pixels: uint8 RGB (n, height, width, 3), white where there is no photo.
            size: side of the square to make, in pixels.
            generator: of random numbers, on the CPU, so that a seed means the same on every device.

        Returns:
            float32 (n, 3, size, size), 0 to 255.

        """
        x = self._geometry(pixels, size, generator)
        x = self._light(x, generator)
        for chance, damage in ((self.blur, _blur), (self.dark, _darken), (self.jpeg, jpeg), (self.erase, _erase)):
            struck = torch.rand(len(x), generator=generator) < chance
            if struck.any():
                rows = struck.nonzero()[:, 0].to(x.device)
                strength = torch.rand(len(rows), generator=generator).to(x.device)
                place = torch.rand(len(rows), 2, generator=generator).to(x.device)
                x = x.index_copy(0, rows, damage(x[rows], strength, place))
        return x

    def _geometry(self, pixels: Tensor, size: int, generator: torch.Generator) -> Tensor:
        n = len(pixels)

        def either_way(limit: float) -> Tensor:
            return (2 * torch.rand(n, generator=generator) - 1) * limit

        area = self.crop + (1 - self.crop) * torch.rand(n, generator=generator) if self.crop else torch.ones(n)
        ratio = torch.exp(either_way(math.log(4 / 3) / 2 if self.crop else 0.0))
        wide, high = (area.sqrt() * ratio).clamp(max=1), (area.sqrt() / ratio).clamp(max=1)
        across = either_way(1.0) * (1 - wide) + either_way(2 * self.shift)
        down = either_way(1.0) * (1 - high) + either_way(2 * self.shift)
        mirror = torch.where(torch.rand(n, generator=generator) < self.flip, -1.0, 1.0)
        angle, shear = either_way(math.radians(self.rotate)), either_way(self.shear)
        cos, sin = angle.cos(), angle.sin()
        matrix = torch.stack(
            [
                torch.stack([mirror * wide * cos, wide * (shear * cos - sin), across], dim=1),
                torch.stack([mirror * high * sin, high * (shear * sin + cos), down], dim=1),
            ],
            dim=1,
        ).to(pixels.device)
        # White is 0 for the resampling, so that what comes in from outside is white.
        x = pixels.permute(0, 3, 1, 2).float() - 255
        grid = functional.affine_grid(matrix, [n, 3, size, size], align_corners=False)
        return functional.grid_sample(x, grid, align_corners=False) + 255

    def _light(self, x: Tensor, generator: torch.Generator) -> Tensor:
        def factor(limit: float, *shape: int) -> Tensor:
            away = 2 * torch.rand((len(x), *shape), generator=generator) - 1
            return torch.exp(away * math.log1p(limit)).to(x.device)

        if self.colour:
            grey = luma(x)
            x = grey + (x - grey) * factor(self.colour, 1, 1, 1)
            x = x * factor(self.colour / 10, 3, 1, 1)
        if self.contrast:
            mean = x.mean((1, 2, 3), keepdim=True)
            x = mean + (x - mean) * factor(self.contrast, 1, 1, 1)
        if self.brightness:
            x = x * factor(self.brightness, 1, 1, 1)
        return x.clamp(0, 255)


NONE = Augment(0, 0, 0, 0, 0, 0, 0, 0)


def to_pixels(x: Tensor) -> npt.NDArray[np.uint8]:
    """Photos (n, 3, height, width) of 0 to 255 as uint8 RGB (n, height, width, 3), as a network of ours takes them."""
    return np.asarray(x.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous())


def luma(x: Tensor) -> Tensor:
    """Grey (n, 1, h, w) of RGB (n, 3, h, w)."""
    return (x * torch.tensor(_LUMA, device=x.device, dtype=x.dtype).view(1, 3, 1, 1)).sum(1, keepdim=True)


def _blur(x: Tensor, strength: Tensor, place: Tensor) -> Tensor:
    away = torch.arange(-4, 5, device=x.device)
    weights = torch.exp(-(away**2) / (2 * (0.5 + 1.5 * strength[:, None]) ** 2))
    weights = weights / weights.sum(1, keepdim=True)
    n, _, high, wide = x.shape
    flat = functional.pad(x.transpose(0, 1), (4, 4, 4, 4), mode="replicate")  # (3, n, ...): one kernel per photo
    flat = functional.conv2d(flat, weights.view(n, 1, 1, 9), groups=n)
    flat = functional.conv2d(flat, weights.view(n, 1, 9, 1), groups=n)
    return flat.transpose(0, 1).reshape(n, 3, high, wide)


def _darken(x: Tensor, strength: Tensor, place: Tensor) -> Tensor:
    return x * (0.15 + 0.45 * strength.view(-1, 1, 1, 1))


def _erase(x: Tensor, strength: Tensor, place: Tensor) -> Tensor:
    side = (0.05 + 0.2 * strength).sqrt()[:, None]
    position = torch.linspace(0, 1, x.shape[-1], device=x.device)
    down, across = (((position - at * (1 - side) - side / 2).abs() * 2 < side) for at in (place[:, :1], place[:, 1:]))
    return torch.where(down[:, None, :, None] & across[:, None, None, :], x.new_tensor(128.0), x)


def jpeg(x: Tensor, strength: Tensor, place: Tensor) -> Tensor:
    """The blocks of a JPEG of quality 10 to 50: 8 x 8 cosine transforms, rounded by the standard's luminance table.

    Colours are kept at full resolution. Source: ITU-T T.81, annexes A.3.3 and K.1; qualities scaled as libjpeg does.
    """
    n, _, high, wide = x.shape
    square = functional.pad(x, (0, -wide % 8, 0, -high % 8), mode="replicate")
    k = torch.arange(8, device=x.device, dtype=x.dtype)
    cosine = torch.cos((2 * k[None] + 1) * k[:, None] * math.pi / 16) / 2
    cosine[0] /= math.sqrt(2)
    blocks = square.reshape(n, 3, square.shape[2] // 8, 8, square.shape[3] // 8, 8).transpose(3, 4) - 128
    quality = 10 + 40 * strength
    table = torch.tensor(_TABLE, device=x.device, dtype=x.dtype).view(1, 1, 1, 1, 8, 8)
    step = (table * (50 / quality).view(-1, 1, 1, 1, 1, 1)).clamp(1, 255)
    rounded = torch.round(cosine @ blocks @ cosine.T / step) * step
    blocks = cosine.T @ rounded @ cosine + 128
    return blocks.transpose(3, 4).reshape(square.shape)[:, :, :high, :wide].clamp(0, 255)


_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)

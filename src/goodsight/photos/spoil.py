"""Ways to spoil a photo: blur, darkness, JPEG damage, rotation, noise, small size."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from goodsight.arrays import Pixels
from goodsight.photos import decoder

Kind = Literal["blur", "darkness", "JPEG damage", "rotation", "noise", "small size"]


@dataclass(frozen=True)
class Condition:
    """One way to spoil a photo: what is done, how much of it (strength 1, 2 or 3), and that as a value with a unit."""

    kind: Kind
    strength: int
    value: float
    unit: str


_VALUES: tuple[tuple[Kind, str, tuple[float, float, float]], ...] = (
    ("blur", "% of the longer side", (0.5, 1, 2)),
    ("darkness", "% of the light", (40, 15, 5)),
    ("JPEG damage", "% quality", (30, 15, 5)),
    ("rotation", "degrees", (10, 20, 45)),
    ("noise", "grey levels", (10, 25, 50)),
    ("small size", "px", (64, 32, 16)),
)


CONDITIONS: tuple[Condition, ...] = tuple(
    Condition(kind, strength, value, unit) for kind, unit, values in _VALUES for strength, value in enumerate(values, 1)
)
"""All kinds, each from weak to strong.

Blur: the radius (standard deviation) of a Gaussian, so that small and large photos suffer alike. Darkness: the light
that is kept. JPEG damage: the quality setting. Rotation: white corners, nothing enlarged. Noise: the standard deviation
of a Gaussian. Small size: the longer side before the photo is enlarged again.
"""


def spoil(pixels: Pixels, condition: Condition, seed: int) -> Pixels:
    """A photo as the network would get it, had it been taken or kept badly.

    It works on the decoded square, so white padding is spoilt with the rest (a dark photo has dark bars), and a
    square that is no larger than a small size stays as it is.

    Args:
        pixels: uint8 RGB, shape (side, side, 3), as :func:`goodsight.photos.decoder.decode` makes it.
        condition: what to do.
        seed: 0 or more; of the noise, and of the way it is turned. The same seed gives the same pixels.

    Returns:
        uint8 RGB of the same shape; maybe read-only.

    """
    return _WAYS[condition.kind](pixels, condition.value, seed)


def _blur(pixels: Pixels, percent: float, _: int) -> Pixels:
    # The longer side of the photo is the side of the square.
    radius = percent / 100 * len(pixels)
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def _darken(pixels: Pixels, percent: float, _: int) -> Pixels:
    return np.asarray(_darker(percent / 100)[pixels])


@cache
def _darker(share: float) -> Pixels:
    """The grey level (256,) that each sRGB grey level becomes when that share of its light is left."""
    grey = np.arange(256) / 255
    light = share * np.where(grey <= 0.04045, grey / 12.92, ((grey + 0.055) / 1.055) ** 2.4)
    written = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * written), np.uint8)


def _squeeze(pixels: Pixels, quality: float, _: int) -> Pixels:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=int(quality))
    return np.asarray(decoder.open_rgb(stream.getvalue()))


def _turn(pixels: Pixels, degrees: float, seed: int) -> Pixels:
    angle = degrees if seed % 2 else -degrees
    return np.asarray(Image.fromarray(pixels).rotate(angle, Image.Resampling.BILINEAR, fillcolor="white"))


def _add_noise(pixels: Pixels, sigma: float, seed: int) -> Pixels:
    # Drawn from a bank: a fresh normal number for each value takes three times as long.
    drawn = np.random.default_rng(seed).integers(0, 2**16, pixels.shape, np.uint16)
    return np.asarray(np.clip(_noise(sigma)[drawn] + pixels, 0, 255), np.uint8)


@cache
def _noise(sigma: float) -> npt.NDArray[np.int16]:
    """65536 draws of Gaussian noise in grey levels."""
    return np.rint(sigma * np.random.default_rng(0).standard_normal(2**16)).astype(np.int16)


def _shrink(pixels: Pixels, longest: float, _: int) -> Pixels:
    side, small = len(pixels), min(int(longest), len(pixels))
    picture = Image.fromarray(pixels).resize((small, small), Image.Resampling.BILINEAR)
    return np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR))


_WAYS: dict[Kind, Callable[[Pixels, float, int], Pixels]] = {
    "blur": _blur,
    "darkness": _darken,
    "JPEG damage": _squeeze,
    "rotation": _turn,
    "noise": _add_noise,
    "small size": _shrink,
}

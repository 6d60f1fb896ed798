"""Random crops around logos, and what each place of a crop shows: a logo, none, or nobody knows.

A crop is as large as a logo and what is around it, so that a step of training costs a tenth of what a whole photo
does, and the network meets a logo in every size that a photo may have it in.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageStat

from goodsight.photos.boxes import Box

SIDE = 192
"""Of a crop, in pixels: with 128 the places near its edge, which are most, saw too little of what is around them."""
STRIDE = 32
"""Pixels from one place of the last maps to the next."""
PLACES = SIDE // STRIDE
_WHITE = (255, 255, 255)
_SMALLEST, _LARGEST = 24.0, 190.0
"""Of logos in crops, in pixels; as a square photo of 416 and one of 160 pixels show most of them."""
_READABLE, _WHOLE = 16.0, 300.0
"""Smaller logos are not learnt from, and of larger ones a place does not see enough."""
_SHAPE = 64.0
"""Sizes of boxes are told as logarithms of their share of this, in pixels."""


class Kind(IntEnum):
    """What a place of a crop shows: something else, the logo, perhaps a part of it, or the logo here or elsewhere."""

    NONE = 0
    LOGO = 1
    UNKNOWN = 2
    SOMEWHERE = 3


@dataclass(frozen=True)
class Crop:
    """A crop and what it shows.

    Attributes:
        pixels: RGB (SIDE, SIDE, 3), uint8.
        kinds: a :class:`Kind` for each place (PLACES, PLACES).
        shapes: of the logo at a place, centre relative to the place's, in strides, and the logarithms of its width
            and height in units of 64 pixels (PLACES, PLACES, 4).

    """

    pixels: npt.NDArray[np.uint8]
    kinds: npt.NDArray[np.uint8]
    shapes: npt.NDArray[np.float32]


def draw(
    photo: npt.NDArray[np.uint8], boxes: Sequence[Box], scales: tuple[float, float], brand: bool, seed: Sequence[int]
) -> Crop:
    """A random crop of a photo.

    Args:
        photo: RGB (side, side, 3), padded with white.
        boxes: of its logos, in pixels of ``photo``; may be empty.
        scales: in which the network will look at photos, of this size: 1, and a smaller one.
        brand: whether there is a logo, wherever it is.
        seed: of the random numbers.

    """
    random = np.random.default_rng(seed)
    frame = _frame(photo.shape[0], boxes, scales, brand, random)
    seen = [frame.box(box) for box in boxes]
    kinds, shapes = places(seen)
    if brand and not boxes:
        kinds[:] = Kind.SOMEWHERE
    return Crop(_light(frame.cut(photo, random), random), kinds, shapes)


def places(boxes: Sequence[Box]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """What each place of a crop shows: kinds (PLACES, PLACES), shapes (PLACES, PLACES, 4).

    A place shows a logo when its centre lies in the middle of it, or is the nearest to the logo's centre; one at its
    edge is not learnt from. Of two logos the smaller one counts.

    Args:
        boxes: in pixels of the crop, and perhaps beyond it.

    """
    at = (np.arange(PLACES) + 0.5) * STRIDE
    across, down = np.meshgrid(at, at)
    kinds = np.full((PLACES, PLACES), Kind.NONE, np.uint8)
    shapes = np.zeros((PLACES, PLACES, 4), np.float32)
    for left, top, right, bottom in sorted(boxes, key=_area, reverse=True):
        width, height, x, y = right - left, bottom - top, (left + right) / 2, (top + bottom) / 2
        from_x, from_y = np.abs(across - x), np.abs(down - y)
        near = (from_x < width / 2 + STRIDE / 2) & (from_y < height / 2 + STRIDE / 2)
        kinds[near & (kinds != Kind.LOGO)] = Kind.UNKNOWN
        inside = _area((max(left, 0.0), max(top, 0.0), min(right, float(SIDE)), min(bottom, float(SIDE))))
        if inside < 0.6 * width * height or not _READABLE <= max(width, height) <= _WHOLE:
            continue
        logo = (from_x < 0.4 * width) & (from_y < 0.4 * height)
        logo[min(int(max(y, 0) // STRIDE), PLACES - 1), min(int(max(x, 0) // STRIDE), PLACES - 1)] = True
        kinds[logo] = Kind.LOGO
        shapes[logo, 0], shapes[logo, 1] = (x - across[logo]) / STRIDE, (y - down[logo]) / STRIDE
        shapes[logo, 2:] = np.log([width / _SHAPE, height / _SHAPE])
    return kinds, shapes


def _area(box: Box) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


@dataclass(frozen=True)
class _Frame:
    """Where a crop lies: an affine map from the photo to the crop that brings ``centre`` to the crop's middle."""

    centre: npt.NDArray[np.float64]
    matrix: npt.NDArray[np.float64]
    scale: float

    def box(self, box: Box) -> Box:
        """A box of the photo in the crop; it is turned with its centre only, as turns are small."""
        left, top, right, bottom = box
        x, y = self.matrix @ (np.array([left + right, top + bottom]) / 2 - self.centre) + SIDE / 2
        width = (right - left) * float(np.linalg.norm(self.matrix[:, 0]))
        height = (bottom - top) * float(np.linalg.norm(self.matrix[:, 1]))
        return float(x - width / 2), float(y - height / 2), float(x + width / 2), float(y + height / 2)

    def cut(self, photo: npt.NDArray[np.uint8], random: np.random.Generator) -> Image.Image:
        """The crop's pixels, at times blurred, as of a photo that was enlarged, or damaged as by JPEG."""
        back = np.linalg.inv(self.matrix)
        half = int(np.ceil(np.abs(back).sum(axis=1).max() * SIDE / 2)) + 2
        left, top = (max(int(c) - half, 0) for c in self.centre)
        right, bottom = (min(int(c) + half + 1, photo.shape[0]) for c in self.centre)
        part = Image.fromarray(photo[top:bottom, left:right])
        # Pillow's affine map does not smooth, so what is shown much smaller is made smaller first.
        shrink = max(1, int(1.2 / self.scale))
        part = part.reduce(shrink) if shrink > 1 else part
        start = (self.centre - (left, top) - back @ np.full(2, SIDE / 2)) / shrink
        back = back / shrink
        data = (back[0, 0], back[0, 1], start[0], back[1, 0], back[1, 1], start[1])
        filters = (Image.Resampling.BICUBIC, Image.Resampling.BILINEAR)
        first, second, third = (filters[int(i)] for i in random.integers(2, size=3))
        crop = part.transform((SIDE, SIDE), Image.Transform.AFFINE, data, first, fillcolor=_WHITE)
        if random.random() < 0.35:
            # Photos without a logo are often smaller than those with one: sharpness must not tell them apart.
            less = int(SIDE * random.uniform(0.4, 0.9))
            crop = crop.resize((less, less), second).resize((SIDE, SIDE), third)
        if random.random() < 0.3:
            stream = io.BytesIO()
            crop.save(stream, "JPEG", quality=int(random.uniform(25, 80)))
            crop = Image.open(stream).convert("RGB")
        return crop


def _frame(
    side: int, boxes: Sequence[Box], scales: tuple[float, float], brand: bool, random: np.random.Generator
) -> _Frame:
    """Around a logo mostly; elsewhere for the rest, and where nobody knows where the logo is."""
    as_used = random.random() < 0.3
    if boxes and random.random() < 0.8:
        box = boxes[int(random.integers(len(boxes)))]
        longer = max(box[2] - box[0], box[3] - box[1])
        if as_used:
            scale = scales[longer * scales[0] >= _LARGEST] * _factor(0.15, random)
        else:
            scale = math.exp(random.uniform(math.log(_SMALLEST), math.log(_LARGEST))) / longer
        scale = min(max(scale, 0.15), 2.2)
        room = max(0.0, (SIDE / scale - longer) / 2) * 0.9
        centre = np.array([box[0] + box[2], box[1] + box[3]]) / 2 + random.uniform(-room, room, 2)
    else:
        whole = SIDE / side
        least, most = (whole * 0.95, 2.5 * whole) if brand and not boxes else (whole, 1.2)
        scale = math.exp(random.uniform(math.log(least), math.log(most)))
        if as_used and not (brand and not boxes):
            scale = scales[int(random.integers(2))]
        half = SIDE / 2 / scale
        centre = random.uniform(min(half, side / 2), max(side - half, side / 2), 2)
    turn = math.radians(random.uniform(-12, 12)) if random.random() < 0.7 else 0.0
    ratio, shear = _factor(0.15, random), random.uniform(-0.1, 0.1)
    cos, sin = math.cos(turn), math.sin(turn)
    return _Frame(centre, scale * np.array([[cos * ratio, -sin + shear], [sin, cos / ratio]]), scale)


def _light(crop: Image.Image, random: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Other light: colour, cast, contrast and brightness as one linear map of the three colours, which Pillow has."""
    colour, contrast, brightness = (_factor(limit, random) for limit in (0.4, 0.35, 0.3))
    turn = (colour * np.eye(3) + (1 - colour) / 3) * np.exp(random.uniform(-0.06, 0.06, (3, 1)))
    mean = float((turn @ ImageStat.Stat(crop).mean).mean())
    linear = np.hstack([turn * contrast, np.full((3, 1), mean * (1 - contrast))]) * brightness
    return np.asarray(crop.convert("RGB", tuple(linear.ravel().tolist())))


def _factor(limit: float, random: np.random.Generator) -> float:
    return math.exp(random.uniform(-limit, limit))

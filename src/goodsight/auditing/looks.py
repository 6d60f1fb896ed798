"""What the finders need to see of each photo: a small picture, its size, and measures of sharpness and light."""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import uniform_filter1d

from goodsight.arrays import Doubles, Floats, Ints, Pixels
from goodsight.catalog.rows import Row
from goodsight.embedding.filed import HELD
from goodsight.files import cache_folder
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto, Limits
from goodsight.progress import Progress

SIDE = 64
_BYTES = SIDE * SIDE * 3
_AT_LEAST = 192
_AHEAD = 256
_NEAR = 16


class Pictures:
    """Small pictures in a file without a name, which vanishes with them: 12 KB each would fill the memory.

    They are read, not mapped, as a map keeps every page that was ever looked at in this process's memory.
    """

    def __init__(self) -> None:
        self._stream = tempfile.TemporaryFile(dir=cache_folder(), prefix="goodsight-")  # noqa: SIM115
        self._alone = threading.Lock()
        self.close = weakref.finalize(self, self._stream.close)

    def __setitem__(self, place: int, picture: Pixels) -> None:
        """Put the picture (64, 64, 3) of a photo in its place."""
        with self._alone:
            self._stream.seek(place * _BYTES)
            self._stream.write(picture.tobytes())

    def __getitem__(self, places: Ints) -> Pixels:
        """The pictures (k, 64, 64, 3) of some photos (k,)."""
        found = np.empty((len(places), SIDE, SIDE, 3), np.uint8)
        with self._alone:
            for picture, place in zip(found, places.tolist(), strict=True):
                self._stream.seek(place * _BYTES)
                picture[:] = np.frombuffer(self._stream.read(_BYTES), np.uint8).reshape(picture.shape)
        return found


@dataclass(frozen=True)
class Looks:
    """How ``n`` photos look.

    Attributes:
        pictures: RGB (n, 64, 64, 3), uint8, without regard to their shape; of many photos they lie in a file.
        sizes: width and height in pixels, as stored (n, 2); 0 for a photo that cannot be read any more.
        blur: 0 (sharp) to 1, see :func:`blurriness` (n,).
        darkest: 5th percentile of lightness, 0 to 1 (n,).
        lightest: 95th percentile of lightness, 0 to 1 (n,).
        filled: the share of pixels that are clearly lighter or darker than the photo's median (n,).

    """

    pictures: Pixels | Pictures
    sizes: Ints
    blur: Doubles
    darkest: Doubles
    lightest: Doubles
    filled: Doubles


def look(rows: Sequence[Row], limits: Limits, progress: Progress) -> Looks:
    """Look at photos that were good a moment ago; one that is not any more counts as a black picture of no size."""
    pictures = Pictures() if len(rows) > HELD else np.zeros((len(rows), SIDE, SIDE, 3), np.uint8)
    sizes, measures = np.zeros((len(rows), 2), np.int64), np.zeros((len(rows), 4))
    for i, seen in enumerate(_seen(rows, limits)):
        if seen is not None:
            pictures[i], sizes[i], measures[i] = seen
        elif isinstance(pictures, Pictures):
            pictures[i] = np.zeros((SIDE, SIDE, 3), np.uint8)
        if i % 64 == 63 or i + 1 == len(rows):
            progress("look at the photos", i + 1, len(rows))
    return Looks(pictures, sizes, *measures.T)


_Seen = tuple[Pixels, tuple[int, int], tuple[float, float, float, float]]


def _seen(rows: Sequence[Row], limits: Limits) -> Iterator[_Seen | None]:
    """In order, some photos ahead, so that memory does not grow with their number."""
    with ThreadPoolExecutor(max(2, os.cpu_count() or 2), thread_name_prefix="goodsight-look") as pool:
        for begin in range(0, len(rows), _AHEAD):
            yield from pool.map(lambda row: _one(row, limits), rows[begin : begin + _AHEAD])


def _one(row: Row, limits: Limits) -> _Seen | None:
    try:
        data = decoder.read(row.path, limits)
        size = decoder.size(data, limits)
        picture = decoder.open_rgb(data, limits, at_least=_AT_LEAST)
    except BadPhoto:
        return None
    # Sharpness is judged at one scale: a big photo of a product need not be sharp to the last pixel.
    picture.thumbnail((2 * _AT_LEAST, 2 * _AT_LEAST), Image.Resampling.BOX)
    grey = picture.convert("L")
    small = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))
    below = np.cumsum(grey.histogram()) / (grey.width * grey.height)
    darkest, middle, lightest = np.searchsorted(below, [0.05, 0.5, 0.95]).tolist()
    usual = below[min(255, middle + _NEAR)] - (below[middle - _NEAR - 1] if middle > _NEAR else 0)
    return small, size, (_blur(grey), darkest / 255, lightest / 255, float(1 - usual))


def _blur(grey: Image.Image) -> float:
    """Also judged on a smaller scale, where the steps of 8 bits do not pass for detail of a very blurred photo."""
    return max(blurriness(np.asarray(scale, np.float32)) for scale in (grey, grey.reduce(3)))


def blurriness(grey: Floats) -> float:
    """How little is lost when a picture (height, width) is blurred more: 0 for a sharp one, 1 for one without detail.

    Source: Crété-Roffet et al. 2007, The Blur Effect.
    """
    if min(grey.shape) < 3:
        return 0.0
    worst = 0.0
    for axis in (0, 1):
        before = np.abs(np.diff(grey, axis=axis))
        after = np.abs(np.diff(uniform_filter1d(grey, 9, axis=axis), axis=axis))
        total = float(before.sum())
        lost = float(np.maximum(before - after, 0).sum())
        worst = max(worst, (total - lost) / total if total > 0 else 1.0)
    return worst

"""Near twins that training's quick check misses: cropped, turned by a little, mirrored, or written on.

Photos that are near each other in the embedding are laid over each other. What is compared is detail (a picture less
its blurred self), so light does not matter and two products on white are not twins; the best correlation over small
shifts, scales, turns and mirroring counts, found by Fourier transforms (as in Kuglin and Hines 1975, The Phase
Correlation Image Alignment Method), first on small pictures for the way of turning, then on larger ones.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import fft, sparse
from scipy.ndimage import uniform_filter1d

from goodsight.arrays import Array, Bools, Ints, Pixels
from goodsight.auditing.looks import Pictures
from goodsight.progress import Progress

NEIGHBOURS = 6
WORTH = 0.5
"""Cosine of embeddings from which photos are laid over each other; of twins, 99 in 100 have more."""
SAME = 0.98
"""Correlation of detail plus a quarter of the cosine, from which on pairs are twins; chosen on fashion photos."""
_COARSE, _FINE = 32, 64
_SMOOTH = 7
_SHIFT = 1 / 7
_CHUNK = 256
WAYS = (
    *((scale, 0.0, mirrored) for mirrored in (False, True) for scale in (1.0, 0.95, 0.9, 1.05, 1.11)),
    *((1.0, turn, mirrored) for mirrored in (False, True) for turn in (-3.0, 3.0)),
)
"""How one picture may have been made from the other: scale, turn in degrees, mirrored."""


def alike(pictures: Pixels | Pictures, pairs: Ints, progress: Progress) -> Array:
    """The best correlation of detail of each pair, -1 to 1.

    Args:
        pictures: RGB (n, 64, 64, 3).
        pairs: (m, 2).
        progress: told the pairs.

    """
    found = np.empty(len(pairs), np.float32)
    chunks = [pairs[begin : begin + _CHUNK] for begin in range(0, len(pairs), _CHUNK)]
    with ThreadPoolExecutor(max(2, os.cpu_count() or 2), thread_name_prefix="goodsight-align") as pool:
        done = 0
        for correlation in pool.map(lambda chunk: _aligned(pictures, chunk), chunks):
            found[done : done + len(correlation)] = correlation
            done += len(correlation)
            progress("lay pairs over each other", done, len(pairs))
    return found


def twins(correlation: Array, cosine: Array) -> Bools:
    """Which pairs (m,) are near twins."""
    return np.asarray(correlation + cosine / 4 >= SAME)


def _aligned(pictures: Pixels | Pictures, pairs: Ints) -> Array:
    (firsts, one), (seconds, other) = (np.unique(column, return_inverse=True) for column in pairs.T)
    laid, plain = _small(pictures[firsts]), np.conj(_spectra(_small(pictures[seconds]), WAYS[0]))[other]
    heights = np.stack([_peak(_spectra(laid, way)[one] * plain, _COARSE) for way in WAYS])
    ways, best = heights.argmax(axis=0), np.empty(len(pairs), np.float32)
    for number in np.unique(ways):
        rows = np.flatnonzero(ways == number)
        (firsts, one), (seconds, other) = (np.unique(column, return_inverse=True) for column in pairs[rows].T)
        a = _spectra(_detail(pictures[firsts].astype(np.float32)), WAYS[number])
        b = _spectra(_detail(pictures[seconds].astype(np.float32)), WAYS[0])
        best[rows] = _peak(a[one] * np.conj(b)[other], _FINE)
    return best


def _small(pictures: Pixels) -> Array:
    """The detail of grey pictures (n, 32, 32, 1)."""
    grey = pictures.reshape(len(pictures), _COARSE, 2, _COARSE, 2, 3).sum(axis=(2, 4, 5), dtype=np.uint32)
    return _detail(grey[..., None].astype(np.float32))


def _detail(pictures: Array) -> Array:
    """Pictures (n, side, side, 3) without their slow changes."""
    width = _SMOOTH if pictures.shape[1] == _FINE else _SMOOTH // 2
    smooth = uniform_filter1d(uniform_filter1d(pictures, width, 1, mode="nearest"), width, 2, mode="nearest")
    return np.asarray(pictures - smooth, np.float32)


def _spectra(detail: Array, way: tuple[float, float, bool]) -> npt.NDArray[np.complex64]:
    """Fourier transforms (n, channels, side, side / 2 + 1) of windowed detail of unit length, laid one way."""
    count, side, _, channels = detail.shape
    if way != WAYS[0]:
        flat = detail.transpose(1, 2, 0, 3).reshape(side * side, -1)
        detail = (_way(side, way) @ flat).reshape(side, side, count, channels).transpose(2, 0, 1, 3)
    edge = np.sqrt(np.hanning(side + 2)[1:-1]).astype(np.float32)
    x = (detail * (edge[:, None] * edge)[None, :, :, None]).transpose(0, 3, 1, 2)
    length = np.sqrt(np.einsum("ncij,ncij->n", x, x))
    return np.asarray(fft.rfft2(x / np.maximum(length, 1e-3)[:, None, None, None]))


def _peak(product: npt.NDArray[np.complex64], side: int) -> Array:
    """The highest correlation over shifts of up to a seventh of the side."""
    surface = fft.irfft2(product.sum(axis=1), s=(side, side))
    near = np.r_[0 : int(side * _SHIFT) + 1, side - int(side * _SHIFT) : side]
    return np.asarray(surface[:, near][:, :, near].max(axis=(1, 2)), np.float32)


@cache
def _way(side: int, way: tuple[float, float, bool]) -> sparse.csr_array:
    """A matrix (side * side, side * side) that scales, turns and mirrors a picture about its centre, bilinear."""
    scale, turn, mirrored = way
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    x = -x if mirrored else x
    cosine, sine = scale * np.cos(np.deg2rad(turn)), scale * np.sin(np.deg2rad(turn))
    from_x = np.clip(cosine * x - sine * y + (side - 1) / 2, 0, side - 1.001)
    from_y = np.clip(sine * x + cosine * y + (side - 1) / 2, 0, side - 1.001)
    left, top = from_x.astype(int), from_y.astype(int)
    right, down = (from_x - left).ravel(), (from_y - top).ravel()
    corner = (top * side + left).ravel()
    weights = [(1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down]
    places = [corner, corner + 1, corner + side, corner + side + 1]
    rows = np.tile(np.arange(side * side), 4)
    values = np.concatenate(weights).astype(np.float32)
    return sparse.csr_array((values, (rows, np.concatenate(places))), shape=(side * side, side * side))

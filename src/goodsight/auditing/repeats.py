"""One photo against the few that are nearest to it: which of them are the same photo, made anew?

As :mod:`goodsight.auditing.copies`, which compares all photos of a folder with each other, but for one photo at a time
and where most of those near it are of the same kind of thing, often worn by the same person in the same pose. Pictures
are laid over each other on a coarse scale in all ways at once, the best few on a finer one; there what has changed in
colour is counted as well, light and contrast apart: another shirt is another photo, a price written over it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import fft, sparse
from scipy.ndimage import uniform_filter1d

from goodsight.arrays import Array, Bools, Doubles, Half, Pixels
from goodsight.auditing import topic
from goodsight.backbones.backbone import Backbone

SIDE = 64
NEIGHBOURS = 16
"""Photos that one is compared with; of eight kinds of copies the original is among them in 999 of 1,000."""
WORTH = 0.7
"""Cosine of sketches from which they are; of those copies, 999 in 1,000 have more."""
IN_VAIN = 2
"""Photos that one is laid over on the finer scale, the likest first, and is no copy of, before the rest is left."""
_COARSE = SIDE // 2
_LEAST = 0.5
"""Correlation on the coarse scale from which that is done; of copies, 99 in 100 have more."""
_SHIFT = 1 / 7
_SMOOTH = 7
_FEWEST = 1200
"""Pixels that two pictures must have in common."""
_CHANGED, _PLAIN = 8.0, 12.0
"""Values by which a pixel has changed, and by which it is no part of a plain ground."""
_MAY_DIFFER = 0.15
"""The share of a picture that a text or a logo may cover."""
_DETAIL, _COLOUR, _FEATURES, _SAME = 6.01, 1.57, 2.04, 14.91
"""Weights of a logistic regression and its bar, learnt on copies of 2,250 of 15,268 photos of ads, clothes and shops;
of what passes it, one in 150 is another photo."""
WAYS: tuple[tuple[float, float, bool], ...] = (
    *((scale, 0.0, mirrored) for mirrored in (False, True) for scale in (1.0, 0.95, 0.9, 0.86, 1.05, 1.11, 1.165)),
    *((1.0, turn, mirrored) for mirrored in (False, True) for turn in (-3.0, 3.0)),
)
"""How one picture may have been made from the other: scale, turn in degrees, mirrored."""
Way = tuple[float, float, bool]
Spectra = npt.NDArray[np.complex64]


@dataclass(frozen=True)
class Likeness:
    """How alike two pictures are.

    Attributes:
        similarity: the correlation of their detail, laid over each other, 0 to 1.
        same: whether one was made from the other.

    """

    similarity: float
    same: bool


def sketch(vector: Half, backbone: Backbone) -> Half:
    """What photos are found by (256,), float16: a projection of the last features of a network (width,)."""
    features = vector[None, backbone.columns("head") or slice(None)].astype(np.float32)
    found = (topic.hellinger(features) @ _directions(features.shape[1]))[0]
    return np.asarray(found / max(float(np.linalg.norm(found)), 1e-9), np.float16)


def picture(pixels: Pixels) -> Pixels:
    """What photos are laid over each other by (64, 64, 3), from the square that a network is given.

    White bands that a square is filled up with would be alike in all photos of one shape: they are filled with what is
    next to them.
    """
    return np.asarray(Image.fromarray(_filled(pixels)).resize((SIDE, SIDE), Image.Resampling.BOX))


def _filled(pixels: Pixels) -> Pixels:
    white = (pixels == 255).all(axis=2)
    for axis in (0, 1):
        full = white.all(axis=1 - axis)
        edge = min(int(np.argmin(full)), int(np.argmin(full[::-1]))) if not full.all() else 0
        if edge:
            filled = np.moveaxis(pixels.copy(), axis, 0)
            filled[:edge], filled[len(filled) - edge :] = filled[edge], filled[len(filled) - edge - 1]
            return np.ascontiguousarray(np.moveaxis(filled, 0, axis))
    return pixels


def likenesses(one: Pixels, others: Sequence[Pixels], cosines: Array) -> list[Likeness]:
    """How alike a picture is to each of some others.

    Args:
        one: as :func:`picture` makes it.
        others: as many as there are ``cosines``.
        cosines: of their sketches.

    """
    if not len(others):
        return []
    coarse, ways = _coarsely(one, np.stack(others))
    found = [Likeness(max(float(c), 0.0), False) for c in coarse]
    in_vain = 0
    for i in np.argsort(-coarse).tolist():
        if coarse[i] < _LEAST or in_vain == IN_VAIN:
            break
        found[i] = _finely(one, others[i], WAYS[ways[i]], float(cosines[i]))
        in_vain += not found[i].same
    return found


def _coarsely(one: Pixels, others: Pixels) -> tuple[Array, npt.NDArray[np.int64]]:
    """The best correlation with each of the others (n,) over all ways and small shifts, and the number of the way."""
    laid = (_ways() @ _grey(one[None]).ravel()).reshape(len(WAYS), _COARSE, _COARSE)
    product = _spectra(laid)[:, None] * np.conj(_spectra(_grey(others)))[None]
    surface = fft.irfft2(product, s=(_COARSE, _COARSE))
    near = _shifts(_COARSE)
    best = surface[:, :, near][:, :, :, near].max(axis=(2, 3))
    return best.max(axis=0), best.argmax(axis=0)


def _finely(one: Pixels, other: Pixels, way: Way, cosine: float) -> Likeness:
    first, second = one.astype(np.float32), other.astype(np.float32)
    product = (_spectra(_channels(_laid(first, way)[0])) * np.conj(_spectra(_channels(second)))).sum(axis=0)
    near = _shifts(SIDE)
    surface = fft.irfft2(product, s=(SIDE, SIDE))[near][:, near]
    row, column = np.unravel_index(surface.argmax(), surface.shape)
    laid, inside = _laid(first, way, (int(near[row]), int(near[column])))
    if inside.sum() < _FEWEST:
        return Likeness(0.0, False)
    detail = _correlation(np.where(inside[..., None], laid, second), second, inside)
    changed = _changed(laid[inside].T.copy(), second[inside].T.copy(), _window(SIDE)[inside])
    score = -_DETAIL * np.log(1.02 - detail) - _COLOUR * np.log(0.02 + changed) - _FEATURES * np.log(1.02 - cosine)
    return Likeness(max(detail, 0.0), bool(score >= _SAME))


def _correlation(first: Array, second: Array, inside: Bools) -> float:
    """Of the detail of two pictures (64, 64, 3), where both are there and less towards the edges."""
    one, two = (np.moveaxis(_channels(picture), 0, -1)[inside] for picture in (first, second))
    weight = _window(SIDE)[inside][:, None]
    length = np.sqrt((one * one * weight).sum() * (two * two * weight).sum() + 1)
    return min(float((one * two * weight).sum() / length), 1.0)


def _changed(first: Array, second: Array, weight: Array) -> float:
    """The share of what is no plain ground that has another colour in two pictures (3, pixels), light apart."""
    kept = np.ones(first.shape[1], bool)
    for _ in range(3):
        one, two = first[:, kept], second[:, kept]
        mean, other = one.mean(), two.mean()
        contrast = float(((one - mean) * (two - other)).mean() / (one.var() + 1))
        adapted = np.clip(min(max(contrast, 0.55), 1.8) * (first - mean) + other, 0, 255)
        differ = np.abs(adapted - second).max(axis=0)
        kept = differ <= np.quantile(differ, 1 - _MAY_DIFFER)
    plain = [np.abs(p - np.median(p, axis=1, keepdims=True)).max(axis=0) <= _PLAIN for p in (first, second)]
    shown = weight * ~(plain[0] & plain[1])
    return float((shown * (differ > _CHANGED)).sum() / max(shown.sum(), 15.0))


def _grey(pictures: Pixels) -> Array:
    """The detail of grey pictures (n, 32, 32)."""
    grey = pictures.reshape(len(pictures), _COARSE, 2, _COARSE, 2, 3).sum(axis=(2, 4, 5), dtype=np.uint32)
    return _detail(grey.astype(np.float32), _SMOOTH // 2)


def _channels(picture: Array) -> Array:
    """The detail of each colour (3, 64, 64)."""
    return _detail(np.moveaxis(picture, -1, 0), _SMOOTH)


def _detail(planes: Array, width: int) -> Array:
    """Planes (n, side, side) without their slow changes."""
    smooth = uniform_filter1d(uniform_filter1d(planes, width, 1, mode="nearest"), width, 2, mode="nearest")
    return np.asarray(planes - smooth, np.float32)


def _spectra(planes: Array) -> Spectra:
    """Fourier transforms (n, side, side / 2 + 1) of windowed planes; each, or three colours together, has length 1."""
    x = planes * np.sqrt(_window(planes.shape[1]))
    length = np.sqrt(np.einsum("nij,nij->n", x, x))
    if len(planes) == 3:
        length = np.full(3, np.sqrt((length**2).sum()))
    return np.asarray(fft.rfft2(x / np.maximum(length, 1e-3)[:, None, None]))


@cache
def _window(side: int) -> Array:
    edge = np.hanning(side + 2)[1:-1].astype(np.float32)
    return np.asarray(edge[:, None] * edge)


def _shifts(side: int) -> npt.NDArray[np.int64]:
    most = int(side * _SHIFT)
    return np.asarray(np.r_[0 : most + 1, side - most : side], np.int64)


def _laid(picture: Array, way: Way, shift: tuple[int, int] = (0, 0)) -> tuple[Array, Bools]:
    """A picture (64, 64, 3) laid one way and shifted, and where (64, 64) it has pixels for that."""
    y, x = _places(SIDE, way, tuple(s - SIDE if s > SIDE // 2 else s for s in shift))
    inside = (y >= 0) & (y <= SIDE - 1) & (x >= 0) & (x <= SIDE - 1)
    inside[[0, -1]] = inside[:, [0, -1]] = False
    corner, weights = _bilinear(SIDE, y, x)
    flat = picture.reshape(-1, 3)
    laid = sum(w[:, None] * flat[corner + step] for w, step in zip(weights, (0, 1, SIDE, SIDE + 1), strict=True))
    return np.asarray(laid, np.float32).reshape(picture.shape), inside


def _places(side: int, way: Way, shift: tuple[int, ...] = (0, 0)) -> tuple[Doubles, Doubles]:
    """Where each pixel of a laid picture comes from: rows and columns (side, side)."""
    scale, turn, mirrored = way
    y, x = np.mgrid[:side, :side] - (side - 1) / 2 + np.array(shift)[:, None, None]
    x = -x if mirrored else x
    cosine, sine = scale * np.cos(np.deg2rad(turn)), scale * np.sin(np.deg2rad(turn))
    return sine * x + cosine * y + (side - 1) / 2, cosine * x - sine * y + (side - 1) / 2


def _bilinear(side: int, y: Doubles, x: Doubles) -> tuple[npt.NDArray[np.int64], list[Array]]:
    """The upper left one of four pixels (side * side,), and the weights of all four."""
    y, x = (np.clip(each, 0, side - 1.001).ravel() for each in (y, x))
    top, left = y.astype(np.int64), x.astype(np.int64)
    down, right = (y - top).astype(np.float32), (x - left).astype(np.float32)
    return top * side + left, [(1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down]


@cache
def _ways() -> sparse.csr_array:
    """A matrix (ways * 1024, 1024) that lays a picture of the coarse scale in all ways."""
    stacked = []
    for way in WAYS:
        corner, weights = _bilinear(_COARSE, *_places(_COARSE, way))
        columns = np.concatenate([corner + step for step in (0, 1, _COARSE, _COARSE + 1)])
        rows = np.tile(np.arange(_COARSE**2), 4)
        stacked.append(sparse.csr_array((np.concatenate(weights), (rows, columns)), shape=(_COARSE**2,) * 2))
    return sparse.csr_array(sparse.vstack(stacked))


@cache
def _directions(width: int) -> Array:
    """Those of :func:`goodsight.embedding.twins.sketch`, which makes them anew for each folder."""
    return np.random.default_rng(0).standard_normal((width, 256), np.float32)

"""How accuracy falls when photos are spoilt: blurred, dark, squeezed by JPEG, turned, noisy or too small.

The kinds and the three strengths of each follow Hendrycks and Dietterich 2019, Benchmarking Neural Network Robustness
to Common Corruptions, cut down to what goes wrong with photos of products.
"""

from __future__ import annotations

import hashlib
import io
import os
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from goodsight import photos
from goodsight.backbones import Backbone
from goodsight.calibrate import Ints
from goodsight.catalog import Row
from goodsight.embed import THUMBNAIL, Cache, Embedded
from goodsight.engine import Engine
from goodsight.metrics import ROUNDS, Estimate
from goodsight.photos import BadPhoto, Limits, Resize
from goodsight.progress import Progress, quiet

Pixels = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Kind = Literal["blur", "darkness", "JPEG damage", "rotation", "noise", "small size"]

_IN_FLIGHT = 4
_REVISION = 1
"""Raised when a way to spoil changes, so that embeddings of the older pixels are not used."""


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


@dataclass(frozen=True)
class Line:
    """The accuracy under one condition, with its 95 % interval."""

    condition: Condition
    accuracy: Estimate


@dataclass(frozen=True)
class Card:
    """Accuracy on photos as they are and under each condition.

    Attributes:
        clean: accuracy on the photos as they are.
        lines: one per condition, in the order of :data:`CONDITIONS`.
        photos: how many there are.
        which: photos they are, such as ``test``, as :attr:`goodsight.result.Result.name` has it.

    """

    clean: Estimate
    lines: tuple[Line, ...]
    photos: int
    which: str

    @property
    def by_kind(self) -> list[tuple[str, list[Line]]]:
        """The lines of each kind, from weak to strong."""
        return [(kind, list(lines)) for kind, lines in groupby(self.lines, lambda line: line.condition.kind)]

    def to_json(self) -> dict[str, Any]:
        """For ``metrics.json``; what cannot be measured is null."""
        return {
            "photos": self.which,
            "n": self.photos,
            "clean": self.clean.to_json(),
            "conditions": [
                {
                    "kind": line.condition.kind,
                    "strength": line.condition.strength,
                    "value": line.condition.value,
                    "unit": line.condition.unit,
                    "accuracy": line.accuracy.to_json(),
                }
                for line in self.lines
            ],
        }


def spoil(pixels: Pixels, condition: Condition, seed: int) -> Pixels:
    """A photo as the network would get it, had it been taken or kept badly.

    It works on the decoded square, so white padding is spoilt with the rest (a dark photo has dark bars), and a
    square that is no larger than a small size stays as it is.

    Args:
        pixels: uint8 RGB, shape (side, side, 3), as :func:`goodsight.photos.decode` makes it.
        condition: what to do.
        seed: 0 or more; of the noise, and of the way it is turned. The same seed gives the same pixels.

    Returns:
        uint8 RGB of the same shape; maybe read-only.

    """
    return _WAYS[condition.kind](pixels, condition.value, seed)


def spoilt_vectors(
    rows: Sequence[Row],
    backbone: Backbone,
    engine: Engine,
    limits: Limits,
    *,
    cache: Cache | None = None,
    progress: Progress = quiet,
) -> tuple[npt.NDArray[np.float32], list[int]]:
    """Embed photos under every condition; a photo that cannot be read is left out.

    A photo is decoded once, and its seed comes from its bytes, so its pixels depend on nothing else. Besides the
    vectors, what is held does not grow with the number of photos.

    Args:
        rows: the photos (n).
        backbone: its resize rule and width.
        engine: runs its network, on one photo's conditions at a time.
        limits: on bytes and pixels of a photo.
        cache: of embeddings by this network, read and filled when given.
        progress: called as ``progress("robustness", done, n)``.

    Returns:
        Vectors (conditions, photos that could be read, width), and which of ``rows`` those photos are, ascending.

    """
    workers = os.cpu_count() or 1
    vectors = np.empty((len(CONDITIONS), len(rows), backbone.width), np.float32)
    good: list[int] = []
    remaining = iter(rows)
    decoded = finished = 0
    with ThreadPoolExecutor(workers, thread_name_prefix="goodsight-spoil") as pool:
        spoiling: deque[Future[_Spoilt | None]] = deque()
        running: deque[tuple[int, _Spoilt | None, Future[npt.NDArray[np.float32]] | None]] = deque()

        def feed() -> None:
            while len(spoiling) < 2 * workers and (row := next(remaining, None)) is not None:
                spoiling.append(pool.submit(_all_spoilt, row, backbone.resize, limits, cache))

        feed()
        while spoiling or running:
            while spoiling and len(running) < _IN_FLIGHT:
                spoilt = spoiling.popleft().result()
                running.append((decoded, spoilt, engine.submit(spoilt.pixels) if spoilt and not spoilt.known else None))
                decoded += 1
                feed()
            index, spoilt, future = running.popleft()
            if spoilt is not None:
                # Rounded as the cache's vectors are, with which these are compared.
                found = np.stack(spoilt.known) if future is None else future.result().astype(np.float16)
                vectors[:, len(good)] = found
                good.append(index)
                if cache and future is not None:
                    for digest, vector in zip(spoilt.digests, found, strict=True):
                        cache.put(Embedded(rows[index], digest, vector, np.zeros(THUMBNAIL**2, np.uint8)))
            finished += 1
            progress("robustness", finished, len(rows))
    if cache:
        cache.flush()
    return vectors[:, : len(good)], good


@dataclass(frozen=True)
class _Spoilt:
    """A photo under every condition: under which names it is cached, and its vectors if it is, else its pixels."""

    digests: tuple[str, ...]
    known: tuple[npt.NDArray[np.float16], ...]
    pixels: Pixels


def measure(
    which: str,
    rows: Sequence[Row],
    labels: Ints,
    groups: Ints,
    guesses: Ints,
    backbone: Backbone,
    engine: Engine,
    answer: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.floating]],
    limits: Limits,
    *,
    cache: Cache | None = None,
    progress: Progress = quiet,
) -> Card | None:
    """Spoil photos and see what a model makes of them; None when no photo can be read.

    Args:
        which: photos they are, for the report.
        rows: photos that the model has not seen (n).
        labels: class numbers (n,).
        groups: twin groups (n,).
        guesses: what the model makes of the photos as they are (n,).
        backbone: the model's.
        engine: runs its network.
        answer: turns embeddings (n, width) into scores (n, classes).
        limits: on bytes and pixels of a photo.
        cache: of the model's embeddings, read and filled when given.
        progress: told the photos.

    """
    vectors, good = spoilt_vectors(rows, backbone, engine, limits, cache=cache, progress=progress)
    if not good:
        return None
    right = np.stack([answer(spoilt).argmax(axis=1) == labels[good] for spoilt in vectors])
    return card(which, guesses[good] == labels[good], right, groups[good])


def card(which: str, clean: Bools, right: Bools, groups: Ints) -> Card:
    """Accuracies with 95 % intervals from answers that are right or wrong.

    The intervals are those of :func:`goodsight.metrics.score`: twin groups are drawn whole, and all conditions share
    the draws.

    Args:
        which: photos they are, for the report.
        clean: whether the answer is right on each photo as it is (n,).
        right: the same under each of :data:`CONDITIONS` (conditions, n).
        groups: twin group of each photo (n,).

    Raises:
        ValueError: there is no photo, or the shapes do not go together.

    """
    if right.shape != (len(CONDITIONS), len(clean)) or groups.shape != clean.shape:
        shapes = f"clean {clean.shape}, right {right.shape}, groups {groups.shape}"
        raise ValueError(f"right must be ({len(CONDITIONS)}, n) where clean and groups are (n,), not {shapes}")
    first, *others = _accuracies(np.concatenate([clean[None], right]), groups)
    lines = tuple(Line(condition, accuracy) for condition, accuracy in zip(CONDITIONS, others, strict=True))
    return Card(first, lines, len(clean), which)


def _accuracies(right: Bools, groups: Ints) -> list[Estimate]:
    """The accuracy of each row of ``right`` (rows, n), with the interval that :func:`metrics.score` would give it."""
    if right.shape[1] == 0:
        raise ValueError("there is no photo to score")
    numbers = np.unique(groups, return_inverse=True)[1]
    count = int(numbers.max()) + 1
    sums = np.stack([np.bincount(numbers, row, count) for row in (np.ones(len(numbers)), *right)], axis=1)
    weights = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=ROUNDS)
    drawn = weights.astype(float) @ sums
    lows, highs = np.percentile(drawn[:, 1:] / drawn[:, :1], [2.5, 97.5], axis=0)
    values = right.mean(axis=1)
    return [Estimate(float(v), float(low), float(high)) for v, low, high in zip(values, lows, highs, strict=True)]


def _all_spoilt(row: Row, resize: Resize, limits: Limits, cache: Cache | None) -> _Spoilt | None:
    """A photo under every condition, or None when it cannot be read."""
    try:
        data = photos.read(row.path, limits)
        digests = _digests(data)
        found = [cache.get(digest) for digest in digests] if cache else []
        known = tuple(entry[0] for entry in found if entry)
        if len(known) == len(CONDITIONS):
            return _Spoilt(digests, known, np.empty((0, 0, 0, 3), np.uint8))
        pixels = photos.decode(data, resize, limits)
    except BadPhoto:
        return None
    seed = zlib.crc32(data)
    return _Spoilt(digests, (), np.stack([spoil(pixels, condition, seed) for condition in CONDITIONS]))


def _digests(data: bytes) -> tuple[str, ...]:
    """A name for the photo under each condition, in the form of a content hash."""
    whole = hashlib.sha256(data).hexdigest()
    named = (f"{_REVISION} {c.kind} {c.value:g} {whole}" for c in CONDITIONS)
    return tuple(hashlib.sha256(name.encode()).hexdigest() for name in named)


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
    return np.asarray(photos.open_rgb(stream.getvalue()))


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

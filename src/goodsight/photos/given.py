"""Photos as Python holds them become bytes: a path, an address, bytes, a picture of Pillow, an array of pixels.

What is in memory goes the same way as a file: its bytes are checked and decoded by :mod:`goodsight.photos.decoder`.
"""

from __future__ import annotations

import io
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from PIL import ExifTags, Image

from goodsight.arrays import Pixels
from goodsight.errors import GoodsightError
from goodsight.photos import decoder, places, remote
from goodsight.photos.limits import BadPhoto, Limits, check_pixels
from goodsight.photos.places import Address

Photo = str | os.PathLike[str] | bytes | bytearray | memoryview | Image.Image | Pixels
"""A path, an address such as ``https://...`` or ``s3://...``, the bytes of a file, or pixels: a picture of Pillow, or
an array of uint8, height x width x 3 (RGB) or height x width (grey)."""

KINDS = (str, os.PathLike, bytes, bytearray, memoryview, Image.Image, np.ndarray)

_TIFF = ("CMYK", "F", "I", "I;16", "I;16B", "I;16L", "L", "LAB", "RGB")
"""Modes that a TIFF keeps as they are. It is not squeezed, and written in a hundredth of the time of a PNG."""
_PNG = ("1", "L", "LA", "P", "RGB", "RGBA")
"""Modes that a PNG keeps, with a colour that stands for transparency as well."""


def is_photo(given: object) -> TypeGuard[Photo]:
    """Whether something is one photo, and not several."""
    return isinstance(given, KINDS) and not (isinstance(given, np.ndarray) and given.dtype.kind in "OU")


def require(given: object) -> Photo:
    """What was given, if it can be a photo, whatever is in it.

    Raises:
        GoodsightError: another type, or an array of other values or another shape.

    """
    if not is_photo(given):
        raise GoodsightError(
            f"a photo is of type {type(given).__name__}: give a path, an address, bytes, a Pillow picture or an array"
        )
    if isinstance(given, np.ndarray) and not (
        given.dtype == np.uint8 and (given.ndim == 2 or (given.ndim == 3 and given.shape[2] == 3))
    ):
        raise GoodsightError(
            f"a photo is an array of {given.dtype}, {' x '.join(map(str, given.shape))}: give uint8, height x width x "
            "3 (RGB) or height x width (grey)"
        )
    if isinstance(given, str) and isinstance(places.named(given), Address):
        remote.require()
    return given


def path(photo: Photo) -> Path | Address | None:
    """Where a photo is; None for all that is in memory."""
    return places.named(str(photo)) if isinstance(photo, str | os.PathLike) else None


def name(photo: Photo, number: int) -> str:
    """What a photo is called in answers: its path or address, or ``photo 1`` and on.

    Of an address without user, password and what follows a question mark: these may be secrets.
    """
    if isinstance(photo, str | os.PathLike):
        text = str(photo)
        return places.public(text) if places.is_address(text) else text
    made_from = getattr(photo, "filename", "")  # a picture that was opened from a file
    return made_from if isinstance(made_from, str) and made_from else f"photo {number}"


def read(photo: Photo, limits: Limits) -> tuple[bytes, Limits]:
    """The bytes of a photo, and the limits that they must keep.

    Pixels in memory have no bytes of their own: they are written without loss, and only their number is limited.

    Raises:
        BadPhoto: it cannot be read, or is too large.

    """
    if isinstance(photo, Image.Image):
        return _unbounded(_written(photo, limits), limits)
    if isinstance(photo, np.ndarray):
        check_pixels(photo.shape[0] * photo.shape[1], limits)
        if not photo.size:
            raise BadPhoto("empty", "an array without pixels")
        return _unbounded(_written(Image.fromarray(photo), limits), limits)
    if isinstance(photo, bytes | bytearray | memoryview):
        return bytes(photo), limits
    return decoder.read(places.named(str(photo)), limits), limits


def _unbounded(data: bytes, limits: Limits) -> tuple[bytes, Limits]:
    return data, replace(limits, max_bytes=max(limits.max_bytes, len(data)))


def _written(picture: Image.Image, limits: Limits) -> bytes:
    """A picture as a file without loss, with its colour profile and the way up that its EXIF says."""
    check_pixels(picture.width * picture.height, limits)
    if not picture.width * picture.height:
        raise BadPhoto("empty", "a picture without pixels")
    out = io.BytesIO()
    try:
        if picture.mode not in _PNG + _TIFF:
            picture = picture.convert("RGBA" if picture.mode in ("RGBa", "La", "PA") else "RGB")
        about: dict[str, Any] = {"exif": _way_up(picture), "icc_profile": picture.info.get("icc_profile")}
        if picture.mode in _TIFF and "transparency" not in picture.info:
            picture.save(out, "TIFF", **about)
        else:
            picture.save(out, "PNG", compress_level=0, **about)
    except Exception as error:  # a picture that was opened and not loaded fails now, with any error
        raise BadPhoto("unreadable", str(error) or type(error).__name__) from error
    return out.getvalue()


def _way_up(picture: Image.Image) -> Image.Exif:
    about = Image.Exif()
    with suppress(Exception):  # damaged EXIF can raise nearly anything, and a photo is as good without it
        if turn := picture.getexif().get(ExifTags.Base.Orientation):
            about[ExifTags.Base.Orientation] = turn
    return about

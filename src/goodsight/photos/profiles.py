"""Colours that a profile gives a meaning, in sRGB."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from PIL import Image, ImageCms

_LARGEST = 4 * 2**20
"""Bytes of a profile: those of printing presses have up to 3 MB."""

_KEPT = 64
"""Transforms that are kept, of up to 1 MB each."""

_SAME = 3
"""Grey levels: a profile that changes no colour by more is taken for sRGB, and its photos cost nothing."""

_kept: OrderedDict[tuple[bytes, str], ImageCms.ImageCmsTransform | None] = OrderedDict()
_lock = threading.Lock()


def transform(picture: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """What makes the colours of a picture in mode L, RGB, CMYK or LAB those of sRGB; None where nothing is to be done.

    That is: there is no profile, it is sRGB, it is for other kinds of pictures, or it is broken.
    """
    profile = picture.info.get("icc_profile")
    if picture.mode == "LAB":
        profile = b""
    elif not isinstance(profile, bytes) or not 128 <= len(profile) <= _LARGEST:
        return None
    key = (hashlib.sha256(profile).digest(), picture.mode)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    made = _built(profile, picture.mode)
    with _lock:
        _kept[key] = made
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return made


def apply(found: ImageCms.ImageCmsTransform, picture: Image.Image) -> Image.Image:
    """The picture in sRGB, mode RGB."""
    if picture.mode != found.input_mode:  # a grey picture with a profile of colours
        picture = picture.convert(found.input_mode)
    return found.apply(picture)


def _built(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        if mode == "LAB":
            source, given = ImageCms.createProfile("LAB"), "LAB"
        else:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile
            given = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}.get(source.xcolor_space.strip(), "")
            if given != mode and (given, mode) != ("RGB", "L"):
                return None
        made = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(source),
            _srgb(),
            given,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.NOCACHE,  # the cache of the last pixel would be shared by all threads
        )
        return made if mode == "LAB" or _is_useful(made, given) else None
    except Exception:  # a broken profile can raise nearly anything, and a photo is as good without it
        return None


def _srgb() -> Any:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _is_useful(made: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a transform changes colours, and leaves white light and black dark, as any that is not broken does."""
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    channels = len(Image.new(mode, (1, 1)).getbands())
    grid = np.stack(np.meshgrid(*[steps] * channels, indexing="ij"), axis=-1).reshape(1, -1, channels)
    before = Image.frombytes(mode, (grid.shape[1], 1), grid.tobytes())
    after = np.asarray(made.apply(before)).astype(int)
    ends = after[0, [0, -1]] if mode != "CMYK" else after[0, [-1, 0]]
    if ends[0].max() > 100 or ends[1].min() < 200:
        return False
    return mode == "CMYK" or bool(np.abs(after - np.asarray(before.convert("RGB"))).max() > _SAME)

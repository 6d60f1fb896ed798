"""Which format the bytes of a photo have, its header read by Pillow, and what is wrong when that fails."""

from __future__ import annotations

import importlib
import io
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from PIL import Image

from goodsight.photos import headers
from goodsight.photos.limits import BadPhoto, Limits, check_pixels

_READERS = {
    "JPEG": ("JpegImagePlugin", "jpeg_factory"),  # it also takes the MPO files that some phones write
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "GIF": ("GifImagePlugin", "GifImageFile"),
    "WEBP": ("WebPImagePlugin", "WebPImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
    "TIFF": ("TiffImagePlugin", "TiffImageFile"),
    "AVIF": ("AvifImagePlugin", "AvifImageFile"),
}


_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}


_COEFFICIENTS = 512 * 10**6
"""Bytes: a JPEG of several scans keeps its coefficients in memory, 2 bytes each, at whatever scale it is decoded."""


def kind_of(data: bytes) -> str:
    """Pillow's name for the format that the first bytes announce. Raises BadPhoto "not a picture"."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith(b"BM") and data[15:18] == b"\0\0\0":  # "BM" alone also starts many a text
        return "BMP"
    if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "TIFF"
    if data[4:8] == b"ftyp":
        length = min(int.from_bytes(data[:4], "big"), 256)
        brands = {data[at : at + 4] for at in range(8, length, 4)}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & _HEIF:
            return "HEIF"
    raise BadPhoto("not a picture", "not JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIF")


_heif_lock = threading.Lock()


@cache
def _reader(kind: str) -> Callable[[io.BytesIO], Image.Image]:
    """Pillow's class for a format, loaded when its first photo comes.

    It is called as it stands: `Image.open` would hold its own ceiling on pixels, which is one for the whole program,
    and would hide what is wrong behind "cannot identify image file".
    """
    if kind == "HEIF":
        with _heif_lock:  # it loads a large library
            import pillow_heif

            pillow_heif.register_heif_opener()
            return pillow_heif.HeifImageFile  # type: ignore[no-any-return]
    module, name = _READERS[kind]
    reader: Callable[[io.BytesIO], Image.Image] = getattr(importlib.import_module(f"PIL.{module}"), name)
    return reader


@contextmanager
def opened(data: bytes, kind: str, limits: Limits, *, reduced: bool) -> Iterator[Image.Image]:
    """A photo whose header was read and is within the limits; what goes wrong with it becomes a BadPhoto.

    Args:
        data: the file.
        kind: as `kind_of` names it.
        limits: on its pixels.
        reduced: whether a reduced scale is enough.

    """
    in_header = True
    try:
        if kind == "WEBP":  # its reader makes room for the picture before anybody can ask for the size
            check_pixels(headers.webp_pixels(data), limits)
        with _reader(kind)(io.BytesIO(data)) as picture:
            _check(picture, data, kind, limits, reduced=reduced)
            in_header = False
            yield picture
    except BadPhoto:
        raise
    # Codecs raise whatever their parser trips over (struct.error, IndexError, MemoryError, SyntaxError, ...);
    # a list of types would miss one, and a single damaged photo would then end a whole run.
    except Exception as error:
        raise _named(error, kind, data, in_header=in_header) from error


def _check(picture: Image.Image, data: bytes, kind: str, limits: Limits, *, reduced: bool) -> None:
    """Raises BadPhoto "too large"."""
    pixels = picture.width * picture.height
    if kind != "JPEG":
        check_pixels(pixels, limits)
        return
    check_pixels(pixels, limits, reduced=reduced)
    if limits.max_pixels is None and pixels > limits.pixels():
        needed = headers.coefficients(data) * 2
        if needed > _COEFFICIENTS:
            raise BadPhoto(
                "too large",
                f"{pixels / 1e6:.1f} megapixels in a JPEG of several scans, which takes {needed / 1e6:.0f} MB; "
                f"the limit is {_COEFFICIENTS / 1e6:.0f}",
            )


def _named(error: Exception, kind: str, data: bytes, *, in_header: bool) -> BadPhoto:
    """The BadPhoto that says what an exception from Pillow or a codec means."""
    message = " ".join(str(error).split())[:120]
    if isinstance(error, Image.DecompressionBombError):  # of a WebP, where Pillow's ceiling cannot be passed by
        return BadPhoto("too large", f"{kind}: {message}")
    what = headers.described(kind, data)
    if in_header and what:
        return BadPhoto("unreadable", f"{what} is not supported")
    if re.search(r"truncated|end of (file|data)|premature|not enough", message, re.IGNORECASE) or _cut(kind, data):
        return BadPhoto("truncated", f"the {kind} data ends early")
    if in_header and isinstance(error, SyntaxError) and not re.search("support", message, re.IGNORECASE):
        return BadPhoto("unreadable", f"the {kind} header is damaged")
    return BadPhoto("unreadable", f"{what or kind}: {message or type(error).__name__}")


def _cut(kind: str, data: bytes) -> bool:
    """Whether the end of the file is missing. Asked only after decoding failed, for codecs that do not say why."""
    if kind in ("AVIF", "HEIF"):  # a chain of boxes, each with its length; 0 means up to the end
        at = 0
        while at + 8 <= len(data):
            length = int.from_bytes(data[at : at + 4], "big")
            if length == 1:
                length = int.from_bytes(data[at + 8 : at + 16], "big")
            if length < 8:
                return False
            at += length
        return at != len(data)
    if kind in ("WEBP", "BMP"):
        start, extra = (4, 8) if kind == "WEBP" else (2, 0)
        return int.from_bytes(data[start : start + 4], "little") + extra > len(data)
    end = {"JPEG": b"\xff\xd9", "PNG": b"IEND", "GIF": b";"}.get(kind, b"")
    return end not in data[-64:]


def first_tag(picture: Any, tag: int, otherwise: int) -> int:
    """The first number of a TIFF's tag; `otherwise` where it, or the TIFF, is missing."""
    found = getattr(picture, "tag_v2", {}).get(tag, otherwise)
    found = found[0] if isinstance(found, tuple) and found else found
    return found if isinstance(found, int) else otherwise

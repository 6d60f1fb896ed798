"""Photo bytes to RGB pixels, or a named reason why not. Nothing else in Goodsight decodes a picture."""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from goodsight.photos.limits import DEFAULT_LIMITS, BadPhoto, Limits, check_bytes, check_pixels
from goodsight.photos.resize import Resize

# Pillow warns about damaged EXIF and about large pictures. Both cases are handled here, so the lines would be noise.
# The filters are set once, on import: `warnings.catch_warnings` per photo is not thread-safe.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


_SIDEWAYS = {_TURNS[orientation] for orientation in (5, 6, 7, 8)}


def read(path: Path, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The bytes of a regular file. The size is checked before anything is read.

    Raises BadPhoto "empty", "too large", or "unreadable" (no permission, gone, or a folder, pipe or device).
    """
    with _opened(path, limits) as (file, size):
        data = file.read(size)
    check_bytes(len(data), limits)
    return data


def digest(path: Path, limits: Limits = DEFAULT_LIMITS) -> str:
    """Hex sha256 of the bytes that `read` gives, in pieces. Raises BadPhoto as `read` does."""
    found = hashlib.sha256()
    with _opened(path, limits) as (file, left):
        while piece := file.read(min(left, 2**20)):
            found.update(piece)
            left -= len(piece)
    return found.hexdigest()


@contextmanager
def _opened(path: Path, limits: Limits) -> Iterator[tuple[BinaryIO, int]]:
    """A regular file to read, and its size in bytes, which is within the limits."""
    # Without O_NONBLOCK, opening a pipe would wait for a writer for ever. The other flags exist on some systems only.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise BadPhoto("unreadable", "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file")
            check_bytes(status.st_size, limits)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                yield file, status.st_size
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise BadPhoto("unreadable", (getattr(error, "strerror", None) or str(error)).lower()) from error


def decode(data: bytes, resize: Resize, limits: Limits = DEFAULT_LIMITS) -> npt.NDArray[np.uint8]:
    """A photo as a `(resize.size, resize.size, 3)` array of RGB values 0 to 255, the right way up.

    Raises BadPhoto with any of its reasons, and no other exception for any bytes.
    """
    picture, (width, height), turn = _load(data, limits, resize.box)
    box = resize.box(width, height)
    if picture.size != box:
        picture = picture.resize(box, Image.Resampling.BILINEAR, (0, 0, width, height))
    if turn is not None:  # the resized picture is small, so turning it now is cheap; a square box turns into itself
        picture = picture.transpose(turn)
    canvas = np.full((resize.size, resize.size, 3), 255, np.uint8)
    left, top = (resize.size - picture.width) // 2, (resize.size - picture.height) // 2
    canvas[top : top + picture.height, left : left + picture.width] = np.asarray(picture)
    return canvas


def open_rgb(data: bytes, limits: Limits = DEFAULT_LIMITS, at_least: int | None = None) -> Image.Image:
    """A photo as an RGB image, the right way up, for annotating and thumbnails.

    With `at_least` (pixels), a JPEG may come at a half, quarter or eighth of its scale, as long as its shorter side
    keeps that many pixels; a photo that is smaller is not enlarged. Raises BadPhoto as `decode` does.
    """
    if at_least is not None and at_least < 1:
        raise ValueError(f"at_least must be 1 pixel or more, not {at_least}")
    picture, _, turn = _load(data, limits, None if at_least is None else lambda *_: (at_least, at_least))
    return picture if turn is None else picture.transpose(turn)


def size(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[int, int]:
    """Width and height in pixels as the header states them, as stored. Raises BadPhoto as `decode` does."""
    with _picture(data, limits) as picture:
        return picture.size


def upright_size(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[int, int]:
    """Width and height in pixels of the picture when it is the right way up. Raises BadPhoto as `decode` does."""
    with _picture(data, limits) as picture:
        sideways = _turn(picture) in _SIDEWAYS
        return picture.size[::-1] if sideways else picture.size


def suffix(data: bytes) -> str:
    """The file name's ending for the format that the first bytes announce. Raises BadPhoto "not a picture"."""
    return {"JPEG": ".jpg", "TIFF": ".tif", "HEIF": ".heic"}.get(kind := _kind(data), f".{kind.lower()}")


def _kind(data: bytes) -> str:
    """Pillow's name for the format that the first bytes announce. Raises BadPhoto "not a picture"."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"  # Pillow's JPEG reader also takes the MPO files that some phones write
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
        if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}:
            return "HEIF"
    raise BadPhoto("not a picture", "not JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIF")


_heif_lock = threading.Lock()


def _register_heif() -> None:
    with _heif_lock:  # only when the first HEIF file comes: it loads a large library
        if "HEIF" not in Image.OPEN:
            import pillow_heif

            pillow_heif.register_heif_opener()


Target = Callable[[float, float], tuple[int, int]]


def _load(
    data: bytes, limits: Limits, target: Target | None
) -> tuple[Image.Image, tuple[float, float], Image.Transpose | None]:
    """An RGB image as stored, its exact (not whole) width and height in pixels, and the turn that puts it upright.

    `target` maps the header's width and height to the size that is needed; a JPEG is then decoded at a smaller scale,
    never below that size.
    """
    with _picture(data, limits) as picture:
        drafted = None
        if target is not None and _kind(data) == "JPEG":  # not the picture's own format, which may be MPO
            drafted = picture.draft("RGB", target(*picture.size))
        picture.load()
        # The scaled size is rounded up to whole pixels; the exact one keeps the edges where they belong.
        exact = drafted[1][2:] if drafted else picture.size
        return _rgb(picture), exact, _turn(picture)


@contextmanager
def _picture(data: bytes, limits: Limits) -> Iterator[Image.Image]:
    """A photo whose header was read and is within the limits; what goes wrong with it becomes a BadPhoto."""
    check_bytes(len(data), limits)
    kind = _kind(data)
    try:
        if kind == "HEIF":
            _register_heif()
        with Image.open(io.BytesIO(data), formats=(kind,)) as picture:
            check_pixels(picture.width * picture.height, limits)
            yield picture
    except BadPhoto:
        raise
    # Codecs raise whatever their parser trips over (struct.error, IndexError, MemoryError, SyntaxError, ...);
    # a list of types would miss one, and a single damaged photo would then end a whole run.
    except Exception as error:
        raise _named(error, kind, data, limits) from error


def _turn(picture: Image.Image) -> Image.Transpose | None:
    try:
        return _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged EXIF can raise nearly anything, and a photo is as good without it
        return None


def _rgb(picture: Image.Image) -> Image.Image:
    """A loaded picture as RGB, transparency laid on white. Raises BadPhoto "unreadable" for a mode such as LAB."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return Image.fromarray(_grey(picture)).convert("RGB")
    if picture.has_transparency_data:
        clear = picture.info.get("transparency")
        if isinstance(clear, tuple) and max(clear) > 255:  # a 16-bit PNG: Pillow keeps the upper 8 bits of the pixels
            picture.info["transparency"] = tuple(value >> 8 for value in clear)
        layer = picture.convert("RGBA")
        white = Image.new("RGB", picture.size, "white")
        white.paste(layer, mask=layer)
        return white
    if picture.mode in ("RGB", "L", "1", "P", "CMYK", "YCbCr", "RGBX"):
        return picture.convert("RGB")
    raise BadPhoto("unreadable", f"colour mode {picture.mode} is not supported")


def _grey(picture: Image.Image) -> npt.NDArray[np.uint8]:
    """A 16-bit, 32-bit or floating-point grey picture as 8-bit grey, shape `(height, width)`."""
    values = np.asarray(picture)
    if picture.mode == "F":
        values = np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf)
        scaled = values * np.float32(255) if values.max() <= 1 else values
    else:
        scaled = np.clip(values, 0, 65535) / np.float32(257)
    grey: npt.NDArray[np.uint8] = np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        grey[values == clear] = 255
    return grey


def _named(error: Exception, kind: str, data: bytes, limits: Limits) -> BadPhoto:
    """The BadPhoto that says what an exception from Pillow or a codec means."""
    message = " ".join(str(error).split())[:120]
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        pixels = re.search(r"\((\d+) pixels\)", message)
        try:
            check_pixels(int(pixels[1]) if pixels else 0, limits)
        except BadPhoto as too_large:
            return too_large
        return BadPhoto("too large", message)
    if re.search(r"truncated|end of (file|data)|premature|not enough", message, re.IGNORECASE) or _cut(kind, data):
        return BadPhoto("truncated", f"the {kind} data ends early")
    if isinstance(error, UnidentifiedImageError):  # its message only names a buffer in memory
        return BadPhoto("unreadable", f"the {kind} header is damaged")
    return BadPhoto("unreadable", f"{kind}: {message or type(error).__name__}")


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

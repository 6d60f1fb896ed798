"""Photo bytes to RGB pixels, or a named reason why not. Nothing else in Goodsight decodes a picture."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms

from goodsight.photos import headers, local, mending, profiles, samples
from goodsight.photos.formats import kind_of, opened
from goodsight.photos.limits import DEFAULT_LIMITS, WHOLE, BadPhoto, Limits, check_bytes, check_pixels
from goodsight.photos.places import Place
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


def read(place: Place, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The bytes of a photo, wherever it is: the only way to them. The size is checked before anything is read.

    Raises BadPhoto "empty", "too large", "unreadable" (no permission, gone, or a folder, pipe or device), and for what
    lies elsewhere "missing", "no access" or "unreachable".
    """
    return local.read(place, limits) if isinstance(place, Path) else place.read(limits)


def digest(place: Place, limits: Limits = DEFAULT_LIMITS) -> str:
    """Hex sha256 of the bytes that `read` gives; of a file in pieces. Raises BadPhoto as `read` does."""
    if not isinstance(place, Path):
        return hashlib.sha256(place.read(limits)).hexdigest()
    found = hashlib.sha256()
    with local.opened(place) as (file, left):
        check_bytes(left, limits)
        while piece := file.read(min(left, 2**20)):
            found.update(piece)
            left -= len(piece)
    return found.hexdigest()


def decode(data: bytes, resize: Resize, limits: Limits = DEFAULT_LIMITS) -> npt.NDArray[np.uint8]:
    """A photo as a `(resize.size, resize.size, 3)` array of RGB values 0 to 255 in sRGB, the right way up.

    Raises BadPhoto with any of its reasons, and no other exception for any bytes.
    """
    picture, (width, height), turn, profile = _load(data, limits, resize.box)
    box = resize.box(width, height)
    if picture.size != box:
        picture = picture.resize(box, Image.Resampling.BILINEAR, (0, 0, width, height))
    # The resized picture is small, so changing its colours and turning it now is cheap; a square box turns into itself.
    if profile is not None:
        picture = profiles.apply(profile, picture)
    if turn is not None:
        picture = picture.transpose(turn)
    canvas = np.full((resize.size, resize.size, 3), 255, np.uint8)
    left, top = (resize.size - picture.width) // 2, (resize.size - picture.height) // 2
    canvas[top : top + picture.height, left : left + picture.width] = np.asarray(picture)
    return canvas


def open_rgb(data: bytes, limits: Limits = DEFAULT_LIMITS, at_least: int | None = None) -> Image.Image:
    """A photo as an RGB image in sRGB, the right way up, for annotating and thumbnails.

    With `at_least` (pixels), a JPEG may come at a half, quarter or eighth of its scale, as long as its shorter side
    keeps that many pixels; a photo that is smaller is not enlarged. Raises BadPhoto as `decode` does.
    """
    if at_least is not None and at_least < 1:
        raise ValueError(f"at_least must be 1 pixel or more, not {at_least}")
    picture, _, turn, profile = _load(data, limits, None if at_least is None else lambda *_: (at_least, at_least))
    if profile is not None:
        picture = profiles.apply(profile, picture)
    picture = picture.copy() if turn is None else picture.transpose(turn)
    picture.info.pop("icc_profile", None)  # it no longer says what the colours mean
    return picture


def size(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[int, int]:
    """Width and height in pixels as the header states them, as stored. Raises BadPhoto as `decode` does."""
    return _mended(data, limits, lambda picture, _: getattr(picture, "_tile_size", picture.size))


def upright_size(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[int, int]:
    """Width and height in pixels of the picture when it is the right way up. Raises BadPhoto as `decode` does."""

    def measured(picture: Image.Image, _: bytes) -> tuple[int, int]:
        sideways = _turn(picture) in _SIDEWAYS  # asked first: of a PNG it may load the pixels, of a TIFF turn the size
        if picture.format == "HEIF":  # its header may say another size than its pixels have
            picture.load()
        # Pillow turns a TIFF itself, and its size before it does.
        width, height = getattr(picture, "_tile_size", picture.size)
        return (height, width) if sideways else (width, height)

    return _mended(data, limits, measured)


def suffix(data: bytes) -> str:
    """The file name's ending for the format that the first bytes announce. Raises BadPhoto "not a picture"."""
    return {"JPEG": ".jpg", "TIFF": ".tif", "HEIF": ".heic"}.get(kind := kind_of(data), f".{kind.lower()}")


Target = Callable[[float, float], tuple[int, int]]


_Loaded = tuple[Image.Image, tuple[float, float], Image.Transpose | None, ImageCms.ImageCmsTransform | None]


def _load(data: bytes, limits: Limits, target: Target | None) -> _Loaded:
    """A picture as stored, its exact (not whole) width and height in pixels, the turn that puts it upright, a profile.

    It is RGB where there is no profile to apply. `target` maps the header's width and height to the size that is
    needed; a JPEG is then decoded at a smaller scale, never below that size.
    """

    def loaded(picture: Image.Image, data: bytes) -> _Loaded:
        kind = kind_of(data)  # not the picture's own format, which may be MPO
        if kind == "JPEG" and not headers.ends(data):
            # Pillow takes it where anything stands behind what is left of the pixels, as zeros of a broken download do.
            raise BadPhoto("truncated", "the JPEG data ends early")
        drafted = None
        if target is not None and kind == "JPEG":
            drafted = picture.draft("RGB", target(*picture.size))
            check_pixels(picture.width * picture.height, limits)
        samples.prepare(picture, data, kind)
        picture.load()
        # The scaled size is rounded up to whole pixels; the exact one keeps the edges where they belong.
        exact = drafted[1][2:] if drafted else picture.size
        plain = samples.eight_bits(picture)
        profile = profiles.transform(plain)
        if profile is None and plain.mode != "RGB":
            plain = plain.convert("RGB")
        return plain, exact, _turn(picture), profile

    return _mended(data, limits, loaded, reduced=target is not None)


Found = TypeVar("Found")


def _mended(data: bytes, limits: Limits, use: Callable[[Image.Image, bytes], Found], *, reduced: bool = True) -> Found:
    """What `use` makes of a photo whose header was read; should that fail, of the photo without its side parts."""
    check_bytes(len(data), limits)
    kind = kind_of(data)
    try:
        with opened(data, kind, limits, reduced=reduced) as picture:
            return use(picture, data)
    except BadPhoto as bad:
        if bad.reason == "too large":
            raise
        for mended in mending.mend(data, kind):
            if mended.other is not None and not _whole(mended.data, mended.other, kind, limits):
                continue
            with suppress(BadPhoto), opened(mended.data, kind, limits, reduced=reduced) as picture:
                if mended.profile is not None:
                    picture.info["icc_profile"] = mended.profile
                return use(picture, mended.data)
        raise


def _whole(data: bytes, other: bytes, kind: str, limits: Limits) -> bool:
    """Whether all pixels are there: then they do not depend on what follows them."""
    both = []
    with suppress(BadPhoto):
        for one in (data, other):
            with opened(one, kind, limits, reduced=True) as picture:
                if picture.width * picture.height > WHOLE:
                    picture.draft("RGB", (picture.width // 8, picture.height // 8))
                both.append(picture.tobytes())
    return len(both) == 2 and both[0] == both[1]


def _turn(picture: Image.Image) -> Image.Transpose | None:
    try:
        return _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged EXIF can raise nearly anything, and a photo is as good without it
        return None

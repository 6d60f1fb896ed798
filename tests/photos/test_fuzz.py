"""Damaged photos of every format: named reasons only, bounded memory, and no pixels but those that Pillow gives."""

import contextlib
import io
import resource
import sys
import warnings
from functools import cache
from typing import Any

import numpy as np
import pillow_heif
import pytest
import raw_photos
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, PngImagePlugin

from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto, Limits
from goodsight.photos.resize import Resize

pillow_heif.register_heif_opener()
LIMITS = Limits(2**20, 2_000_000)
MEMORY = 256 * 2**20
"""Bytes that all examples together may add to the process: that of one photo at the limit is 8 MB and its copies."""

Edit = tuple[str, float, int]


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


@cache
def _seeds() -> dict[str, bytes]:
    """A small photo of each format and kind, with side parts."""
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 255, (6, 8, 3)).astype(np.uint8)).resize((40, 30))
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = raw_photos.profile(raw_photos.DISPLAY_P3, raw_photos.GAMMA_22)
    text = PngImagePlugin.PngInfo()
    text.add_text("a", "b" * 500, zip=True)
    layer = photo.convert("RGBA")
    layer.putalpha(128)
    return {
        "JPEG": _saved(photo, "JPEG", exif=exif),
        "progressive JPEG": _saved(photo, "JPEG", progressive=True, comment=b"a"),
        "CMYK JPEG": _saved(photo.convert("CMYK"), "JPEG"),
        "JPEG with a profile": _saved(photo, "JPEG", icc_profile=profile),
        "PNG": _saved(photo, "PNG", pnginfo=text, exif=exif),
        "palette PNG": _saved(photo.quantize(16), "PNG", transparency=3),
        "deep PNG": _saved(photo.convert("L").convert("I;16"), "PNG"),
        "PNG with a profile": _saved(photo, "PNG", icc_profile=profile),
        "WebP": _saved(photo, "WEBP", exif=exif.tobytes()),
        "WebP without loss": _saved(layer, "WEBP", lossless=True),
        "GIF": _saved(photo, "GIF"),
        "BMP": _saved(photo, "BMP"),
        "TIFF": _saved(photo, "TIFF", exif=exif),
        "packed TIFF": _saved(photo, "TIFF", compression="tiff_lzw"),
        "deep TIFF": _saved(photo.convert("L").convert("I;16"), "TIFF"),
        "AVIF": _saved(photo, "AVIF", speed=9),
        "HEIC": _saved(photo, "HEIF"),
    }


@st.composite
def _edits(draw: st.DrawFn) -> list[Edit]:
    """What is done to a photo: bytes changed, put in or taken out, most of them in the header, and its end cut."""
    places = st.one_of(st.floats(0, 0.15), st.floats(0, 1))
    kinds = st.sampled_from(["set", "set", "flip", "insert", "delete", "cut"])
    return draw(st.lists(st.tuples(kinds, places, st.integers(0, 255)), min_size=1, max_size=4))


def _damaged(data: bytes, edits: list[Edit]) -> bytes:
    for kind, place, value in edits:
        at = int(place * (len(data) - 1))
        if kind == "set":
            data = data[:at] + bytes([value]) + data[at + 1 :]
        elif kind == "flip":
            data = data[:at] + bytes([data[at] ^ (1 << value % 8)]) + data[at + 1 :]
        elif kind == "insert":
            data = data[:at] + bytes([value]) * (value % 9) + data[at:]
        elif kind == "delete":
            data = data[:at] + data[at + value % 9 :]
        else:  # a cut near the end leaves more to be read
            data = data[: len(data) - at // 2]
        data = data or b"\0"
    return data


def _pillow(data: bytes) -> Image.Image | None:
    """What Pillow alone makes of it: of 8 bits, on white, without a profile; None where it reads nothing."""
    with contextlib.suppress(Exception), Image.open(io.BytesIO(data)) as picture:
        bits = getattr(picture, "tag_v2", {}).get(258, (8,))
        profile = picture.info.get("icc_profile")
        if picture.width * picture.height > 2_000_000 or set(bits) != {8} or 339 in getattr(picture, "tag_v2", {}):
            return None
        picture.load()
        if profile or picture.mode not in ("1", "L", "P", "LA", "RGB", "RGBA", "CMYK"):
            return None
        transposed: Image.Image = picture
        with contextlib.suppress(Exception):
            transposed = ImageOps.exif_transpose(picture)
        if transposed.has_transparency_data:
            layer = transposed.convert("RGBA")
            white = Image.new("RGB", layer.size, "white")
            white.paste(layer, mask=layer)
            return white
        return transposed.convert("RGB")
    return None


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, when it is asked for its own answer
        yield


@pytest.mark.parametrize("name", _seeds())
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
@given(edits=_edits())
def test_a_damaged_photo_is_read_rightly_or_refused_with_a_reason(name: str, edits: list[Edit]) -> None:
    data = _damaged(_seeds()[name], edits)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        assert decoder.decode(data, Resize(24), LIMITS).shape == (24, 24, 3)
        picture = decoder.open_rgb(data, LIMITS)
        assert decoder.upright_size(data, LIMITS) == picture.size
    except BadPhoto:
        picture = None
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < MEMORY
    other = _pillow(data) if picture is not None else None
    if picture is not None and other is not None:
        assert picture.size == other.size
        assert np.abs(np.asarray(picture).astype(int) - np.asarray(other)).max() <= 2

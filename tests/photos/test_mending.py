"""A photo whose pixels are all there is used, whatever is wrong beside them; one that lacks pixels is not."""

import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import raw_photos
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from goodsight.photos import decoder, mending
from goodsight.photos.limits import BadPhoto
from goodsight.photos.resize import Resize

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8))
PHOTO = NOISE.resize((240, 180), Image.Resampling.BICUBIC)


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _pixels(data: bytes) -> Any:
    return np.asarray(decoder.open_rgb(data))


def _same(data: bytes, whole: bytes) -> None:
    assert np.array_equal(_pixels(data), _pixels(whole))
    assert np.array_equal(decoder.decode(data, Resize(32)), decoder.decode(whole, Resize(32)))
    assert decoder.upright_size(data) == decoder.upright_size(whole)
    assert decoder.size(data) == decoder.size(whole)


def _reason(data: bytes) -> str:
    with pytest.raises(BadPhoto) as caught:
        decoder.open_rgb(data)
    return caught.value.reason


PNG = _saved(PHOTO, "PNG")
HEADER_END = 8 + 25
LAST = PNG.rindex(b"IEND") - 4


def _text(**options: Any) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", "x" * 3_000_000, **options)
    info.add_text("workflow", "y" * 3_000_000, **options)
    return _saved(PHOTO, "PNG", pnginfo=info)


@pytest.mark.parametrize("before_pixels", [True, False])
@pytest.mark.parametrize(
    "chunk",
    [
        raw_photos.chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 3_000_000)),
        raw_photos.chunk(b"zTXt", b"a\0\7" + b"unknown packing"),
        raw_photos.chunk(b"tEXt", b"a\0text", right=False),
        raw_photos.chunk(b"pHYs", b"\0\0\1\0\0\0\1\0\1", right=False),
        raw_photos.chunk(b"pHYs", b"\0\0\1"),
        raw_photos.chunk(b"cHRM", b"\0\0\1"),
        raw_photos.chunk(b"sRGB", b""),
        raw_photos.chunk(b"gAMA", b""),
        raw_photos.chunk(b"tRNS", b"\0"),
        raw_photos.chunk(b"eXIf", b"II*\0\0\0", right=False),
        raw_photos.chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(3_000_000))),
        raw_photos.chunk(b"iCCP", b"name\0\7" + b"unknown packing"),
        raw_photos.chunk(b"iCCP", b"no end of the name"),
        raw_photos.chunk(b"acTL", b"\0\0"),
        raw_photos.chunk(b"fcTL", b"\0\0"),
        raw_photos.chunk(b"prVt", b"anything", right=False),
    ],
    ids=lambda chunk: chunk[4:16],
)
def test_a_side_chunk_says_nothing_of_a_png_s_pixels(chunk: bytes, before_pixels: bool) -> None:
    at = HEADER_END if before_pixels else LAST
    _same(PNG[:at] + chunk + PNG[at:], PNG)


def test_much_text_in_a_png() -> None:
    _same(_text(zip=True), PNG)
    _same(_text(zip=False), PNG)


def test_a_png_keeps_transparency_orientation_and_profile_when_its_text_is_dropped() -> None:
    clear = Image.new("L", (8, 8), 7)
    exif = Image.Exif()
    exif[0x0112] = 6
    long = raw_photos.chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 3_000_000))
    data = _saved(clear, "PNG", transparency=7)
    assert (_pixels(data[:HEADER_END] + long + data[HEADER_END:]) == 255).all()
    data = _saved(PHOTO, "PNG", exif=exif)
    assert decoder.upright_size(data[:HEADER_END] + long + data[HEADER_END:]) == (180, 240)
    _same(data[:HEADER_END] + long + data[HEADER_END:], data)
    data = _saved(PHOTO, "PNG", icc_profile=raw_photos.profile(raw_photos.ADOBE_RGB, raw_photos.GAMMA_22))
    _same(data[:HEADER_END] + long + data[HEADER_END:], data)
    assert not np.array_equal(_pixels(data), np.asarray(PHOTO))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "I;16"])
def test_a_png_without_its_end(mode: str) -> None:
    whole = _saved(PHOTO.convert("L").convert("I;16") if mode == "I;16" else PHOTO.convert(mode), "PNG")
    for lost in (1, 4, 8, 12, 16, 17, 20):  # the end chunk, the checksums, and that of the packed pixels
        _same(whole[:-lost], whole)
    assert _reason(whole[: -len(whole) // 3]) == "truncated"


def test_a_png_whose_pixels_or_header_are_damaged_is_left_out() -> None:
    packed = PNG.index(b"IDAT") + 4
    assert _reason(PNG[: packed + 900] + bytes(20) + PNG[packed + 920 :]) in {"unreadable", "truncated"}
    assert _reason(PNG[:29] + b"\0\0\0\0" + PNG[33:]) == "unreadable"


def test_what_a_png_inflates_stays_bounded() -> None:
    bomb = zlib.compress(bytes(200_000_000))
    long = raw_photos.chunk(b"zTXt", b"a\0\0" + bomb) + raw_photos.chunk(b"iCCP", b"a\0\0" + bomb)
    tracemalloc.start()
    _same(PNG[:HEADER_END] + long + PNG[HEADER_END:], PNG)
    header = struct.pack(">IIBBBBB", 80, 16, 8, 2, 0, 0, 0)
    parts = (raw_photos.chunk(b"IHDR", header), long, raw_photos.chunk(b"IDAT", bomb[:-9]))
    assert (_pixels(b"\x89PNG\r\n\x1a\n" + b"".join(parts)) == 0).all()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 30_000_000


@pytest.mark.parametrize("interlaced", [False, True])
def test_the_length_of_a_png_s_pixels(interlaced: bool) -> None:
    header = struct.pack(">IIBBBBB", 9, 5, 4, 0, 0, 0, interlaced)
    # By hand: the passes have 1 row of 2, 1 of 1, 1 of 3, 2 of 2, 1 of 5, 3 of 4 and 2 of 9 pixels, two to a byte.
    rows = [1, 1, 2, 1, 1, 3, 2, 2, 2, 5, 5] if interlaced else [5] * 5
    assert mending._length(header) == len(rows) + sum(rows)


JPEGS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "grey": {},
    "restarts": {"restart_marker_rows": 1},
    "CMYK": {},
    "without subsampling": {"subsampling": 0, "quality": 95},
}


def _jpeg(name: str) -> bytes:
    picture = PHOTO.convert({"grey": "L", "CMYK": "CMYK"}.get(name, "RGB"))
    return _saved(picture, "JPEG", **JPEGS[name])


TAILS: dict[str, Callable[[bytes], bytes]] = {
    "one byte less": lambda data: data[:-1],
    "two bytes less": lambda data: data[:-2],
    "room for the rest": lambda data: data[:-2] + bytes(5000),
    "something behind": lambda data: data + b"garbage\xff\xd8\xff and so on" * 99,
    "zeros behind": lambda data: data + bytes(5000),
}


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("name", JPEGS)
def test_a_jpeg_without_its_end_or_with_more(name: str, tail: str) -> None:
    whole = _jpeg(name)
    _same(TAILS[tail](whole), whole)


def test_the_pixels_of_a_jpeg_may_end_in_a_zero() -> None:
    photos = [Image.new("RGB", (side, side), "white") for side in range(40, 200, 8)]
    for number, photo in enumerate(photos):
        photo.paste(PHOTO.crop((0, 0, 16 + number, 16)))
    zeros = [whole for photo in photos if (whole := _saved(photo, "JPEG"))[-3] == 0]
    assert zeros
    for whole in zeros:
        _same(whole[:-2], whole)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("name", JPEGS)
def test_a_jpeg_that_lacks_pixels(name: str, share: float) -> None:
    whole = _jpeg(name)
    cut = whole[: int(share * len(whole))]
    assert _reason(cut) == "truncated"
    assert _reason(cut + bytes(9000)) == "truncated"


def test_a_progressive_jpeg_cut_between_its_scans_lacks_pixels() -> None:
    whole = _jpeg("progressive")
    scans = [at for at in range(len(whole)) if whole[at : at + 2] == b"\xff\xda"]
    assert len(scans) > 4
    for at in scans[1:]:
        table = whole.rfind(b"\xff\xc4", 0, at)  # the scan's own tables stand before it
        assert _reason(whole[: min(at, table if table > 0 else at)]) == "truncated"


def test_a_jpeg_s_broken_side_segments_are_dropped() -> None:
    whole = _jpeg("baseline")
    broken = b"Photoshop 3.0\0" + b"8BIM\4\4"  # ends within a block
    segment = b"\xff\xed" + struct.pack(">H", len(broken) + 2) + broken
    _same(whole[:2] + segment + whole[2:], whole)


@pytest.mark.parametrize("order", ["II", "MM"])
def test_a_tiff_s_other_tags_are_dropped(order: str) -> None:
    tags: dict[int, Any] = {256: ("H", [240]), 257: ("H", [180]), 258: ("H", [8] * 3), 262: ("H", [2])}
    tags |= {274: ("H", [6]), 277: ("H", [3]), 278: ("H", [180])}
    whole = raw_photos.tiff(order, tags, [PHOTO.tobytes()])
    # A resolution of two numbers, where one is asked for.
    odd = raw_photos.tiff(order, tags | {282: ("H", [3, 4]), 283: ("H", [3, 4]), 296: ("H", [3])}, [PHOTO.tobytes()])
    with pytest.raises((UnidentifiedImageError, UserWarning)):
        Image.open(io.BytesIO(odd))
    _same(odd, whole)
    assert decoder.upright_size(odd) == (180, 240)


@pytest.mark.parametrize("options", [{}, {"lossless": True}])
def test_a_webp_cut_behind_its_pixels(options: dict[str, Any]) -> None:
    layer = PHOTO.copy()
    layer.putalpha(Image.linear_gradient("L").resize(PHOTO.size))
    for picture in (PHOTO, layer):
        whole = _saved(picture, "WEBP", exif=b"Exif\0\0II*\0" + bytes(300), **options)
        _same(whole[:-50], whole)
        assert _reason(whole[: len(whole) // 2]) == "truncated"

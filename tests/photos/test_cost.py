"""The header's pixels are read for every format, and what a photo's kind makes of them."""

import io
import struct
import zlib

import pytest
from PIL import Image

from goodsight.photos import cost
from goodsight.photos.limits import BadPhoto

WIDTH, HEIGHT = 300, 200
UNKNOWN = 64e6


def _photo(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.new("RGB", (WIDTH, HEIGHT), (9, 99, 200)).save(out, kind, **options)
    return out.getvalue()


def _png(width: int, height: int, bits: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def _pixels(data: bytes, nanoseconds: float) -> float:
    return (cost.seconds(data) * 1e9 - len(data)) / nanoseconds


@pytest.mark.parametrize(
    ("kind", "options", "nanoseconds"),
    [
        ("JPEG", {}, 4),
        ("PNG", {}, 36),
        ("GIF", {}, 12),
        ("BMP", {}, 5),
        ("WEBP", {}, 28),
        ("WEBP", {"lossless": True}, 28),
        ("TIFF", {}, 16),
        ("TIFF", {"big_tiff": True}, None),
        ("AVIF", {}, 30),
        ("HEIF", {}, 46),
    ],
)
def test_pixels_of_every_format(kind: str, options: dict[str, object], nanoseconds: float | None) -> None:
    data = _photo(kind, **options)
    if nanoseconds is None:
        assert _pixels(data, 16) == pytest.approx(UNKNOWN)
        return
    found = _pixels(data, nanoseconds)
    assert WIDTH * HEIGHT <= round(found) <= 1.3 * WIDTH * HEIGHT  # HEIF's are whole blocks


def test_scans_and_depth_cost_more() -> None:
    assert cost.seconds(_photo("JPEG", progressive=True)) > 2 * cost.seconds(_photo("JPEG"))
    assert cost.seconds(_png(8000, 8000, 16)) == pytest.approx(2 * cost.seconds(_png(8000, 8000, 8)))
    assert cost.seconds(_png(8000, 8000, 8)) > 2


def test_a_thumbnail_in_front_does_not_count() -> None:
    small = io.BytesIO()
    Image.new("RGB", (8, 8)).save(small, "JPEG")
    data = _photo("JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(small.getvalue())) + small.getvalue()
    assert cost.seconds(data[:2] + segment + data[2:]) >= cost.seconds(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff" + b"\xff" * 3_000_000,
        b"\xff\xd8\xff" + b"\xff\x01" * 1_500_000,
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"BM" + bytes(16),
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"RIFF\0\0\0\0WEBP????",
        b"II*\0\xff\xff\xff\xff",
        b"\0\0\0\x18ftypavif" + bytes(20),
        b"\0\0\0\x18ftypheic" + b"ispe" * 1000,
    ],
)
def test_a_header_that_does_not_say_is_taken_for_the_worst(data: bytes) -> None:
    assert cost.seconds(data) > 0.2


def test_no_picture() -> None:
    with pytest.raises(BadPhoto, match="not a picture"):
        cost.seconds(b"no picture")

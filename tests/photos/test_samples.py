"""Whatever the depth and the format of its samples, black is 0, white is 255, and what is between is between."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pillow_heif
import pytest
import raw_photos
from PIL import Image, TiffImagePlugin
from raw_photos import BARS, LEVELS

from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto

pillow_heif.register_heif_opener()
EIGHT = np.rint(BARS * 255).astype(np.uint8)
Key = tuple[bytes, int, tuple[int], int, tuple[int, ...], tuple[int, ...]]


def _bars(data: bytes) -> Any:
    """The five bars as they come out, (5, 3)."""
    found = np.asarray(decoder.open_rgb(data)).astype(int)
    assert found.shape == (16, 80, 3)
    return found[8, 8::16]


def _close(data: bytes, wanted: Any = LEVELS) -> None:
    assert np.abs(_bars(data) - np.asarray(wanted)[:, None]).max() <= 6, _bars(data).tolist()


def _reason(data: bytes) -> str:
    with pytest.raises(BadPhoto) as caught:
        decoder.open_rgb(data)
    return str(caught.value)


def _coarse(bits: int) -> list[float]:
    """The bars' levels in so few bits."""
    return [round(level / 255 * (2**bits - 1)) * 255 / (2**bits - 1) for level in LEVELS]


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _tiff(key: Key, compression: int = 1, planes: int = 1) -> bytes:
    """The bars as Pillow's table of TIFFs says: order, photometric, format, fill order, bits, extra samples."""
    order, space, (form,), fill, bits, extra = key
    way, depth, count = {b"II": "<", b"MM": ">"}[order], bits[0], len(bits)
    top = 2 ** (depth - (form == 2)) - 1
    values = 1 - BARS if space == 0 else BARS
    grey = np.rint(values * top).astype(np.int64)
    if space == 3:
        grey = np.minimum(np.arange(80) // 16, top)[None].repeat(16, 0)
    bands = [grey] * min(count, {2: 3}.get(space, 1))
    if space == 5:
        bands = [np.zeros_like(grey)] * 3 + [top - grey]
    if space in (6, 8) and count == 3:
        middle = np.full_like(grey, 128 if space == 6 else 0)
        bands = [grey, middle, middle]
    bands += [np.full_like(grey, top)] * (count - len(bands))
    backwards = fill == 2 and compression == 1
    if form == 3:
        strips = [values.astype(f"{way}f4").tobytes()]
    elif planes == 2:
        strips = [raw_photos.packed(band, depth, way, backwards=backwards) for band in bands]
    else:
        strips = [raw_photos.packed(np.stack(bands, 2).reshape(16, -1), depth, way, backwards=backwards)]
    if compression == 8:
        strips = [raw_photos.reverse(zlib.compress(s)) if fill == 2 else zlib.compress(s) for s in strips]
    tags: dict[int, Any] = {256: ("H", [80]), 257: ("H", [16]), 258: ("H", bits), 259: ("H", [compression])}
    tags |= {262: ("H", [space]), 266: ("H", [fill]), 277: ("H", [count]), 278: ("H", [16]), 284: ("H", [planes])}
    tags |= {339: ("H", [form] * count), 530: ("H", [1, 1])}
    tags |= {338: ("H", extra)} if extra else {}
    tags |= {320: ("H", [LEVELS[min(i, 4)] * 257 for i in range(2**depth)] * 3)} if space == 3 else {}
    return raw_photos.tiff(order.decode(), tags, strips)


@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("key", TiffImagePlugin.OPEN_INFO, ids=str)
def test_every_tiff_that_pillow_knows(key: Key, compression: int) -> None:
    _, space, form, _, bits, _ = key
    if space == 6 and len(bits) == 1 and compression == 8:
        assert "TIFF of 1 x 8 bits" in _reason(_tiff(key, compression))
        return
    wanted: list[float] = list(LEVELS)
    if space == 3:
        wanted = [LEVELS[min(i, 2 ** bits[0] - 1)] for i in range(5)]
    elif space == 8:  # the lightness of Lab is not linear in grey levels
        wanted = [0, 60, 119, 186, 255]
    elif form == (1,) and bits[0] < 8:
        wanted = _coarse(bits[0])
    _close(_tiff(key, compression), wanted)


@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("order", [b"II", b"MM"])
@pytest.mark.parametrize(
    ("space", "bits", "extra"),
    [
        (0, (1,), ()),
        (0, (8,), ()),
        (1, (4,), ()),
        (2, (8,) * 3, ()),
        (2, (16,) * 3, ()),
        (2, (16,) * 4, (2,)),
        (2, (16,) * 4, (0,)),
        (2, (8,) * 4, (1,)),
        (3, (4,), ()),
        (5, (8,) * 4, ()),
        (5, (16,) * 4, ()),
        (6, (8,) * 3, ()),
    ],
)
def test_a_tiff_in_planes(
    order: bytes, space: int, bits: tuple[int, ...], extra: tuple[int, ...], compression: int
) -> None:
    wanted = _coarse(bits[0]) if space != 3 else LEVELS
    _close(_tiff((order, space, (1,), 1, bits, extra), compression, planes=2), wanted)


def test_a_tiff_that_pillow_does_not_know_is_named_and_not_called_damaged() -> None:
    for key, name in (
        ((b"II", 1, (1,), 1, (16, 16), (2,)), "TIFF of 2 x 16 bits is not supported"),
        ((b"MM", 0, (1,), 1, (16,), ()), "TIFF of 1 x 16 bits is not supported"),
        ((b"II", 2, (3,), 1, (32, 32, 32), ()), "TIFF of 3 x 32 bits (floating point) is not supported"),
        ((b"II", 5, (1,), 1, (8,) * 5, (2,)), "TIFF of 5 x 8 bits is not supported"),
        ((b"II", 2, (1,), 1, (5, 6, 5), ()), "TIFF of 5 + 6 + 5 bits is not supported"),
        ((b"MM", 1, (1,), 1, (32,), ()), "TIFF of 1 x 32 bits is not supported"),
    ):
        form = key if key[2] != (3,) else (*key[:2], (1,), *key[3:])
        data = _tiff(form)
        if form is not key:
            at = data.index(struct.pack("<HHI", 339, 3, 3)) + 8
            place = int.from_bytes(data[at : at + 4], "little")
            data = data[:place] + struct.pack("<3H", 3, 3, 3) + data[place + 6 :]
        assert _reason(data) == f"unreadable: {name}"
    unknown = _tiff((b"II", 1, (1,), 1, (8,), ()), compression=34712)
    assert _reason(unknown) == "unreadable: TIFF of 1 x 8 bits with compression 34712 is not supported"
    assert _reason(_tiff((b"II", 1, (1,), 1, (8, 8), (2,)), planes=2)).startswith("unreadable: TIFF of 2 x 8 bits")


def test_signed_samples_may_use_their_whole_range() -> None:
    for depth in (8, 16, 32):
        tags: dict[int, Any] = {256: ("H", [80]), 257: ("H", [16]), 258: ("H", [depth]), 262: ("H", [1])}
        tags |= {277: ("H", [1]), 278: ("H", [16]), 339: ("H", [2])}
        whole = np.rint(BARS * (2**depth - 1)).astype(np.int64) - 2 ** (depth - 1)
        _close(raw_photos.tiff("II", tags, [whole.astype(f"<i{depth // 8}").tobytes()]))


def test_floating_point_is_scaled_by_what_is_in_it() -> None:
    for top in (1.0, 255.0, 65535.0):
        _close(_saved(Image.fromarray((BARS * top).astype(np.float32)), "TIFF"))
    bright = BARS.astype(np.float32)
    bright[0, 0], bright[0, 1], bright[0, 2] = 1.5, np.inf, np.nan  # lights, and what a division by zero leaves
    _close(_saved(Image.fromarray(bright), "TIFF"))


def test_16_bits_in_the_place_of_32() -> None:
    _close(_saved(Image.fromarray(np.rint(BARS * 65535).astype(np.int32)), "TIFF"))


def test_a_palette_written_in_8_bits() -> None:
    data = _tiff((b"II", 3, (1,), 1, (8,), ()))
    colours = struct.pack("<768H", *[LEVELS[min(i, 4)] * 257 for i in range(256)] * 3)
    assert colours in data
    _close(data.replace(colours, struct.pack("<768H", *[LEVELS[min(i, 4)] for i in range(256)] * 3)))


@pytest.mark.parametrize("compression", [1, 8])
def test_a_tiff_with_colours_at_half_the_resolution(compression: int) -> None:
    blocks = b"".join(
        bytes([*EIGHT[y, x : x + 2], *EIGHT[y + 1, x : x + 2], 128, 128])
        for y in range(0, 16, 2)
        for x in range(0, 80, 2)
    )
    tags: dict[int, Any] = {256: ("H", [80]), 257: ("H", [16]), 258: ("H", [8] * 3), 259: ("H", [compression])}
    tags |= {262: ("H", [6]), 277: ("H", [3]), 278: ("H", [16]), 530: ("H", [2, 2])}
    _close(raw_photos.tiff("II", tags, [zlib.compress(blocks) if compression == 8 else blocks]))


@pytest.mark.parametrize(
    ("bits", "colour"),
    [
        (1, 0),
        (2, 0),
        (4, 0),
        (8, 0),
        (16, 0),
        (8, 2),
        (16, 2),
        (2, 3),
        (4, 3),
        (8, 3),
        (8, 4),
        (16, 4),
        (8, 6),
        (16, 6),
    ],
)
def test_every_png(bits: int, colour: int) -> None:
    top = 2**bits - 1
    grey = np.rint(BARS * top).astype(np.int64)
    if colour == 3:
        grey = np.minimum(np.arange(80) // 16, top)[None].repeat(16, 0)
    bands = [grey] * (3 if colour in (2, 6) else 1) + [np.full_like(grey, top)] * (colour in (4, 6))
    palette = raw_photos.chunk(b"PLTE", bytes(level for level in LEVELS[: top + 1] for _ in range(3)))
    data = raw_photos.png(np.stack(bands, 2).reshape(16, -1), bits, colour, [palette] if colour == 3 else [])
    _close(data, _coarse(bits) if colour == 0 else [LEVELS[min(i, top)] for i in range(5)] if colour == 3 else LEVELS)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png_counts_in_its_own_bits(bits: int) -> None:
    grey = np.rint(BARS * (2**bits - 1)).astype(np.int64)
    clear = int(grey[0, 20])  # the second bar
    data = raw_photos.png(grey, bits, 0, [raw_photos.chunk(b"tRNS", struct.pack(">H", clear))])
    _close(data, [255 if grey[0, 16 * i] == clear else _coarse(bits)[i] for i in range(5)])


MODES = {"JPEG": ("L", "RGB", "CMYK"), "BMP": ("1", "L", "P", "RGB", "RGBA"), "GIF": ("1", "L", "P", "RGB")}
MODES |= dict.fromkeys(("WEBP", "AVIF", "HEIF"), ("L", "LA", "RGB", "RGBA"))


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes])
def test_every_other_format_of_8_bits(kind: str, mode: str) -> None:
    picture = Image.fromarray(EIGHT)
    if mode == "CMYK":
        picture = picture.convert("RGB")
    picture = picture.convert(mode, dither=Image.Dither.NONE)
    _close(_saved(picture, kind), [0, 0, 255, 255, 255] if mode == "1" else LEVELS)


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize(("mode", "channels"), [("L;16", 1), ("RGB;16", 3), ("RGBA;16", 4)])
def test_heic_of_10_and_12_bits(mode: str, channels: int, bits: int) -> None:
    deep = np.rint(BARS * 65535).astype(np.uint16)
    bands = [deep] * min(channels, 3) + [np.full_like(deep, 65535)] * (channels == 4)
    out = io.BytesIO()
    pillow_heif.from_bytes(mode, (80, 16), np.stack(bands, 2).tobytes()).save(out, quality=-1, bit_depth=bits)
    _close(out.getvalue())


def test_a_jpeg_of_12_bits_is_named() -> None:
    data = bytearray(_saved(Image.fromarray(EIGHT).convert("RGB"), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    assert _reason(bytes(data)) == "unreadable: JPEG of 3 x 12 bits is not supported"
    two = data.index(b"\xff\xc0")
    data[two : two + 19] = b"\xff\xc0" + struct.pack(">HBHHB", 14, 8, 16, 80, 2) + data[two + 10 : two + 16]
    assert _reason(bytes(data)) == "unreadable: JPEG of 2 x 8 bits is not supported"


def test_a_deep_picture_takes_little_more_memory_than_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goodsight.photos.samples._BLOCK", 100)  # many blocks, of a row each
    _close(_saved(Image.fromarray(np.rint(BARS * 65535).astype(np.uint16)), "PNG"))

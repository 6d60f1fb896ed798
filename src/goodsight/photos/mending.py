"""A photo without what is not its pixels, for when that keeps it from being read. What is inflated stays bounded."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from goodsight.photos import headers

_PROFILE = 4 * 2**20
_PIECE = 2**20
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel, by a PNG's colour type."""

_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Left, top, and the steps across and down of each pass of an interlaced PNG."""

_FILLER = bytes(range(0xFE, 0, -1)) * 64
"""Something else than an end, to follow a JPEG's data; all ones first, where a decoder takes zeros by itself."""

_PIXEL_TAGS = {
    *(254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325),
    *(332, 338, 339, 347, 529, 530, 531, 532, 34675),
}
"""The tags that a TIFF's pixels need, with its profile and the way it is held."""

_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a TIFF tag's value, by its type."""


@dataclass(frozen=True)
class Mended:
    """A photo that may be readable now.

    `other`, if any, is the same with something else behind its pixels: a photo that has them all decodes to the same.
    `profile` is one that Pillow would refuse for its size.
    """

    data: bytes
    other: bytes | None = None
    profile: bytes | None = None


def mend(data: bytes, kind: str) -> Iterator[Mended]:
    """A photo without its side parts, or with the end that it lacks, from the least change to the largest."""
    ways = {"PNG": _png, "JPEG": _jpeg, "WEBP": _webp, "TIFF": _tiff}
    with suppress(ValueError, IndexError, KeyError, struct.error, zlib.error, MemoryError):  # damaged beyond that
        yield from ways.get(kind, lambda _: iter(()))(data)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Name, body, and whether the checksum is right, of each chunk of a PNG; of a cut one what is there."""
    at = 8
    while at + 8 <= len(data):
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body, check = data[at + 8 : at + 8 + length], data[at + 8 + length : at + 12 + length]
        if not re.fullmatch(rb"[A-Za-z]{4}", name):
            return
        yield name, body, check == struct.pack(">I", zlib.crc32(name + body))
        at += 12 + length


def _png(data: bytes) -> Iterator[Mended]:
    """Header, palette, transparency, orientation and pixels; a side chunk with a wrong sum is dropped, as by libpng."""
    head: list[tuple[bytes, bytes]] = []
    pixels, profile = [], None
    for name, body, right in _chunks(data):
        if name == b"IDAT":
            pixels.append(body)
        elif name in (b"IHDR", b"PLTE"):
            if not right:
                return
            head.append((name, body))
        elif name in (b"tRNS", b"eXIf") and right and _fits(name, body, head):
            head.append((name, body))
        elif name == b"iCCP" and right:
            profile = _profile(body)
    if not pixels or not head or head[0][0] != b"IHDR":
        return

    def whole(packed: bytes) -> Mended:
        chunks = b"".join(_chunk(*part) for part in (*head, (b"IDAT", packed), (b"IEND", b"")))
        return Mended(data[:8] + chunks, profile=profile)

    packed = b"".join(pixels)
    yield whole(packed)
    yield whole(_again(packed, _length(head[0][1])))


def _fits(name: bytes, body: bytes, head: list[tuple[bytes, bytes]]) -> bool:
    """Whether a chunk of transparency is long enough for the kind of PNG."""
    return name != b"tRNS" or not head or len(body) >= {0: 2, 2: 6}.get(head[0][1][9], 0)


def _profile(body: bytes) -> bytes | None:
    unpacked = zlib.decompressobj()
    try:
        found = unpacked.decompress(body[body.index(b"\0") + 2 :], _PROFILE)
    except (ValueError, zlib.error):
        return None
    return found if unpacked.eof else None


def _length(header: bytes) -> int:
    """Bytes of the pixels of a PNG, with the filter byte of each row."""
    width, height, bits, kind, _, _, interlaced = struct.unpack(">IIBBBBB", header[:13])
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-max(0, width - left) // across), -(-max(0, height - top) // down)
        total += rows * (1 + -(-columns * bits * _CHANNELS[kind] // 8)) if columns else 0
    return total


def _pieces(packed: bytes) -> Iterator[bytes]:
    """What is in packed data, a piece at a time, so that no bomb can fill the memory."""
    unpacked = zlib.decompressobj()
    for at in range(0, len(packed), _PIECE):
        left = packed[at : at + _PIECE]
        while piece := unpacked.decompress(left, _PIECE):
            yield piece
            left = unpacked.unconsumed_tail


def _again(packed: bytes, length: int) -> bytes:
    """Packed data anew, with an end. Raises ValueError where bytes of pixels are missing."""
    packer, made = zlib.compressobj(1), []
    for piece in _pieces(packed):
        made.append(packer.compress(piece[:length]))
        length -= len(piece)
        if length <= 0:
            return b"".join(made) + packer.flush()
    raise ValueError("pixels are missing")


def _jpeg(data: bytes) -> Iterator[Mended]:
    """Without the segments that say nothing of pixels, and with an end."""
    kept, pixels = [data[:2]], 0
    for marker, start, end in headers.segments(data):
        if marker == 0xDA:
            pixels = start
            break
        if marker < 0xE0 or marker in (0xE0, 0xEE) or data[start + 4 : start + 9] in (b"Exif\0", b"ICC_P"):
            kept.append(data[start:end])
    if not pixels:
        return
    bare = b"".join(kept) + data[pixels:]
    if headers.ends(data):
        yield Mended(bare)
        return
    # A download that broke off may have left room for the rest. Pixels themselves end in a zero or two now and then.
    end = min(len(bare), len(bare.rstrip(b"\0")) + 2)
    bare = bare[:end].rstrip(b"\xff")
    if headers.every_coefficient_is_there(bare):
        yield Mended(bare + b"\xff\xd9", bare + _FILLER + b"\xff\xd9")


def _webp(data: bytes) -> Iterator[Mended]:
    """The still picture alone, with its transparency and its profile."""
    at = 12
    parts: dict[bytes, bytes] = {}
    while at + 8 <= len(data):
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length <= len(data):
            parts.setdefault(name, data[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    coded = b"VP8 " if b"VP8 " in parts else b"VP8L"
    if coded not in parts:
        return
    keep = [name for name in (b"ICCP", b"ALPH", coded) if name in parts]
    body = b"".join(
        name + struct.pack("<I", len(parts[name])) + parts[name] + b"\0" * (len(parts[name]) % 2) for name in keep
    )
    if extended := parts.get(b"VP8X"):
        flags = (extended[0] & 0x10) | 0x20 * (b"ICCP" in parts)
        body = b"VP8X" + struct.pack("<I", 10) + bytes([flags]) + extended[1:10] + body
    yield Mended(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body)


def _tiff(data: bytes) -> Iterator[Mended]:
    """With a directory of the tags that the pixels need."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    count, entry, offset, where = ("Q", "HHQ8s", "Q", 8) if big else ("H", "HHI4s", "I", 4)
    (at,) = struct.unpack_from(order + offset, data, where)
    (number,) = struct.unpack_from(order + count, data, at)
    kept = []
    for index in range(number):
        place = at + struct.calcsize(order + count) + index * struct.calcsize(order + entry)
        tag, kind, many, value = struct.unpack_from(order + entry, data, place)
        length = _WIDTHS.get(kind, 1) * many
        inside = length <= len(value) or struct.unpack(order + offset, value)[0] + length <= len(data)
        if tag in _PIXEL_TAGS and inside:
            kept.append(struct.pack(order + entry, tag, kind, many, value))
    padded = data + b"\0" * (-len(data) % 8)
    directory = struct.pack(order + count, len(kept)) + b"".join(kept) + struct.pack(order + offset, 0)
    first = struct.pack(order + offset, len(padded))
    yield Mended(data[:where] + first + padded[where + len(first) :] + directory)

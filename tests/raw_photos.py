"""Photos and profiles written byte by byte: what Pillow does not write."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Levels = npt.NDArray[np.float64]
LEVELS = (0, 64, 128, 192, 255)
BARS: Levels = np.repeat(np.array(LEVELS, np.float64) / 255, 16)[None].repeat(16, 0)
"""Five grey bars of 16 pixels, height 16, from 0 to 1."""

_CODES = {"B": 1, "H": 3, "I": 4}


def packed(samples: npt.NDArray[np.int64], bits: int, order: str = ">", *, backwards: bool = False) -> bytes:
    """Rows of whole numbers in so many bits each, every row filled up to a byte."""
    if bits in (8, 16, 32):
        data = samples.astype(f"{order}u{bits // 8}").tobytes()
    else:
        rows = ("".join(format(int(value), f"0{bits}b") for value in row) for row in samples)
        data = b"".join(
            int(row.ljust(-(-len(row) // 8) * 8, "0"), 2).to_bytes(-(-len(row) // 8), "big") for row in rows
        )
    return reverse(data) if backwards else data


def reverse(data: bytes) -> bytes:
    """The bits of every byte the other way round."""
    return bytes(int(f"{value:08b}"[::-1], 2) for value in data)


def chunk(name: bytes, body: bytes, *, right: bool = True) -> bytes:
    """A chunk of a PNG."""
    total = zlib.crc32(name + body) ^ (not right)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", total)


def png(samples: npt.NDArray[np.int64], bits: int, colour: int, side: Sequence[bytes] = ()) -> bytes:
    """A PNG of samples (height, samples in a row), side chunks before its pixels."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    header = struct.pack(">IIBBBBB", samples.shape[1] // channels, len(samples), bits, colour, 0, 0, 0)
    rows = b"".join(b"\0" + packed(row[None], bits) for row in samples)
    parts = (chunk(b"IHDR", header), *side, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff(order: str, tags: dict[int, tuple[str, Sequence[int]]], strips: Sequence[bytes]) -> bytes:
    """A TIFF of tags (a struct code and values each) and strips; order is II or MM."""
    way = {"II": "<", "MM": ">"}[order]
    tags = tags | {273: ("I", [0] * len(strips)), 279: ("I", [len(strip) for strip in strips])}
    at = 8 + 2 + 12 * len(tags) + 4
    raw = {tag: struct.pack(f"{way}{len(values)}{code}", *values) for tag, (code, values) in tags.items()}
    places: dict[int, int] = {}
    for tag in sorted(raw):
        if len(raw[tag]) > 4:
            places[tag], at = at, at + len(raw[tag]) + len(raw[tag]) % 2
    starts = [at + sum(map(len, strips[:number])) for number in range(len(strips))]
    raw[273] = struct.pack(f"{way}{len(strips)}I", *starts)
    entries, aside = b"", b""
    for tag in sorted(tags):
        code, values = tags[tag]
        entries += struct.pack(f"{way}HHI", tag, _CODES[code], len(values))
        entries += struct.pack(f"{way}I", places[tag]) if tag in places else raw[tag].ljust(4, b"\0")
        aside += raw[tag] + b"\0" * (len(raw[tag]) % 2) if tag in places else b""
    head = order.encode() + struct.pack(f"{way}HIH", 42, 8, len(tags))
    return head + entries + b"\0" * 4 + aside + b"".join(strips)


GAMMA_22, LINEAR = 2.2, 1.0
DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
ADOBE_RGB = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
PROPHOTO = ((0.7977, 0.2880, 0.0), (0.1352, 0.7119, 0.0), (0.0313, 0.0001, 0.8249))
SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
"""The colours red, green and blue of each space, as XYZ under D50."""


def profile(primaries: Sequence[Sequence[float]] | None, gamma: float | None = None) -> bytes:
    """An ICC profile of three primaries, or of greys for None; without a gamma it has the curve of sRGB."""

    def number(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    if gamma is None:
        x = np.arange(1024) / 1023
        light = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
        curve = b"curv" + struct.pack(">II", 0, 1024) + np.rint(light * 65535).astype(">u2").tobytes()
    else:
        curve = b"para" + struct.pack(">IHH", 0, 0, 0) + number(gamma)
    white = b"XYZ \0\0\0\0" + b"".join(map(number, (0.9642, 1.0, 0.8249)))
    parts = {b"wtpt": white}
    if primaries is None:
        parts[b"kTRC"] = curve
    else:
        for name, values in zip((b"r", b"g", b"b"), primaries, strict=True):
            parts[name + b"XYZ"] = b"XYZ \0\0\0\0" + b"".join(map(number, values))
            parts[name + b"TRC"] = curve
    at = 128 + 4 + 12 * len(parts)
    table, body = struct.pack(">I", len(parts)), b""
    for name, part in parts.items():
        table += name + struct.pack(">II", at + len(body), len(part))
        body += part + b"\0" * (-len(part) % 4)
    space = b"GRAY" if primaries is None else b"RGB "
    head = struct.pack(">I", 128 + len(table) + len(body)) + b"\0" * 4 + b"\x04\x30\0\0mntr" + space + b"XYZ "
    head = head.ljust(36, b"\0") + b"acsp"
    head = head.ljust(68, b"\0") + b"".join(map(number, (0.9642, 1.0, 0.8249)))
    return head.ljust(128, b"\0") + table + body

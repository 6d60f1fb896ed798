"""What the header of a photo says that Pillow does not read, or refuses without saying what it is."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from PIL import TiffImagePlugin

_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""The markers that start a JPEG's frame; the three others in their midst are tables."""

_NEXT = re.compile(rb"\xff[^\0\xd0-\xd7\xff]")

_SPACES = {0: "", 1: "", 2: "", 3: "palette, ", 5: "CMYK, ", 6: "YCbCr, ", 8: "Lab, ", 9: "Lab, ", 10: "Lab, "}
_SAMPLES = {1: "", 2: " (signed)", 3: " (floating point)"}


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """The marker of each of a JPEG's segments, where the segment starts, and where it ends.

    A scan's entropy-coded data are skipped. What does not fit into the file is left out, and ends it.
    """
    at = 2
    while found := _NEXT.search(data, at):
        start, marker = found.start(), data[found.end() - 1]
        if marker == 0xD9 or found.end() + 2 > len(data):
            return
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
        if marker in (0x01, 0xD8):  # these have no length
            at = found.end()
        if at > len(data):
            return
        yield marker, start, at


def ends(data: bytes) -> bool:
    """Whether a JPEG has its end behind its pixels."""
    if data.endswith(b"\xff\xd9"):
        return True
    pixels = next((start for marker, start, _ in segments(data) if marker == 0xDA), len(data))
    return b"\xff\xd9" in data[pixels:]


def frame_pixels(data: bytes) -> int:
    """Width times height of a JPEG; 0 where its first megabyte does not say, or only after many segments."""
    for marker, start, end in islice(segments(data[: 2**20]), 200):
        if marker in _FRAMES and end - start >= 9:
            return int.from_bytes(data[start + 5 : start + 7], "big") * int.from_bytes(
                data[start + 7 : start + 9], "big"
            )
    return 0


def coefficients(data: bytes) -> int:
    """How many coefficients a JPEG's decoder must keep at once; 0 where it decodes as it reads."""
    sizes: dict[int, int] = {}
    frame = 0
    for marker, start, end in segments(data):
        if marker in _FRAMES:
            frame, sizes = marker, _planes(data[start + 4 : end])
        elif marker == 0xDA:
            whole = frame in (0xC0, 0xC1, 0xC9) and data[start + 4] >= len(sizes)
            return 0 if whole else sum(sizes.values())
    return sum(sizes.values())


def _planes(frame: bytes) -> dict[int, int]:
    """Pixels of each colour plane, by its number, from a JPEG's frame header."""
    pixels = int.from_bytes(frame[1:3], "big") * int.from_bytes(frame[3:5], "big")
    parts = {frame[at]: (frame[at + 1] >> 4) * (frame[at + 1] & 15) for at in range(6, len(frame) - 2, 3)}
    most = max(parts.values(), default=1) or 1
    return {number: pixels * part // most for number, part in parts.items()}


def every_coefficient_is_there(data: bytes) -> bool:
    """Whether the scans of a JPEG bring every bit of every coefficient, as far as their headers say."""
    missing: dict[int, set[int]] = {}
    progressive = False
    for marker, start, end in segments(data):
        body = data[start + 4 : end]
        if marker in _FRAMES:
            progressive = marker in (0xC2, 0xC6, 0xCA, 0xCE)
            missing = {number: set(range(64)) if progressive else {0} for number in _planes(body)}
        elif marker == 0xDA and len(body) >= 4 + 2 * body[0]:
            first, last, bits = body[1 + 2 * body[0] :][:3]
            for number in body[1 : 1 + 2 * body[0] : 2]:
                if not progressive or not bits & 15:
                    missing.get(number, set()).difference_update(range(first, last + 1) if progressive else {0})
    return bool(missing) and not any(missing.values())


def webp_pixels(data: bytes) -> int:
    """Width times height of a WebP with an extended header; 0 for others."""
    if data[12:16] != b"VP8X":
        return 0
    return (int.from_bytes(data[24:27], "little") + 1) * (int.from_bytes(data[27:30], "little") + 1)


def described(kind: str, data: bytes) -> str:
    """What Pillow cannot read, as "TIFF of 2 x 16 bits"; '' where the header says nothing of it."""
    try:
        return {"JPEG": _jpeg, "TIFF": _tiff, "BMP": _bmp}.get(kind, lambda _: "")(data)
    except Exception:  # the header is damaged, then, in one of the many ways there are
        return ""


def _jpeg(data: bytes) -> str:
    for marker, start, end in segments(data):
        if marker in _FRAMES:
            bits, count = data[start + 4], data[start + 9]
            if end - start != 10 + 3 * count or bits not in (8, *range(2, 17)) or not count:
                return ""
            return "" if bits == 8 and count in (1, 3, 4) else f"JPEG of {count} x {bits} bits"
    return ""


def _bmp(data: bytes) -> str:
    header, bits = int.from_bytes(data[14:18], "little"), int.from_bytes(data[28:30], "little")
    coding = int.from_bytes(data[30:34], "little")
    if header < 40 or header > 124 or bits not in (0, 1, 2, 4, 8, 16, 24, 32, 64) or coding > 13:
        return ""
    return f"BMP of {bits} bits" + (f" with compression {coding}" if coding else "")


def _tiff(data: bytes) -> str:
    tags: Any = TiffImagePlugin.ImageFileDirectory_v2(data[: 16 if data[2:4] in (b"+\0", b"\0+") else 8])
    stream = io.BytesIO(data)
    stream.seek(tags.next)
    tags.load(stream)
    compression, space = tags.get(259, 1), tags.get(262, 0)
    bits, formats = tags.get(258, (1,)), tags.get(339, (1,))
    count = tags.get(277, len(bits))
    sizes = all(isinstance(tags.get(tag), int) and tags[tag] > 0 for tag in (256, 257))
    if not sizes or not 0 < count < 1000 or not (273 in tags or 324 in tags) or not 0 < max(bits) <= 128:
        return ""
    each = " + ".join(map(str, bits)) if len(set(bits)) > 1 else f"{count} x {bits[0]}"
    found = f"TIFF of {each} bits{_SAMPLES.get(formats[0], f' (sample format {formats[0]})')}"
    found += f" with compression {compression}" * (compression not in TiffImagePlugin.COMPRESSION_INFO)
    return found + f" in colour space {space}" * (space not in _SPACES)

"""What is refused before it is decoded, and the named reasons why a photo cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from PIL import Image

Reason = Literal["empty", "not a picture", "truncated", "too large", "unreadable"]


class BadPhoto(Exception):  # noqa: N818
    """A photo that cannot be used: `reason` is one of `Reason`, `detail` a short sentence for a person."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        if reason not in get_args(Reason):
            raise ValueError(f"unknown reason {reason!r}; allowed: {', '.join(get_args(Reason))}")
        super().__init__(reason, detail)  # both arguments, so that the error survives pickling between processes
        self.reason: Reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


@dataclass(frozen=True)
class Limits:
    """What is refused as "too large": the file in bytes, the picture in pixels as its header states them.

    Pillow's own ceiling (`PIL.Image.MAX_IMAGE_PIXELS`, 89 megapixels unless the program changes it) holds as well.
    """

    max_bytes: int = 32 * 2**20
    max_pixels: int = 64_000_000


DEFAULT_LIMITS = Limits()


def check_bytes(count: int, limits: Limits) -> None:
    """Raises BadPhoto "empty" or "too large"."""
    if count == 0:
        raise BadPhoto("empty", "the file has 0 bytes")
    if count > limits.max_bytes:
        raise BadPhoto("too large", f"{count / 2**20:.1f} MiB, the limit is {limits.max_bytes / 2**20:g}")


def check_pixels(pixels: int, limits: Limits) -> None:
    """Raises BadPhoto "too large"."""
    # Above Pillow's ceiling it warns, and above twice the ceiling it raises. With its ceiling taken as ours the answer
    # is the same whether or not the program turns warnings into errors, and no global setting needs to change.
    limit = min(limits.max_pixels, Image.MAX_IMAGE_PIXELS or limits.max_pixels)
    if pixels > limit:
        raise BadPhoto("too large", f"{pixels / 1e6:.1f} megapixels, the limit is {limit / 1e6:.3g}")

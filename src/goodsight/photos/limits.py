"""What is refused before it is decoded, and the named reasons why a photo cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Reason = Literal[
    "empty", "not a picture", "truncated", "too large", "unreadable", "missing", "no access", "unreachable"
]
"""The last three are of photos that lie elsewhere: not there, not for us, or no answer."""

WHOLE = 64_000_000
"""Pixels of a photo that is decoded whole, unless another limit is asked for: 256 MB."""

REDUCED = 200_000_000
"""Pixels of a JPEG, unless another limit is asked for: it is decoded at an eighth when less is needed, for 13 MB."""


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

    With None, the default, `REDUCED` holds for a JPEG that is decoded at a reduced scale, and `WHOLE` for all else.
    A number holds for every photo, also above Pillow's own ceiling of 89 megapixels.
    """

    max_bytes: int = 32 * 2**20
    max_pixels: int | None = None

    def pixels(self, *, reduced: bool = False) -> int:
        """The largest number of pixels, for a photo that is decoded at a reduced scale or whole."""
        if self.max_pixels is not None:
            return self.max_pixels
        return REDUCED if reduced else WHOLE


DEFAULT_LIMITS = Limits()


def check_bytes(count: int, limits: Limits, *, whole: bool = True) -> None:
    """Raises BadPhoto "empty" or "too large"; without `whole`, there are more bytes than were counted.

    A count below 0, which a stranger's header may state, is "unreadable": read as a size it would mean "all there is".
    """
    if count < 0:
        raise BadPhoto("unreadable", "its size is below 0")
    if count == 0:
        raise BadPhoto("empty", "the file has 0 bytes")
    if count > limits.max_bytes:
        said = f"{count / 2**20:.1f} MiB, the limit is" if whole else "over the limit of"
        raise BadPhoto("too large", f"{said} {limits.max_bytes / 2**20:g}{'' if whole else ' MiB'}")


def check_pixels(pixels: int, limits: Limits, *, reduced: bool = False) -> None:
    """Raises BadPhoto "too large"."""
    limit = limits.pixels(reduced=reduced)
    if pixels > limit:
        raise BadPhoto("too large", f"{pixels / 1e6:.1f} megapixels, the limit is {limit / 1e6:.3g}")

"""How a photo becomes the square that a network takes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Resize:
    """How a photo becomes a square of `size` by `size` pixels.

    `fit` is "pad" (aspect ratio kept, centred, filled up with white) or "squash" (stretched).
    Raises ValueError for any other value.
    """

    size: int
    fit: str = "pad"

    def __post_init__(self) -> None:
        if not isinstance(self.size, int) or isinstance(self.size, bool) or self.size < 1:
            raise ValueError(f"size must be a whole number of pixels, at least 1, not {self.size!r}")
        if self.fit not in ("pad", "squash"):
            raise ValueError(f"unknown fit {self.fit!r}; allowed: 'pad', 'squash'")

    def to_json(self) -> dict[str, Any]:
        """The fields as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Resize:
        """The inverse of `to_json`. Raises ValueError for a missing or unknown field or value."""
        if not {"size"} <= set(fields) <= {"size", "fit"}:
            raise ValueError(f"a resize has the fields 'size' and 'fit', not {sorted(fields)}")
        return cls(**fields)

    def in_pixels(self, place: tuple[float, float, float, float], width: int, height: int) -> tuple[int, int, int, int]:
        """A part of the square as one of the picture that it was made from.

        Args:
            place: left, top, right and bottom, in fractions of the square.
            width: of the upright picture, in pixels.
            height: of the upright picture, in pixels.

        Returns:
            The same in pixels of the picture, cut off at its edges.

        """
        inner = self.box(width, height)
        found = []
        for at, inside, length in zip(place, inner * 2, (width, height) * 2, strict=True):
            # As the decoder places the picture in the square.
            fraction = (at * self.size - (self.size - inside) // 2) / inside
            found.append(round(min(max(fraction, 0.0), 1.0) * length))
        return found[0], found[1], found[2], found[3]

    def box(self, width: float, height: float) -> tuple[int, int]:
        """Width and height, in pixels, that a picture of `width` by `height` has after resizing, before padding."""
        if self.fit == "squash":
            return self.size, self.size
        scale = self.size / max(width, height)
        return max(1, round(width * scale)), max(1, round(height * scale))

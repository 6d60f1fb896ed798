"""Small pictures that pages show where a photo is not there yet: they are never kept as photos of a class."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from goodsight.collecting.terms import Answer, NotFetched, Wanted
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto, Limits

SMALLEST = 16
"""Pixels: a longer side below is no photo's."""
SMALL = 64
"""Pixels: below, what many elements name is no photo, nor is what moves."""
MANY = 3
_MOST_HELD, _MOST_BYTES = 4096, 2**14


def require_photo(body: bytes, limits: Limits) -> None:
    """See that a picture of a page can be a photo.

    Raises:
        NotFetched: it is a placeholder.
        BadPhoto: it cannot be read.

    """
    colours = decoder.open_rgb(body, limits, at_least=1).getcolors(1)
    width, height = decoder.size(body, limits)
    moves = max(width, height) < SMALL and body.startswith(b"GIF8") and b"NETSCAPE2.0" in body[:2000]
    if colours or moves or max(width, height) < SMALLEST or min(width, height) <= 2:
        what = "of one colour" if colours else "that move" if moves else "are too few"
        raise NotFetched(f"a placeholder and no photo: {width} x {height} pixels {what}", lasting=True)


class Held:
    """Small pictures wait here until it is known how many elements name them, under whatever addresses."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held: dict[str, list[tuple[Wanted, Answer]]] = {}
        self._count = 0

    def take(self, one: Wanted, got: Answer | NotFetched) -> bool:
        """Hold what was fetched if it is small and from a page; whether it was held."""
        if isinstance(got, NotFetched) or not one.page or len(got.body) > _MOST_BYTES or self._count >= _MOST_HELD:
            return False
        try:
            if max(decoder.size(got.body, self._limits)) >= SMALL:
                return False
        except BadPhoto:
            return False
        self._held.setdefault(hashlib.sha256(got.body).hexdigest(), []).append((one, got))
        self._count += 1
        return True

    def decided(self) -> Iterator[tuple[Wanted, Answer | NotFetched]]:
        """All that was held, and what came of it."""
        for held in self._held.values():
            times = sum({one.url: one.times for one, _ in held}.values())
            why = f"a placeholder and no photo: {times} elements name this small picture"
            for one, got in held:
                yield one, NotFetched(why, lasting=True) if times >= MANY else got

"""Photos that were seen before: what is asked of each new one, and what is remembered of it.

Sketches of all photos are in memory, what they are laid over each other by is in the store. What this and other
processes keep is read from the store by number, so that all know the same.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np

from goodsight.auditing import repeats
from goodsight.auditing.repeats import Likeness
from goodsight.embedding.nearest import Nearest
from goodsight.store import Imprint, Imprints

MOST = 20
"""Earlier checks that are named in an answer, and photos that a search gives."""
_WHOLE = 3600.0
"""Seconds between two comparisons of all numbers with the store's."""


@dataclass(frozen=True)
class Sighting:
    """An earlier check whose photo is the same or a near copy; ``similarity`` is 0 to 1, and 1 for the same bytes."""

    id: str
    time: float
    similarity: float
    seller: str
    ad: str


@dataclass(frozen=True)
class Memories:
    """What is known of a photo.

    Attributes:
        seen: earlier checks, the likest first.
        blocked: why nobody may post it, '' when one may.
        of: sha256 of the photos of which it is a near copy.

    """

    seen: tuple[Sighting, ...] = ()
    blocked: str = ""
    of: tuple[str, ...] = ()


class Memory:
    """The memory of one process.

    Args:
        kept: the store's imprints.

    """

    def __init__(self, kept: Imprints) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._nearest = {"imprints": Nearest(), "blocked": Nearest()}
        self._last = dict.fromkeys(self._nearest, 0)
        self._whole = time.monotonic()
        self.refresh()

    def __len__(self) -> int:
        return len(self._nearest["imprints"])

    def refresh(self) -> None:
        """Learn what the store has that this process does not know yet, and sometimes forget what it has no more."""
        with self._lock:
            for which, nearest in self._nearest.items():
                while True:
                    numbers, sketches = self._kept.new(self._last[which], which)
                    if not numbers.size:
                        break
                    nearest.add(numbers, sketches)
                    self._last[which] = int(numbers[-1])
            if time.monotonic() - self._whole > _WHOLE:
                self._whole = time.monotonic()
                self._forget()

    def _forget(self) -> None:
        for which, nearest in self._nearest.items():
            nearest.forget(np.setdiff1d(nearest.numbers(), self._kept.numbers(which)))

    def recall(self, imprint: Imprint) -> Memories:
        """What is known of a photo."""
        reason = ""
        if len(self._nearest["blocked"]):
            blocked = [(each, like) for each, like in self._near(imprint, "blocked") if like.same]
            reasons = {one.sha256: one.reason for one in self._kept.blocked()} if blocked else {}
            said = [reasons[each.sha256] for each, _ in blocked if each.sha256 in reasons]
            reason = said[0] if said else ""
        found = {each.sha256: like.similarity for each, like in self._near(imprint, "imprints") if like.same}
        of = tuple(sha256 for sha256 in found if sha256 != imprint.sha256)
        return Memories(tuple(self._sightings(found | self._itself(imprint))), reason, of)

    def search(self, imprint: Imprint) -> list[Sighting]:
        """The checks whose photos are most like one, copies or not, the likest first."""
        found = {each.sha256: like.similarity for each, like in self._near(imprint, "imprints")}
        return self._sightings(found | self._itself(imprint))

    def _itself(self, imprint: Imprint) -> dict[str, float]:
        """The same bytes, also where so many photos are near that they are not among the nearest."""
        return {imprint.sha256: 1.0}

    def _near(self, imprint: Imprint, which: str) -> list[tuple[Imprint, Likeness]]:
        """The nearest photos that are still kept, and how alike they are, the likest first."""
        nearest = self._nearest[which]
        numbers, cosines = nearest.find(imprint.sketch, repeats.NEIGHBOURS, repeats.WORTH)
        kept = self._kept.take(numbers.tolist(), which) if numbers.size else {}
        gone = [number for number in numbers.tolist() if number not in kept]
        if gone:  # deleted by another process
            nearest.forget(np.array(gone))
        there = np.array([number in kept for number in numbers.tolist()], bool)
        others = [kept[number] for number in numbers[there].tolist()]
        alike = repeats.likenesses(imprint.picture, [other.picture for other in others], cosines[there])
        return sorted(zip(others, alike, strict=True), key=lambda pair: -pair[1].similarity)

    def _sightings(self, similar: dict[str, float]) -> list[Sighting]:
        """The newest checks of photos by their content, the likest first."""
        posted = self._kept.posted(list(similar), MOST)
        found = [Sighting(p.id, p.time, round(similar[p.sha256], 4), p.seller, p.ad) for p in posted]
        return sorted(found, key=lambda each: (-each.similarity, -each.time))

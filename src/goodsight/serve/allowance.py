"""How much of expensive photos is taken: so many at once, a share of them for each client, and seconds a minute."""

from __future__ import annotations

import threading
import time
from collections import Counter


class BusyError(Exception):
    """No more expensive photos for now.

    Attributes:
        seconds: when to ask again.
        own: whether it is for what the client itself has asked.

    """

    def __init__(self, said: str, seconds: int, *, own: bool) -> None:
        super().__init__(said)
        self.seconds, self.own = seconds, own


class Allowance:
    """Counts expensive photos and the seconds that their decoding takes. Safe between threads.

    Args:
        most: photos that may wait or be decoded at once.
        per_minute: seconds of decoding that a client has in a minute; what it saves up is two minutes' worth.
        shared: whether several clients may ask; then none of them has all places.

    """

    def __init__(self, most: int = 12, per_minute: float = 30.0, *, shared: bool = False) -> None:
        self._most, self._rate, self._shared = most, per_minute / 60, shared
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, client: str, seconds: float, *, always: bool = False) -> None:
        """A place for a photo that should take some seconds; with ``always`` it is taken in any case.

        Raises:
            BusyError: all places are taken, or the client has used up its own or its time.

        """
        with self._lock:
            free = self._most - sum(self._held.values())
            left = self._now(client)
            if not always:
                self._refuse(client, free, left)
            self._held[client] += 1
            self._left[client] = (left - seconds, time.monotonic())

    def _refuse(self, client: str, free: int, left: float) -> None:
        said = "a photo that takes long to decode, and "
        if left < 0:
            wait = int(-left / self._rate) + 1
            raise BusyError(f"{said}there were too many of yours; send a smaller one, or wait", wait, own=True)
        if free <= 0:
            raise BusyError(f"{said}others wait already; send a smaller one, or wait", 5, own=False)
        # As with the places of all photos, see Service.full.
        if self._shared and self._held[client] >= 3 * free:
            raise BusyError(f"{said}others of yours wait already; send a smaller one, or wait", 5, own=True)

    def give_back(self, client: str, expected: float, taken: float) -> None:
        """The photo is done; it took some seconds in place of those that were expected."""
        with self._lock:
            self._held[client] -= 1
            self._left[client] = (self._now(client) + expected - taken, time.monotonic())

    def _now(self, client: str) -> float:
        """Seconds that a client may still use; less than 0 where it used more."""
        most = 120 * self._rate
        left, since = self._left.get(client, (most, time.monotonic()))
        return min(most, left + (time.monotonic() - since) * self._rate)

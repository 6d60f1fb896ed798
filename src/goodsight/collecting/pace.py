"""One polite rate per host, whoever asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Gives each host its turns.

    Args:
        interval: seconds between two requests to a host.
        wait: waits some seconds; it may raise to end the work.
        now: the time in seconds.

    """

    def __init__(
        self, interval: float, wait: Callable[[float], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval, self._wait, self._now = interval, wait, now
        self._longer: dict[str, float] = {}
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def turn(self, host: str) -> None:
        """Wait until the host may be asked."""
        with self._lock:
            now = self._now()
            at = max(now, self._next.get(host, now))
            self._next[host] = at + max(self._interval, self._longer.get(host, 0.0))
        self._wait(at - now)

    def slow(self, host: str, seconds: float) -> None:
        """The host wants at least so many seconds between two requests, from the last one on."""
        with self._lock:
            self._longer[host] = max(seconds, self._longer.get(host, 0.0))
            self._next[host] = max(self._next.get(host, 0.0), self._now() + max(seconds, self._interval))

    def hold(self, host: str, seconds: float) -> None:
        """The host is not to be asked for so many seconds."""
        with self._lock:
            self._next[host] = max(self._next.get(host, 0.0), self._now() + seconds)

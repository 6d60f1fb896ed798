"""Whose photo is decoded next: clients get equal time, and within a client small photos and large ones do.

Start-time fair queueing (Goyal, Vin and Cheng 1996) on two levels. Who takes much comes later; who comes after a pause
has saved nothing up and owes nothing. A crowd of large photos so takes as much time from the small ones of the same
client as they take from it, however many wait.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Thing = TypeVar("Thing")
_SMALL = 0.01
_SIZES = 8


@dataclass
class _Shares:
    """Parties that wait, and the time that each has had."""

    waiting: set[str] = field(default_factory=set)
    had: dict[str, float] = field(default_factory=dict)
    now: float = 0.0

    def join(self, party: str) -> None:
        if party not in self.waiting:
            self.waiting.add(party)
            self.had[party] = max(self.had.get(party, 0.0), self.now)

    def next(self) -> str:
        party = min(self.waiting, key=lambda one: self.had[one])
        self.now = self.had[party]
        return party

    def leave(self, party: str) -> None:
        self.waiting.discard(party)
        if not self.waiting:
            self.now = max(self.had.values())  # all debts are paid: whoever comes next begins level
        if len(self.had) > 1000:  # those who owe nothing need not be remembered
            self.had = {one: had for one, had in self.had.items() if one in self.waiting or had > self.now}

    def charge(self, party: str, seconds: float) -> None:
        self.had[party] = self.had.get(party, self.now) + seconds


class Turns(Generic[Thing]):
    """A queue of things, each of a client and with seconds that it is expected to take. Safe between threads."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._clients = _Shares()
        self._sizes: dict[str, _Shares] = {}
        self._things: dict[tuple[str, str], deque[tuple[Thing, float]]] = {}
        self._closed = False

    def put(self, thing: Thing, client: str, seconds: float) -> None:
        """Wait for one's turn."""
        size = _size(seconds)
        with self._ready:
            self._clients.join(client)
            self._sizes.setdefault(client, _Shares()).join(size)
            self._things.setdefault((client, size), deque()).append((thing, seconds))
            self._ready.notify()

    def take(self) -> Thing | None:
        """The next thing, waited for; None when the queue is closed and empty."""
        with self._ready:
            while not self._clients.waiting:
                if self._closed:
                    return None
                self._ready.wait()
            client = self._clients.next()
            sizes = self._sizes[client]
            size = sizes.next()
            things = self._things[client, size]
            thing, seconds = things.popleft()
            self._clients.charge(client, seconds)
            sizes.charge(size, seconds)
            if not things:
                del self._things[client, size]
                sizes.leave(size)
            if not sizes.waiting:
                self._clients.leave(client)
                del self._sizes[client]
            return thing

    def correct(self, client: str, expected: float, taken: float) -> None:
        """Charge what a thing took in place of what was expected: a header may lie, a clock does not."""
        with self._ready:
            self._clients.charge(client, taken - expected)

    def close(self) -> None:
        """Nothing more comes."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()


def _size(seconds: float) -> str:
    """The class of a thing's size, by powers of two."""
    return str(min(max(math.ceil(math.log2(max(seconds, 1e-9) / _SMALL)), 0), _SIZES))

"""Shards that wait to be answered: each is tried three times, then named and left."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from goodsight.cluster.shards import Shard
from goodsight.cluster.store import Store
from goodsight.errors import GoodsightError
from goodsight.progress import Progress

ATTEMPTS = 3
OUT_OF_REACH = ("unreachable", "no access")
"""Reasons of bad photos that may be others tomorrow."""
UNSEEN = ("ENOENT", "ENOTDIR", "EACCES", "EPERM", "EIO", "ESTALE", "ENOTCONN", "EHOSTDOWN", "ENODEV")
"""What a machine says of a file when it has not the disk, or not the rights, of the machine that listed it."""


@dataclass(frozen=True)
class Answered:
    """A shard that is done: how many photos it has, how many of them are bad, its file if that is not written yet."""

    name: str
    photos: int
    bad: int
    data: bytes | None = None


class OutOfReachError(Exception):
    """Storage did not answer for photos of a shard: what would be written of them would not be true later."""


def require_in_reach(shard: Shard, problems: Sequence[str]) -> None:
    """Refuse to write that photos cannot be reached, until it was tried several times, and then for most of a shard.

    Args:
        shard: the photos.
        problems: what is wrong with each; '' for nothing.

    Raises:
        OutOfReachError: some could not be reached, or no key in the environment allows to. On a cluster also: the
            machine does not see their files.

    """
    reasons = (*OUT_OF_REACH, *_unseen()) if shard.sent else OUT_OF_REACH
    lost = [problem for problem in problems if problem.startswith(reasons)]
    if lost and (shard.tried + 1 < ATTEMPTS or len(lost) > len(problems) // 2):
        raise OutOfReachError(f"{len(lost)} of {len(problems)} photos cannot be reached: {lost[0]}")


def _unseen() -> list[str]:
    """As a photo that cannot be read says it, on this machine."""
    numbers = [getattr(errno, name) for name in UNSEEN if hasattr(errno, name)]
    return [f"unreadable: {os.strerror(number).lower()}" for number in numbers]


@dataclass(frozen=True)
class Failed:
    """A shard that was given up: its number, its photos (the first, and the one after the last), and why."""

    number: int
    photos: tuple[int, int]
    reason: str

    def __str__(self) -> str:
        first, end = self.photos
        return f"shard {self.number} (photos {first} to {end - 1}): {self.reason}"


class Queue:
    """What is to be done, what is done, and what was given up. Of the shards only those on their way are in memory.

    Args:
        shards: all of them, in order; read lazily.
        digests: of the shards, as the manifest has them.
        there: the files of those that are done already.
        store: where answers go.
        progress: told as ``progress(step, done, total)`` about the photos that are to be answered.
        told: the step, and the total.

    """

    def __init__(
        self,
        shards: Iterator[Shard],
        digests: Sequence[str],
        there: set[str],
        store: Store,
        progress: Progress,
        told: tuple[str, int],
    ) -> None:
        self._new, self._expected, self._there = shards, iter(digests), there
        self._store, self._progress, self._told = store, progress, told
        self._again: deque[Shard] = deque()
        self.failed: list[Failed] = []
        self.done = self.bad = self._seen = 0

    def take(self) -> Shard | None:
        """The next shard, or None when there is none at the moment.

        Raises:
            GoodsightError: its photos are not those that the manifest was made of.

        """
        for shard in self._new:
            if shard.digest() != next(self._expected, ""):
                raise self._changed(shard.number)
            self._seen += 1
            if shard.name not in self._there:
                return shard
        if next(self._expected, ""):
            raise self._changed(self._seen)
        return self._again.popleft() if self._again else None

    @staticmethod
    def _changed(number: int) -> GoodsightError:
        return GoodsightError(f"shard {number}: the list of photos changed while it was read; run the command again")

    def answered(self, answered: Answered) -> None:
        """A shard is done."""
        if answered.data is not None:
            self._store.write(answered.name, answered.data)
        self.done += answered.photos
        self.bad += answered.bad
        step, total = self._told
        self._progress(step, self.done, total)

    def starting(self, ready: int, workers: int, note: str = "") -> None:
        """So many workers are ready, of so many; ``note`` says what the others wait for."""
        self._progress("start workers", ready, workers, note)

    def failing(self, shard: Shard, reason: str) -> None:
        """A shard could not be answered: it is tried again after all others, or given up."""
        if shard.tried + 1 < ATTEMPTS:
            self._again.append(replace(shard, tried=shard.tried + 1))
            return
        self.failed.append(Failed(shard.number, (shard.first, shard.first + len(shard.rows)), reason))

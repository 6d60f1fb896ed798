"""The threads: each takes a host and asks it one thing after the other, so that no host meets two of us at once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from goodsight.collecting.terms import NotFetched, Stopped

IN_A_ROW = 5
"""A host that failed so often in a row is left alone for the rest of the run."""

Job = TypeVar("Job")
Got = TypeVar("Got")
Item = TypeVar("Item")


@dataclass(frozen=True)
class Crew:
    """How many hosts are asked at the same time, and the event that ends all work soon."""

    workers: int
    stop: threading.Event

    def results(
        self, jobs: Sequence[Job], host: Callable[[Job], str], fetch: Callable[[Job], Got]
    ) -> Generator[tuple[Job, Got | NotFetched]]:
        """What each job came to, as it comes; the jobs of a host keep their order.

        When the generator is closed early, the threads end soon by themselves.

        Args:
            jobs: what to fetch.
            host: the host of a job.
            fetch: fetches a job; what it raises but for NotFetched and Stopped ends the run.

        """
        by_host: dict[str, list[Job]] = {}
        for job in jobs:
            by_host.setdefault(host(job), []).append(job)
        waiting: queue.SimpleQueue[list[Job]] = queue.SimpleQueue()
        for share in by_host.values():
            waiting.put(share)
        done: queue.Queue[tuple[Job, Got | NotFetched] | Exception] = queue.Queue(self.workers)
        finished = False
        try:
            for _ in range(min(self.workers, len(by_host))):
                # Daemons: after Ctrl-C nobody has to wait for a server to answer.
                threading.Thread(target=_work, args=(waiting, done, fetch, self.stop), daemon=True).start()
            for _ in jobs:
                found = _next(done)
                if isinstance(found, Exception):
                    raise found
                yield found
            finished = True
        finally:
            if not finished:
                self.stop.set()


def _work(
    waiting: queue.SimpleQueue[list[Job]],
    done: queue.Queue[tuple[Job, Got | NotFetched] | Exception],
    fetch: Callable[[Job], Got],
    stop: threading.Event,
) -> None:
    try:
        while True:
            for found in _share(waiting.get_nowait(), fetch):
                _put(done, found, stop)
    except (queue.Empty, Stopped):
        return
    except Exception as error:  # a fault of ours: the run must not go on as if nothing had been
        with suppress(Stopped):
            _put(done, error, stop)


def _share(jobs: Sequence[Job], fetch: Callable[[Job], Got]) -> Iterator[tuple[Job, Got | NotFetched]]:
    """The jobs of one host. When it seems to be down, the rest is given up without asking."""
    failed = 0
    for job in jobs:
        if failed >= IN_A_ROW:
            yield (
                job,
                NotFetched(f"not asked, as {IN_A_ROW} before it failed in a row on this host; run it again later"),
            )
            continue
        try:
            got: Got | NotFetched = fetch(job)
        except NotFetched as error:
            got = error
        failed = failed + 1 if isinstance(got, NotFetched) and got.again else 0
        yield job, got


def _put(done: queue.Queue[Item], item: Item, stop: threading.Event) -> None:
    while True:
        if stop.is_set():
            raise Stopped
        with suppress(queue.Full):
            return done.put(item, timeout=0.5)


def _next(done: queue.Queue[Item]) -> Item:
    while True:
        with suppress(queue.Empty):
            return done.get(timeout=0.5)  # with a timeout, as Windows does not let Ctrl-C through otherwise

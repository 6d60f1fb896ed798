"""Shards answered by workers of Ray: each has one at a time, and one that dies is replaced.

Plain actors, and not Ray Data: a shard that was answered is a file, so that whatever dies, the rest goes on from the
files, and neither lineage nor a second store of the photos' names is needed. See docs/cluster.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from goodsight.cluster.jobs import Job
from goodsight.cluster.queue import ATTEMPTS, Queue
from goodsight.cluster.shards import Shard
from goodsight.cluster.store import Store
from goodsight.cluster.worker import Sent, Worker
from goodsight.errors import GoodsightError, ModelError

ENGINE = "ray"
DIED = "its worker died"
PATIENCE = 30.0
"""Seconds without a ready worker until it is said what is waited for."""


def require(on: str) -> None:
    """Refuse what is no cluster, or one that cannot be reached from here.

    Raises:
        GoodsightError: another word than ``ray`` or ``ray://HOST:PORT``, or Ray is not installed.

    """
    if on != ENGINE and not on.startswith("ray://"):
        raise GoodsightError(f"`on` {on}: must be ray or ray://HOST:10001; leave it out to work in this process")
    if not find_spec("ray"):
        raise GoodsightError("`on`: to work on a cluster, install the extra cluster: pip install 'goodsight[cluster]'")


@contextmanager
def connected(on: str) -> Iterator[Any]:
    """Ray, connected to the cluster that ``RAY_ADDRESS`` names or that runs on this machine; else one is started.

    Raises:
        GoodsightError: as :func:`require`, or there is no cluster at that address.

    """
    require(on)
    # Ray tells its makers about each cluster that is started, unless it is told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = import_module("ray")
    if ray.is_initialized():
        yield ray
        return
    address = None if on == ENGINE else on
    try:
        ray.init(address, include_dashboard=None if address else False, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise GoodsightError(f"`on` {on}: no cluster answers there: {error}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def work(ray: Any, job: Job, sent: Sent, store: Store, queue: Queue, workers: int) -> list[str]:
    """Answer all that waits.

    Args:
        ray: connected to a cluster.
        job: what is asked.
        sent: what it needs.
        store: where answers go.
        queue: what waits.
        workers: how many; 0 for one on each machine.

    Returns:
        The machines that were refused, each with the reason.

    Raises:
        ModelError: every machine was refused, or workers die before they are ready.
        GoodsightError: storage or catalog cannot be used.

    """
    pool = _Pool(ray, job, ray.put(sent), store, queue, *_shape(ray, workers))
    try:
        pool.run()
    finally:
        pool.end()
    return pool.refused


def _shape(ray: Any, workers: int) -> tuple[int, int]:
    """How many workers, and the processors of each: those of a machine are divided among its workers.

    No more than the processors of all machines have room for: Ray would never start the others.
    """
    machines = [int(node["Resources"]["CPU"]) for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    workers = workers or max(1, len(machines))
    each = -(-workers // max(1, len(machines)))
    processors = max(1, min(machines, default=1) // each)
    room = sum(machine // processors for machine in machines)
    return min(workers, room or workers), processors


@dataclass
class _Pool:
    """The workers, and what each is at: a shard, or None while it makes itself ready."""

    ray: Any
    job: Job
    sent: Any
    store: Store
    queue: Queue
    workers: int
    processors: int
    busy: dict[Any, tuple[Any, Shard | None]] = field(default_factory=dict)
    idle: list[Any] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    ready: int = 0
    stillborn: int = 0

    def run(self) -> None:
        self.queue.starting(0, self.workers)
        for _ in range(self.workers):
            self._begin()
        while self._going():
            ready, _ = self.ray.wait(list(self.busy), timeout=PATIENCE)
            if ready:
                worker, shard = self.busy.pop(ready[0])
                self._settle(worker, shard, ready[0])
            elif not self.ready:
                self.queue.starting(0, self.workers, f"wait for {self.processors} free processors, or for the model")
        if self.refused and not self.idle:
            raise ModelError(f"no machine answers as the model's own did: {'; '.join(self.refused)}")

    def _going(self) -> bool:
        """Whether anything is to be waited for: workers that nobody needs any more may never find a place to start."""
        return bool(self.busy) and not (self.idle and all(shard is None for _, shard in self.busy.values()))

    def end(self) -> None:
        for worker in (*self.idle, *(worker for worker, _ in self.busy.values())):
            self.ray.kill(worker)

    def _begin(self) -> None:
        """A new worker, on the machine with the fewest."""
        actor = self.ray.remote(Worker).options(num_cpus=self.processors, scheduling_strategy="SPREAD", max_restarts=0)
        worker = actor.remote(self.job, self.store, self.sent)
        self.busy[worker.start.remote()] = (worker, None)

    def _settle(self, worker: Any, shard: Shard | None, ready: Any) -> None:
        """Take what a worker has done, and give it the next."""
        errors = self.ray.exceptions
        try:
            done = self.ray.get(ready)
        except errors.RayTaskError as error:
            if shard is None:
                self.refused.append(str(error.cause))
                self.ray.kill(worker)
                return
            self.queue.failing(shard, f"{type(error.cause).__name__}: {error.cause}")
        except errors.RayError as error:
            self._replace(shard, error)
            return
        else:
            self.stillborn = 0
            if shard is None:
                self.ready = min(self.ready + 1, self.workers)
                self.queue.starting(self.ready, self.workers)
            else:
                self.queue.answered(done)
        self.idle.append(worker)
        self._hand_out()

    def _hand_out(self) -> None:
        """Shards to those that wait: one that failed is there again when others are long done."""
        while self.idle and (shard := self.queue.take()) is not None:
            worker = self.idle.pop()
            self.busy[worker.answer.remote(shard)] = (worker, shard)

    def _replace(self, shard: Shard | None, error: Exception) -> None:
        """Another worker for one that died; what it was at waits again."""
        if shard is not None:
            self.queue.failing(shard, DIED)
        else:
            self.stillborn += 1
            if self.stillborn >= ATTEMPTS * self.workers:
                raise ModelError(f"workers die before they are ready: {error}")
        self._begin()
        self._hand_out()

"""A catalog is answered by shards: by this process, or on a cluster, one way or the other the same files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from goodsight.catalog.rows import Row
from goodsight.cluster import local, pool
from goodsight.cluster.jobs import Job
from goodsight.cluster.manifest import Manifest, agree
from goodsight.cluster.queue import Failed, Queue
from goodsight.cluster.shards import cut
from goodsight.cluster.store import Store
from goodsight.cluster.worker import Sent
from goodsight.errors import CatalogError, require_at_least
from goodsight.progress import Progress

SHARD = 1000


@dataclass(frozen=True)
class Where:
    """How a catalog is worked through.

    Attributes:
        on: ``ray``, ``ray://HOST:PORT``, or '' for this process.
        shard: photos of a shard.
        workers: on a cluster; 0 for one on each machine.

    """

    on: str = ""
    shard: int = SHARD
    workers: int = 0

    def __post_init__(self) -> None:
        require_at_least(1, shard=self.shard)
        require_at_least(0, workers=self.workers)
        if self.on:
            pool.require(self.on)


@dataclass(frozen=True)
class Sharded:
    """What became of a catalog.

    Attributes:
        place: where the shards are.
        photos: how many there are.
        kept: of them were answered by an earlier run.
        bad: photos that this run could not use; their rows say why.
        failed: shards that were given up.
        refused: machines that were not used, with the reason.

    """

    place: str
    photos: int
    kept: int
    bad: int
    failed: tuple[Failed, ...] = ()
    refused: tuple[str, ...] = ()


def run(
    job: Job,
    folder: Path,
    files: Callable[[], dict[str, bytes]],
    rows: Callable[[], Iterable[Row]],
    store: Store,
    where: Where,
    progress: Progress,
) -> Sharded:
    """Answer all shards that are not there yet.

    Args:
        job: what is asked.
        folder: with what it needs, for this process.
        files: the same as it is sent to a cluster.
        rows: gives the photos, in the same order each time: they are read twice and never held.
        store: where answers go.
        where: by whom.
        progress: told about the photos.

    Raises:
        CatalogError: there is no photo.
        GoodsightError: ``store`` holds something else, or cannot be used; there is no such cluster.
        ModelError: no machine answers as it should.

    """
    progress("read the list", 0, 0)
    manifest = Manifest.of(job.asked, rows(), where.shard)
    if not manifest.photos:
        raise CatalogError("no photos; give photos, folders or lists")
    there = agree(store, manifest)
    kept = sum(_photos(manifest, number) for number, name in enumerate(manifest.names()) if name in there)
    told = (job.step, manifest.photos - kept)
    queue = Queue(cut(rows(), where.shard), manifest.digests, there, store, progress, told)
    refused: list[str] = []
    if kept == manifest.photos:
        return Sharded(store.place, kept, kept, 0)
    if where.on:
        with pool.connected(where.on) as ray:
            refused = pool.work(ray, job, Sent(files()), store, queue, where.workers)
    else:
        local.work(job.start(folder), queue)
    return Sharded(store.place, manifest.photos, kept, queue.bad, tuple(queue.failed), tuple(refused))


def _photos(manifest: Manifest, number: int) -> int:
    """Of one shard."""
    return min(manifest.size, manifest.photos - number * manifest.size)

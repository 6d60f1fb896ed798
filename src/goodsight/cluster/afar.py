"""An embedder whose tables a cluster makes; all else it does itself."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from goodsight.backbones.backbone import Backbone
from goodsight.catalog.rows import Row
from goodsight.cluster import vectors
from goodsight.cluster.jobs import NETWORK, Embedding
from goodsight.cluster.manifest import NAME as MANIFEST
from goodsight.cluster.manifest import Manifest
from goodsight.cluster.run import Where, run
from goodsight.cluster.store import Store
from goodsight.embedding.embedder import Embedder
from goodsight.embedding.records import locked, still_there
from goodsight.embedding.table import Table
from goodsight.errors import GoodsightError
from goodsight.files import cache_folder


class Afar(Embedder):
    """An embedder that has photos embedded elsewhere where they come as a table: for audit and train.

    The shards come to a folder of the cache until the table is whole, so that a run that was cut off goes on there.

    Args:
        backbone: the network.
        where: who embeds.
        options: as of :class:`Embedder`.

    """

    def __init__(self, backbone: Backbone, where: Where, **options: Any) -> None:
        super().__init__(backbone, **options)
        self._where = where

    def table(self, rows: Sequence[Row]) -> Table:
        """As of :class:`Embedder`, and the same values.

        Raises:
            GoodsightError: some shards could not be embedded; they are named.

        """
        if not rows:
            return super().table(rows)
        job = Embedding(self.backbone.to_json(), self.limits, self.cache is not None)
        network = self.backbone.network
        name = Manifest.of(job.asked, rows, self._where.shard).digest()[:32]
        with _folder(cache_folder() / "cluster" / name) as folder:
            store = Store(str(folder))
            done = run(
                job, network, lambda: {NETWORK: network.read_bytes()}, lambda: rows, store, self._where, self.progress
            )
            if done.failed:
                raise GoodsightError(f"not embedded: {'; '.join(map(str, done.failed))}; run the same command again")
            table = vectors.table(store, rows, np.empty((len(rows), self.backbone.width), np.float32))
            shutil.rmtree(folder, ignore_errors=True)
            return table


@contextmanager
def _folder(usual: Path) -> Iterator[Path]:
    """The folder that a run which was cut off left, or one of its own while another run has that."""
    usual.parent.mkdir(parents=True, exist_ok=True)
    path = usual.with_suffix(".lock")
    with path.open("ab") as stream:
        if not (locked(stream) and still_there(stream, path)):
            with tempfile.TemporaryDirectory(dir=usual.parent, ignore_cleanup_errors=True) as own:
                yield Path(own)
            return
        if not (usual / MANIFEST).exists():
            # A run that was killed while it began, or ended, left a folder that nobody can go on with.
            shutil.rmtree(usual, ignore_errors=True)
        try:
            yield usual
        finally:
            # Removed while it is held: who opened it before sees that it is gone, and takes a folder of its own.
            with suppress(OSError):
                path.unlink()

"""Heads are learned from made-up embeddings, without a network."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

import numpy as np

from goodsight.arrays import Array, Pixels
from goodsight.backbones.backbone import Backbone
from goodsight.catalog.rows import Row
from goodsight.embedding.embedder import Embedder
from goodsight.embedding.photoset import PhotoSet, trained_rows
from goodsight.embedding.table import Table
from goodsight.model.learn import Learned, learn
from goodsight.training import frozen
from goodsight.training.frozen import Grey
from goodsight.training.groups import group


class Unasked:
    """An engine that nobody may ask."""

    name, precision = "unasked", "f32"
    outputs = ("embedding",)

    def submit(self, pixels: Pixels) -> Future[Array]:
        raise AssertionError("the network is not run")

    def explained(self, pixels: Pixels) -> dict[str, Array]:
        raise AssertionError("the network is not run")

    def close(self) -> None:
        pass


class Known(Embedder):
    """Knows the embeddings of its photos, and of no others."""

    def __init__(self, backbone: Backbone, table: Table) -> None:
        super().__init__(backbone, engine=Unasked(), cached=False)
        self._table = table

    def table(self, rows: Sequence[Row]) -> Table:
        assert list(rows) == list(self._table.rows)
        return self._table


def nothing(width: int) -> Table:
    """No photo."""
    return Table((), (), np.zeros((0, width), np.float32), np.zeros((0, 256), np.uint8), ())


def learned(
    sets: Sequence[PhotoSet],
    backbone: Backbone,
    *,
    undone: Table | None = None,
    grey: Array | None = None,
    budget: float = 0.0,
) -> tuple[Learned, ...]:
    """What is learned of sets of photos: of each that has ``grey``, the training photos looked at without colours."""
    starts: Grey | None = None
    if grey is not None:
        found = sets[0].table.take(trained_rows(sets))
        starts = lambda: Known(backbone, replace(found, filed=grey))  # noqa: E731
    embedder, put_back = Embedder(backbone, engine=Unasked(), cached=False), undone or nothing(backbone.width)
    fitted = frozen.fit(sets, group(sets, backbone), embedder, put_back, starts, budget, lambda _: None)
    return learn(fitted, 0.9, "", lambda _: None)

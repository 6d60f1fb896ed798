"""Embeddings by shards are, read back, the table that one process makes."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import goodsight
from goodsight import Work
from goodsight.backbones.backbone import Backbone
from goodsight.catalog.read import unlabelled
from goodsight.cluster import vectors
from goodsight.cluster.store import Store
from goodsight.embedding.embedder import Embedder
from goodsight.embedding.table import Embedded, Table
from goodsight.errors import CatalogError
from goodsight.progress import quiet


@pytest.fixture(scope="module")
def here(drawn_photos: Path, planted: object, backbone: Backbone) -> Table:
    with Embedder(backbone) as embedder:
        return embedder.table(list(unlabelled(drawn_photos)))


@pytest.fixture(scope="module")
def store(drawn_photos: Path, planted: object, tmp_path_factory: pytest.TempPathFactory) -> Store:
    out = tmp_path_factory.mktemp("vectors")
    done = goodsight.embed(drawn_photos, out=out, work=Work(shard=50, progress=quiet))
    assert (done.photos, done.bad) == (175, 3)
    return Store(str(out))


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_shards_are_the_table_of_one_process(
    kind: type, here: Table, store: Store, drawn_photos: Path, tmp_path: Path
) -> None:
    rows = list(unlabelled(drawn_photos))
    room = np.memmap(tmp_path / "vectors", kind, "w+", shape=(len(rows), here.vectors.shape[1]))
    found = vectors.table(store, rows, room)
    assert (found.rows, found.sha256) == (here.rows, here.sha256)
    assert (found.vectors == here.vectors).all()
    assert (found.thumbnails == here.thumbnails).all()
    assert [(row, str(bad)) for row, bad in found.bad] == [(row, str(bad)) for row, bad in here.bad]


def test_the_columns_are_what_others_read(store: Store) -> None:
    table = pq.read_table(store.place)
    assert table.column_names == ["file_name", "sha256", "vector", "thumbnail", "problem"]
    assert table.num_rows == 175
    bad = [row for row in table.to_pylist() if row["vector"] is None]
    assert [row["problem"].partition(":")[0] for row in bad] == ["truncated"] * 3
    assert {(row["sha256"], row["thumbnail"]) for row in bad} == {("", None)}


def test_shards_of_other_photos_are_refused(store: Store, drawn_photos: Path, here: Table) -> None:
    rows = list(unlabelled(drawn_photos))
    for others, said in (
        (rows[:-1], r"0000003\.parquet holds shoe/.*, which does not stand there now"),
        (rows[1:], r"0000000\.parquet holds bag/.*, which does not stand there now"),
        ([*rows, rows[0]], "1 photos are in none of its shards"),
    ):
        with pytest.raises(CatalogError, match=said):
            vectors.table(store, others, np.empty((len(rows) + 1, here.vectors.shape[1]), np.float32))


def test_a_shard_of_bad_photos_alone_is_read(tmp_path: Path, here: Table) -> None:
    data = vectors.as_bytes([Embedded(row, bad=bad) for row, bad in here.bad], 8)
    (tmp_path / "0000000.parquet").write_bytes(data)
    photos, some, grey = vectors.read(Store(str(tmp_path)), "0000000.parquet")
    assert ([photo["sha256"] for photo in photos], len(some), len(grey)) == (["", "", ""], 0, 0)

"""A catalog is answered by shards in this process: what is there is kept, and where work is done is checked first."""

from pathlib import Path

import pytest
from shard_jobs import Names, rows

from goodsight.cluster.run import Where, run
from goodsight.cluster.store import Store
from goodsight.errors import CatalogError, GoodsightError


def test_only_what_is_missing_is_answered_and_progress_counts_that(tmp_path: Path) -> None:
    photos, store = rows(9), Store(str(tmp_path / "out"))
    told: list[tuple[object, ...]] = []
    job = Names(str(tmp_path))

    def answered() -> int:
        told.clear()
        where = Where(shard=2)
        return run(job, tmp_path, dict, lambda: photos, store, where, lambda *said: told.append(said)).kept

    assert answered() == 0
    assert told == [("read the list", 0, 0), *(("name", done, 9) for done in (2, 4, 6, 8, 9))]
    for number in (1, 4):
        (tmp_path / "out" / f"000000{number}.parquet").unlink()
    assert answered() == 6
    assert told[1:] == [("name", 2, 3), ("name", 3, 3)]
    assert answered() == 9
    assert told[1:] == []
    assert [job.begun(number) for number in range(5)] == [1, 2, 1, 1, 2]


def test_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no photos; give photos, folders or lists"):
        run(Names(""), tmp_path, dict, list, Store(str(tmp_path)), Where(), lambda *said: None)


def test_an_interrupted_run_leaves_whole_shards(tmp_path: Path) -> None:
    def stopped(step: str, done: int, total: int, note: str = "", /) -> None:
        if done == 4:
            raise KeyboardInterrupt

    photos, out = rows(9), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(Names(str(tmp_path)), out, dict, lambda: photos, Store(str(out)), Where(shard=2), stopped)
    assert sorted(path.name for path in out.iterdir()) == ["0000000.parquet", "0000001.parquet", "_manifest.json"]


@pytest.mark.parametrize(("shard", "workers", "said"), [(0, 0, "`shard` 0: must"), (1, -1, "`workers` -1: must")])
def test_numbers_that_make_no_sense_are_refused(shard: int, workers: int, said: str) -> None:
    with pytest.raises(GoodsightError, match=said):
        Where(shard=shard, workers=workers)

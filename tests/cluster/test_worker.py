"""A worker unpacks what it was sent once, and says which machine it is when anything is not as it should be."""

from pathlib import Path

import pytest
from bucket import Bucket
from shard_jobs import Names, rows

from goodsight.cluster import worker as workers
from goodsight.cluster.queue import Answered
from goodsight.cluster.shards import Shard
from goodsight.cluster.store import Store
from goodsight.cluster.worker import Sent, Worker, machine, unpacked
from goodsight.errors import ModelError


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_files_are_unpacked_once_and_mended_where_they_are_others() -> None:
    files = {"model.json": b"1", "heads": b"3", "canaries/0.png": b"2"}
    folder = unpacked("a" * 64, files)
    assert (folder / "canaries" / "0.png").read_bytes() == b"2"
    kept = (folder / "heads").stat().st_ino
    (folder / "model.json").write_bytes(b"0")
    (folder / "canaries" / "0.png").unlink()
    assert unpacked("a" * 64, files) == folder
    assert {name: (folder / name).read_bytes() for name in files} == files
    assert (folder / "heads").stat().st_ino == kept


def test_another_version_is_refused_by_name(tmp_path: Path) -> None:
    worker = Worker(Names(str(tmp_path)), Store(str(tmp_path)), Sent({}, "0.0.1"))
    with pytest.raises(ModelError, match=rf"{machine()}: has goodsight .*, and 0\.0\.1 asks; install that"):
        worker.start()


def test_a_machine_that_answers_otherwise_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "machine", lambda: "rack-7")
    with pytest.raises(ModelError, match="rack-7: answers differently"):
        Worker(Names(str(tmp_path), refusing=True), Store(str(tmp_path)), Sent({})).start()


def test_answers_are_written_where_all_can_write_and_else_given_back(tmp_path: Path, bucket: Bucket) -> None:
    shard, job = Shard(3, 6, tuple(rows(2))), Names(str(tmp_path))
    back = Worker(job, Store(str(tmp_path)), Sent({})).answer(shard)
    assert (back.name, back.data) == ("0000003.parquet", b"0.jpg\n1.jpg")
    put = Worker(job, Store(bucket.url("worker-test")), Sent({})).answer(shard)
    assert (put.data, put.photos) == (None, 2)
    assert bucket.get("worker-test/0000003.parquet") == back.data


def test_a_shard_on_a_worker_is_one_that_was_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def answered(job: Names, shard: Shard) -> Answered:
        seen.append(shard.sent)
        return Answered(shard.name, 0, 0, b"")

    monkeypatch.setattr(Names, "answer", answered)
    Worker(Names(str(tmp_path)), Store(str(tmp_path)), Sent({})).answer(Shard(3, 6, tuple(rows(2))))
    assert seen == [True]

"""On workers of Ray answers are those of this process, whatever is killed meanwhile; each photo is answered once."""

from pathlib import Path
from typing import Any

import pytest
from shard_jobs import Names, rows

import goodsight
from goodsight import Work
from goodsight.cluster import pool
from goodsight.cluster.run import Sharded, Where, run
from goodsight.cluster.store import Store
from goodsight.cluster.worker import unpacked
from goodsight.errors import GoodsightError, ModelError
from goodsight.flow.training import Training
from goodsight.progress import quiet


def _run(job: Names, out: Path, on: str, workers: int = 1, count: int = 9) -> Sharded:
    Path(job.notes).mkdir(exist_ok=True)
    photos = rows(count)
    return run(job, out, dict, lambda: photos, Store(str(out)), Where(on, 2, workers), quiet)


def _answered(out: Path) -> list[str]:
    return [name for path in sorted(out.glob("*.parquet")) for name in path.read_text().split("\n")]


@pytest.mark.parametrize("on", ["", "ray"])
def test_a_shard_that_cannot_be_answered_is_named_and_the_rest_goes_on(on: str, ray: Any, tmp_path: Path) -> None:
    job = Names(str(tmp_path / "notes"), broken=1)
    done = _run(job, tmp_path / "out", on)
    assert list(map(str, done.failed)) == ["shard 1 (photos 2 to 3): ValueError: broken"]
    assert [job.begun(number) for number in range(5)] == [1, 3, 1, 1, 1]
    assert len(_answered(tmp_path / "out")) == 7
    again = _run(Names(job.notes), tmp_path / "out", on)
    assert (again.kept, again.failed) == (7, ())
    assert [job.begun(number) for number in range(5)] == [1, 4, 1, 1, 1]
    assert _answered(tmp_path / "out") == [f"{i}.jpg" for i in range(9)]


def test_a_killed_worker_costs_its_shard_once_and_a_deadly_shard_is_named(ray: Any, tmp_path: Path) -> None:
    job = Names(str(tmp_path / "notes"), killed=0, deadly=3)
    done = _run(job, tmp_path / "out", "ray", workers=2)
    assert list(map(str, done.failed)) == [f"shard 3 (photos 6 to 7): {pool.DIED}"]
    assert [job.begun(number) for number in range(5)] == [2, 1, 1, 3, 1]
    assert _answered(tmp_path / "out") == [f"{i}.jpg" for i in (0, 1, 2, 3, 4, 5, 8)]


def test_no_more_workers_are_asked_for_than_the_processors_have_room_for(ray: Any) -> None:
    assert [pool._shape(ray, workers) for workers in (0, 1, 2, 4)] == [(1, 2), (1, 2), (2, 1), (2, 1)]


def test_work_ends_while_a_worker_finds_no_place_and_what_it_waits_for_is_said(
    ray: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_shape", lambda ray, workers: (3, 1))
    assert _run(Names(str(tmp_path / "notes")), tmp_path / "out", "ray").failed == ()
    assert len(_answered(tmp_path / "out")) == 9
    told: list[str] = []

    def stopped(step: str, done: int, total: int, note: str = "", /) -> None:
        told.append(note)
        if note:
            raise KeyboardInterrupt

    monkeypatch.setattr(pool, "_shape", lambda ray, workers: (1, 3))
    monkeypatch.setattr(pool, "PATIENCE", 0.1)
    photos, store = rows(2), Store(str(tmp_path / "none"))
    with pytest.raises(KeyboardInterrupt):
        run(Names(str(tmp_path)), tmp_path, dict, lambda: photos, store, Where("ray"), stopped)
    assert told[-1] == "wait for 3 free processors, or for the model"


def test_no_machine_that_is_ready_is_an_error(ray: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no machine answers as the model's own did: \S+: answers differently"):
        _run(Names(str(tmp_path / "notes"), refusing=True), tmp_path / "out", "ray")


def test_labels_are_the_same_bytes_and_a_damaged_copy_of_the_model_is_mended(
    ray: Any, trained: Training, drawn_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def classified(name: str, on: str) -> list[tuple[str, bytes]]:
        work = Work(on=on, workers=2, shard=64, progress=quiet)
        done = goodsight.classify_shards(trained.folder, drawn_photos, out=tmp_path / name, top=2, work=work)
        assert (done.failed, done.refused) == ((), ())
        return [(path.name, path.read_bytes()) for path in sorted((tmp_path / name).iterdir())]

    here = classified("here", "")
    assert len(here) == 4
    assert classified("ray", "ray") == here
    # Workers on this machine share what they unpacked; one of its files is damaged.
    heads = unpacked(goodsight.flow.sharded.file_sha256(trained.folder / "model.json"), {}) / "heads.safetensors"
    sound = heads.read_bytes()
    heads.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    assert classified("mended", "ray") == here
    assert heads.read_bytes() == sound


@pytest.mark.parametrize("on", ["spark", "http://head:10001"])
def test_another_cluster_is_refused(on: str) -> None:
    with pytest.raises(GoodsightError, match=f"`on` {on}: must be ray or ray://HOST:10001"):
        Work(on=on)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "find_spec", lambda name: None)
    with pytest.raises(GoodsightError, match=r"install the extra cluster: pip install 'goodsight\[cluster\]'"):
        Work(on="ray")


def test_answers_one_by_one_are_given_by_this_process(trained: Training, drawn_photos: Path) -> None:
    with pytest.raises(GoodsightError, match="`on`: classify answers in this process; classify_shards has a cluster"):
        goodsight.classify(trained.folder, drawn_photos, work=Work(on="ray"))

"""A shard is tried three times, the others go on; what cannot be reached is not written down at once."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest
from shard_jobs import rows

from goodsight.cluster.manifest import Manifest
from goodsight.cluster.queue import Answered, OutOfReachError, Queue, require_in_reach
from goodsight.cluster.shards import Shard, cut
from goodsight.cluster.store import Store
from goodsight.errors import GoodsightError
from goodsight.photos.limits import BadPhoto
from goodsight.progress import quiet


def _queue(tmp_path: Path, count: int = 5, there: frozenset[str] = frozenset(), read: int | None = None) -> Queue:
    digests = Manifest.of({}, rows(count), 2).digests
    shards = cut(rows(count if read is None else read), 2)
    return Queue(shards, digests, set(there), Store(str(tmp_path)), quiet, ("name", count))


def test_a_shard_that_fails_waits_behind_the_others_and_is_named_after_three_times(tmp_path: Path) -> None:
    queue = _queue(tmp_path)
    order = []
    while (shard := queue.take()) is not None:
        order.append(shard.number)
        if shard.number == 1:
            queue.failing(shard, "ValueError: broken")
        else:
            queue.answered(Answered(shard.name, len(shard.rows), 0, b"x"))
    assert order == [0, 1, 2, 1, 1]
    assert list(map(str, queue.failed)) == ["shard 1 (photos 2 to 3): ValueError: broken"]
    assert queue.done == 3
    assert {path.name for path in tmp_path.iterdir()} == {"0000000.parquet", "0000002.parquet"}


def test_what_is_there_is_passed_over(tmp_path: Path) -> None:
    queue = _queue(tmp_path, there=frozenset({"0000000.parquet", "0000002.parquet"}))
    shard = queue.take()
    assert shard is not None
    assert shard.number == 1
    assert queue.take() is None


@pytest.mark.parametrize("read", [4, 7])
def test_a_list_that_changes_while_it_is_read_is_an_error(tmp_path: Path, read: int) -> None:
    queue = _queue(tmp_path, count=6 if read == 7 else 5, read=read)
    with pytest.raises(GoodsightError, match=r"shard [23]: the list of photos changed while it was read"):
        list(iter(queue.take, None))


def test_photos_out_of_reach_are_tried_again_and_a_few_are_written_in_the_end() -> None:
    shard = Shard(0, 0, tuple(rows(4)))
    few = ["", "unreachable: status 503", "", "missing: nothing is there"]
    most = ["", "no access: x", "unreachable: TimeoutError", "unreachable: TimeoutError"]
    require_in_reach(shard, ["", "missing: nothing is there"])
    for problems in (few, most):
        with pytest.raises(OutOfReachError, match=r"[13] of 4 photos cannot be reached: (unreachable|no access)"):
            require_in_reach(shard, problems)
    require_in_reach(replace(shard, tried=2), few)
    with pytest.raises(OutOfReachError):
        require_in_reach(replace(shard, tried=2), most)


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EIO, errno.ESTALE])
def test_files_that_a_machine_of_a_cluster_does_not_see_are_out_of_reach(number: int) -> None:
    shard = Shard(0, 0, tuple(rows(2)), tried=2)
    problems = [str(BadPhoto("unreadable", os.strerror(number).lower()))] * 2
    require_in_reach(shard, problems)
    with pytest.raises(OutOfReachError, match="2 of 2 photos cannot be reached: unreadable: "):
        require_in_reach(replace(shard, sent=True), problems)
    require_in_reach(replace(shard, sent=True), [str(BadPhoto("unreadable", "a folder"))] * 2)

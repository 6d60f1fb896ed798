"""What was flushed is found again, whatever was torn, killed, written by two, or kept by earlier versions."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numbered import WIDTH, fill, found, opened, photo

from goodsight.catalog.rows import Row
from goodsight.embedding import cache as cache_module
from goodsight.embedding import records
from goodsight.embedding.cache import embeddings_folder
from goodsight.embedding.index import Index
from goodsight.embedding.table import Embedded


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of a network without weights."""
    monkeypatch.setenv("GOODSIGHT_CACHE", str(tmp_path / "cache"))
    return embeddings_folder()


def the_file(folder: Path) -> Path:
    (path,) = folder.rglob("*.records")
    return path


def test_what_was_flushed_is_found_at_once_and_later(folder: Path) -> None:
    cache = fill(opened(), *range(300))
    assert found(cache) == found(opened()) == list(range(300))
    fill(opened(), *range(300, 310))
    assert found(opened()) == list(range(310))
    the_file(folder)


@pytest.mark.parametrize("cut", [1, 40, 300])
def test_a_torn_tail_is_ignored_and_written_over(cut: int, folder: Path) -> None:
    fill(opened(), *range(20))
    path = the_file(folder)
    os.truncate(path, path.stat().st_size - cut)
    assert 17 <= len(found(opened())) < 20
    before = found(opened())
    fill(opened(), 500, 501)
    assert found(opened()) == [*before, 500, 501]
    assert the_file(folder) == path


@pytest.mark.parametrize("at", [0, 5, 40])
def test_a_torn_head_costs_the_file_and_nothing_else(at: int, folder: Path) -> None:
    fill(opened(), *range(20))
    os.truncate(the_file(folder), at)
    fill(opened(), 500)
    assert found(opened()) == [500]


def test_a_damaged_record_is_not_believed_and_made_again(folder: Path) -> None:
    fill(opened(), 1, 2, 3)
    data = bytearray(the_file(folder).read_bytes())
    data[-10] ^= 1
    the_file(folder).write_bytes(data)
    assert found(opened()) == [1, 2]
    fill(opened(), 3)
    assert found(opened()) == [1, 2, 3]


def test_the_index_covers_many_and_its_loss_or_damage_loses_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_LATE", 50)
    monkeypatch.setattr(cache_module, "_OWN", 200)
    fill(opened(), *range(500))
    (place,) = folder.iterdir()
    assert len(Index.load(place).prefixes) > 200
    assert found(opened()) == list(range(500))
    whole = (place / "index").read_bytes()
    assert len(Index.load(place).prefixes) == 500
    for wrong in (b"", whole[:10], whole[:-1], whole[:-20] + b"\1" * 20, b"x" * len(whole)):
        (place / "index").write_bytes(wrong)
        assert len(Index.load(place).prefixes) == 0
        assert found(opened()) == list(range(500))


def test_records_behind_the_index_of_a_file_that_was_cut_are_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_LATE", 50)
    fill(opened(), *range(100))
    opened()
    path = the_file(folder)
    size = records.record_type(WIDTH).itemsize
    os.truncate(path, path.stat().st_size - 40 * size)
    fill(opened(), *range(200, 210))
    assert found(opened()) == [*range(60), *range(200, 210)]


def test_hashes_that_begin_alike_or_end_in_zeros_are_told_apart() -> None:
    cache = opened()
    for number, key in enumerate(("ab" * 30 + "0000", "ab" * 30 + "0001", "ab" * 32)):
        cache.put(Embedded(Row("", Path()), key, np.full(WIDTH, number, np.float16), np.zeros(256, np.uint8)))
    cache.flush()
    again = opened()
    for number, key in enumerate(("ab" * 30 + "0000", "ab" * 30 + "0001", "ab" * 32)):
        entry = again.get(key)
        assert entry
        assert (entry[0] == number).all()
    assert again.get("ab" * 31 + "00") is None


def test_shards_of_earlier_versions_are_read_and_kept(folder: Path) -> None:
    kind = np.dtype([("key", "S32"), ("thumbnail", "u1", (256,)), ("vector", "<f2", (WIDTH,))])
    fill(opened(), 400)
    place = the_file(folder).parent
    for begin in (0, 100):
        shard = np.zeros(100, kind)
        for i in range(100):
            said = photo(begin + i)
            shard[i] = (bytes.fromhex(said.sha256), said.thumbnail, said.vector)
        np.save(place / f"{begin:032x}.npy", shard)
    (place / "broken.npy").write_bytes(b"no array")
    assert found(opened()) == [*range(200), 400]
    fill(opened(), 401)
    assert found(opened()) == [*range(200), 400, 401]
    assert len(list(place.glob("*.npy"))) == 3


def test_two_fill_it_at_once(folder: Path) -> None:
    one, other = opened(), opened()
    for number in range(0, 200, 2):
        fill(one, number)
        fill(other, number + 1)
    assert set(found(one)) >= set(range(0, 200, 2))
    assert found(opened()) == list(range(200))


def test_a_file_that_another_process_is_writing_is_left_to_it(folder: Path) -> None:
    fill(opened(), 1)
    with the_file(folder).open("rb") as stream:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX)
        fill(opened(), 2)
    assert len(list(folder.rglob("*.records"))) == 2
    assert found(opened()) == [1, 2]


def test_a_file_that_vanishes_costs_its_embeddings_only(folder: Path) -> None:
    cache = fill(opened(), 1)
    the_file(folder).unlink()
    assert found(cache) == []
    fill(cache, 2)
    assert found(opened()) == [2]


_KILLED = """
import sys
sys.path[:0] = sys.argv[1].split(":")
from numbered import fill, opened
cache = opened()
for number in range(10**9):
    fill(cache, number % 600)
    print(number, flush=True)
"""


def test_kill_9_loses_at_most_what_was_not_flushed() -> None:
    tests = Path(__file__).parents[1]
    command = [sys.executable, "-c", _KILLED, f"{tests.parent / 'src'}:{tests}"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as one,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other,
    ):
        for process, lines in ((one, 60), (other, 90)):
            assert process.stdout
            written = [int(process.stdout.readline()) for _ in range(lines)]
            assert written == list(range(lines))
            process.send_signal(signal.SIGKILL)
    assert set(range(90)) <= set(found(opened()))
    fill(opened(), 599)
    assert 599 in found(opened())

"""What several processes do to one store at the same moment ends as if they had come one after the other."""

import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import event

from goodsight.errors import ConflictError, GoodsightError
from goodsight.store import Checked, Store
from goodsight.store.kept import KeptPhotos
from goodsight.store.together import Asked

CHECKED = Checked("", 0.0, "m", "i", "", "", "a", 0.5, 1.0, "unsure", "", {"a": 0.5, "b": 0.5}, "shop")


@pytest.fixture
def stores(url: str, tmp_path: Path) -> Iterator[list[Store]]:
    """One store, opened by two."""
    opened = [Store.open(url, tmp_path / name, str(tmp_path / "photos")) for name in ("one", "two")]
    yield opened
    for store in opened:
        store.close()


def _add(store: Store, content: str, **values: object) -> Checked:
    data = content.encode()
    own = {"id": uuid.uuid4().hex, "time": time.time(), "sha256": store.keep_photo(data)}
    made = replace(CHECKED, **own | values)  # type: ignore[arg-type]
    store.add_checks([made])
    return made


def _at_once(*calls: Callable[[], object]) -> list[object]:
    """Run calls in threads that start together; what they gave or raised."""
    barrier, found = threading.Barrier(len(calls)), [object()] * len(calls)

    def run(number: int) -> None:
        barrier.wait()
        try:
            found[number] = calls[number]()
        except GoodsightError as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


_OPENER = """
import sys
from pathlib import Path
from goodsight.store import Store
sys.stdin.readline()
store = Store.open(sys.argv[1], Path(sys.argv[2]))
print(store.shared.secret("session"))
"""


def test_processes_that_start_together_make_one_store(url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _OPENER, url, str(tmp_path / "data")]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    time.sleep(1)  # so that all have read their modules
    said = [process.communicate("go\n") for process in started]
    assert [error for _, error in said] == [""] * 3
    assert len({key for key, _ in said}) == 1
    assert len(said[0][0]) > 40


def test_a_key_is_the_same_for_all_and_may_be_brought_along(stores: list[Store]) -> None:
    one, two = stores
    assert one.shared.secret("session", "from a file of before") == "from a file of before"
    assert two.shared.secret("session", "another") == "from a file of before"
    assert two.shared.secret("other") != one.shared.secret("third")


def test_a_decision_is_taken_back_once(stores: list[Store]) -> None:
    checked = _add(stores[0], "a")
    stores[0].queue.claim("ann")
    stores[0].queue.decide(checked.id, "ann", "b")
    found = _at_once(*[lambda store=store: store.queue.undo("ann") for store in stores * 3])
    assert sum(not isinstance(one, ConflictError) and one is not None for one in found) == 1
    statistics = stores[1].queue.statistics()
    assert (statistics.decided, statistics.waiting) == (0, 1)
    stores[1].queue.decide(checked.id, "ann", "a")
    assert stores[0].queue.statistics().decided == 1


def test_an_answer_is_contested_once(stores: list[Store]) -> None:
    checked = _add(stores[0], "a", verdict="mismatch")
    found = _at_once(*[lambda store=store: store.appeal(checked.id, "shop", "") for store in stores * 3])
    assert sum(isinstance(one, ConflictError) for one in found) == 5
    assert stores[0].queue.statistics().contested == 1


def test_a_photo_that_is_used_again_meanwhile_does_not_expire(stores: list[Store]) -> None:
    for number in range(30):
        _add(stores[0], f"photo {number}", time=100.0)

    def again() -> None:
        for number in range(30):
            made = _add(stores[0], f"photo {number}", time=200.0)
            stores[0].keep_photo(f"photo {number}".encode(), made.sha256)  # as the service does once it is kept

    _at_once(again, lambda: stores[1].expire(150.0), lambda: stores[1].expire(150.0))
    assert stores[1].expire(150.0) == 0
    for number in range(30):
        assert stores[1].photo(stores[0].keep_photo(f"photo {number}".encode())) is not None
    assert stores[0].expire(250.0) == 30
    assert stores[1].expire(250.0) == 0


def test_a_deletion_leaves_no_answer_without_its_photo(stores: list[Store]) -> None:
    one, two = stores
    for number in range(15):
        content = f"photo {number}"
        first = _add(one, content)

        def again(content: str = content) -> Checked:
            made = _add(two, content)
            two.keep_photo(content.encode())
            return made

        found = _at_once(partial(one.delete, first.id), again)
        made = found[1]
        assert isinstance(made, Checked)
        assert one.check(first.id) is None
        assert one.check(made.id) is None or one.photo(made.sha256) is not None
        if one.check(made.id) is None:
            assert one.queue.statistics().decided == 0


def test_an_allowance_is_one_for_all(stores: list[Store]) -> None:
    one, two = (store.shared for store in stores)

    def spent(count: float, rate: float = 1.0) -> dict[str, Asked]:
        return {"shop": Asked(count, rate, 10.0), "other": Asked(0, rate, 20.0)}

    assert one.settle(spent(4), now=100.0) == {"shop": 6, "other": 20}
    assert two.settle(spent(8), now=101.0) == {"shop": -1, "other": 20}
    assert one.settle(spent(0), now=99.0)["shop"] == -1  # a clock that is behind
    assert one.settle(spent(0), now=103.0)["shop"] == 1
    assert two.settle(spent(0), now=200.0)["shop"] == 10
    before = two.settle(spent(0, 0.0))["shop"]
    _at_once(*[lambda shared=shared: shared.settle(spent(1, 0.0)) for shared in [one, two] * 4])
    assert one.settle(spent(0, 0.0))["shop"] == before - 8


def test_answers_of_a_check_are_found_contested_and_deleted_together(stores: list[Store]) -> None:
    store = stores[0]
    sha256 = store.keep_photo(b"a")
    parts = [("colour", "match"), ("type", "mismatch"), ("striped", "unsure")]
    made = [
        replace(CHECKED, id=name, time=1.0, sha256=sha256, verdict=verdict, attribute=name, part_of="whole")
        for name, verdict in parts
    ]
    store.add_checks(made)
    assert {one.id for one in store.answers("whole")} == {"colour", "type", "striped"}
    assert [one.check_id for one in store.answers("type")] == ["whole"]
    assert store.answers("") == []
    store.appeal("whole", "shop", "look")
    assert store.queue.statistics().contested == 2
    store.appeal("colour", "shop", "this one too")
    assert store.queue.statistics().contested == 3
    store.delete("whole")
    assert store.answers("whole") == store.answers("type") == []
    assert store.queue.waiting() == 0


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_full_disk_is_known_as_one(stores: list[Store]) -> None:
    from sqlalchemy.exc import OperationalError

    from goodsight.store.database import is_full

    store = stores[0]
    pages: Sequence[int] = []

    def small(connection: object) -> None:
        assert hasattr(connection, "exec_driver_sql")
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages[0]}")

    with store._engine.connect() as connection:
        pages = [connection.exec_driver_sql("PRAGMA page_count").scalar_one() + 2]
    event.listen(store._engine, "begin", small)

    def fill() -> None:
        for number in range(200):
            _add(store, f"photo {number}", reason="x" * 1000)

    with pytest.raises(OperationalError) as full:
        fill()
    assert is_full(full.value)
    kept = store.queue.statistics().waiting
    event.remove(store._engine, "begin", small)
    with store._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    store._engine.dispose()
    _add(store, "there is room again")
    assert store.queue.statistics().waiting == kept + 1
    assert not is_full(OperationalError("SELECT", {}, Exception("gone")))


def test_bytes_go_nowhere_but_below_the_folder(tmp_path: Path) -> None:
    kept = KeptPhotos(tmp_path / "photos")
    for name in ("../../etc/passwd", "a" * 63, "A" * 64, ""):
        with pytest.raises(ValueError, match="not a sha256"):
            kept.put_all({name: b"x"})

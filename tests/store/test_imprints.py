"""What photos are known again by is kept with their answers, numbered in order for all, and goes with them."""

import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event, text

from goodsight.errors import NotFoundError
from goodsight.store import Checked, Imprint, Store
from goodsight.store import imprints as kept


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(url, tmp_path / "data")
    yield opened
    opened.close()


def _imprint(store: Store, content: str) -> Imprint:
    rng = np.random.default_rng(len(content))
    sketch = rng.standard_normal(256).astype(np.float16)
    picture = np.kron(rng.integers(0, 256, (8, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    return Imprint(store.keep_photo(content.encode()), sketch, picture)


def _checked(imprint: Imprint, **values: object) -> Checked:
    known = {"model": "ads", "model_id": "m", "declared": "", "label": "phone", "verdict": "sure", "reason": ""}
    figures = {"probability": 0.9, "p_value": 1.0, "probabilities": {"phone": 0.9}, "client": "shop"}
    own = {"id": uuid.uuid4().hex, "time": time.time(), "sha256": imprint.sha256}
    return Checked(**known | figures | own | values)  # type: ignore[arg-type]


def _add(store: Store, content: str, **values: object) -> Checked:
    imprint = _imprint(store, content)
    checked = _checked(imprint, **values)
    store.add_checks([checked], [imprint])
    return checked


def _always_known(store: Store) -> None:
    """As if all photos were first posted long ago."""
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE imprints SET since = 0"))


def test_a_photo_is_kept_once_and_comes_back(store: Store) -> None:
    first = _add(store, "a", seller="ann", ad="7")
    again = _add(store, "a")
    _add(store, "bb")
    numbers, sketches = store.imprints.new(0)
    assert numbers.tolist() == sorted(store.imprints.numbers().tolist())
    assert len(numbers) == 2
    given = _imprint(store, "a")
    assert sketches[0].tobytes() == given.sketch.tobytes()
    taken = store.imprints.take([*numbers.tolist(), 999])
    assert taken.keys() == set(numbers.tolist())
    assert (taken[int(numbers[0])].picture == given.picture).all()
    posted = store.imprints.posted([given.sha256], 5)
    assert [(p.id, p.seller, p.ad) for p in posted] == [(again.id, "", ""), (first.id, "ann", "7")]
    assert [p.id for p in store.imprints.posted([given.sha256], 1)] == [again.id]
    assert store.imprints.new(int(numbers[-1]))[0].tolist() == []


def test_a_check_of_several_attributes_is_named_once(store: Store) -> None:
    imprint = _imprint(store, "a")
    whole, now = uuid.uuid4().hex, time.time()
    parts = [_checked(imprint, part_of=whole, attribute=name, time=now) for name in ("colour", "type")]
    store.add_checks(parts, [imprint])
    alone = _add(store, "a")
    assert [p.id for p in store.imprints.posted([imprint.sha256], 5)] == [alone.id, whole]


def test_it_goes_with_the_photo(store: Store) -> None:
    kept, dropped = _add(store, "a"), _add(store, "bb")
    store.delete(dropped.id)
    ((_, one),) = store.imprints.take(store.imprints.numbers().tolist()).items()
    assert one.sha256 == kept.sha256
    assert store.expire(time.time() + 1) == 1
    assert store.imprints.numbers().tolist() == []
    _add(store, "a")
    assert store.imprints.numbers().tolist() == [3]  # no number is given twice


def test_what_expired_is_not_named_any_more_not_even_when_it_is_posted_again(store: Store) -> None:
    month = 30 * 86400.0
    imprint, old = _imprint(store, "a"), time.time() - month
    store.add_checks([_checked(imprint, time=old)], [replace(imprint, of=(_add(store, "bb").sha256,))])
    _always_known(store)
    assert len(store.imprints.posted([imprint.sha256], 5)) == 1
    assert len(store.imprints.clusters(5)) == 1
    assert store.expire(time.time() - month / 2) == 1
    assert store.imprints.posted([imprint.sha256], 5) == []
    assert store.imprints.clusters(5) == []
    again = _add(store, "a")
    assert [p.id for p in store.imprints.posted([imprint.sha256], 5)] == [again.id]


def test_who_knows_a_number_knows_all_before_it(store: Store) -> None:
    def keep(writer: int) -> None:
        for i in range(8):
            _add(store, f"{writer}" * (i + 1 + 10 * writer))

    writers = [threading.Thread(target=keep, args=(n,)) for n in range(3)]
    for writer in writers:
        writer.start()
    last, known = 0, []
    while any(writer.is_alive() for writer in writers) or store.imprints.new(last)[0].size:
        numbers = store.imprints.new(last)[0].tolist()
        known += numbers
        last = known[-1] if known else 0
    assert sorted(known) == known == sorted(store.imprints.numbers().tolist())
    assert len(known) == 24


def test_a_photo_is_blocked_and_let_in_again(store: Store) -> None:
    imprint = _imprint(store, "a")
    store.imprints.block(imprint, "a.jpg", "stolen")
    store.imprints.block(imprint, "b.jpg", "stolen from b")
    (one,) = store.imprints.blocked()
    assert (one.name, one.reason, one.sha256) == ("b.jpg", "stolen from b", imprint.sha256)
    assert store.imprints.new(0, "blocked")[0].tolist() == [one.number]
    assert store.imprints.take([one.number], "blocked")[one.number].sha256 == imprint.sha256
    store.imprints.unblock(one.number)
    assert store.imprints.blocked() == []
    with pytest.raises(NotFoundError, match="no such number"):
        store.imprints.unblock(one.number)


def test_reading_does_not_wait_for_who_writes(tmp_path: Path) -> None:
    store = Store.open("", tmp_path)
    _add(store, "a")
    with store._engine.begin() as writing:  # holds SQLite's only write lock
        assert writing is not None
        done = threading.Thread(target=store.imprints.new, args=(0,))
        done.start()
        done.join(10)
        assert not done.is_alive()
    store.close()


MANY = 40_000
"""More than a statement has places for, in SQLite."""
SAME = """
    INSERT INTO checks (id, time, model, model_id, sha256, declared, label, probability, p_value, verdict, reason,
                        probabilities, client, seller)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many)
    SELECT CAST(i AS TEXT), i, 'ads', 'm', :sha256, '', 'phone', 0.9, 1, 'sure', '', '{}', 'shop', 'ann' FROM n
"""


def test_the_same_bytes_without_end_are_read_as_far_as_asked_and_deleted(tmp_path: Path) -> None:
    store = Store.open("", tmp_path)
    imprint = _imprint(store, "a")
    store.add_checks([_checked(imprint, time=0.0)], [imprint])
    _always_known(store)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    @event.listens_for(store._engine, "begin")
    def counted(connection: Any) -> None:
        connection.connection.set_progress_handler(count, 100)

    with store._engine.begin() as connection:
        connection.execute(text(SAME), {"many": MANY, "sha256": imprint.sha256})
    steps = 0
    assert [p.id for p in store.imprints.posted([imprint.sha256], 20)] == [str(MANY - i) for i in range(20)]
    assert steps < 100  # of a hundred instructions each: far fewer than there are checks
    store.delete("7")
    assert store.answers("8") == []
    with store._engine.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM deleted")).scalar_one() == MANY + 1
    store.close()


def test_of_many_photos_the_newest_checks_come(store: Store) -> None:
    added = [_add(store, "x" * n, time=float(100 + n * 7 % 10)) for n in range(1, 10)]
    _always_known(store)
    newest = sorted(added, key=lambda one: -one.time)
    assert [p.id for p in store.imprints.posted([one.sha256 for one in added], 4)] == [one.id for one in newest[:4]]
    assert store.imprints.posted([], 4) == []


def test_groups_of_pairs_move_few_members(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = 0

    class Counted(dict[str, list[str]]):
        @classmethod
        def fromkeys(cls, keys: Any, value: Any = None) -> Any:
            nonlocal moved
            moved += len(keys)
            return dict.fromkeys(keys, value)

    monkeypatch.setattr(kept, "dict", Counted, raising=False)
    hub = [(str(i), "hub") for i in range(500)]
    groups = kept._connected([("a", "b"), *hub, ("c", "a"), ("d", "d")])
    assert [sorted(group) for group in groups] == [["a", "b", "c"], sorted(["hub", *map(str, range(500))]), ["d"]]
    assert moved < 600  # all of the group for each new one would be 125,000


def test_the_same_bytes_of_two_sellers_or_ads_are_a_cluster(store: Store) -> None:
    for content, values in (
        ("a", {"seller": "ann", "ad": "1"}),
        ("bb", {"ad": "1"}),
        ("ccc", {"seller": "ann"}),
        ("ccc", {"seller": "ann"}),
        ("ccc", {}),
        ("bb", {"ad": "2"}),
        ("a", {"seller": "eve"}),
    ):
        last = _add(store, content, **values)
    assert [[(p.seller, p.ad) for p in cluster] for cluster in store.imprints.clusters(5)] == [
        [("eve", ""), ("ann", "1")],
        [("", "2"), ("", "1")],
    ]
    store.delete(last.id)
    assert len(store.imprints.clusters(5)) == 1
    both = _imprint(store, "dddd")
    store.add_checks([_checked(both, seller="ann"), _checked(both, seller="eve")], [both, both])
    assert {p.seller for p in store.imprints.clusters(5)[0]} == {"ann", "eve"}

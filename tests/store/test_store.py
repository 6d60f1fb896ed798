"""The store keeps what it said it kept, gives no photo to two people, and deletes what it says it deleted."""

import csv
import json
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from goodsight.catalog.labels import Labels
from goodsight.catalog.read import read_catalog
from goodsight.errors import ConflictError, FolderExistsError, NotFoundError, StoreError
from goodsight.store import Checked, Store, migrations
from goodsight.store.export import export


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(url, tmp_path / "data")
    yield opened
    opened.close()


def _checked(store: Store, content: str, **values: object) -> Checked:
    data = content.encode()
    made = Checked(
        id=uuid.uuid4().hex,
        time=time.time(),
        model="ads",
        model_id="m1",
        sha256=store.keep_photo(data),
        declared="phone",
        label="laptop",
        probability=0.6,
        p_value=0.2,
        verdict="unsure",
        reason="may be laptop or phone",
        probabilities={"laptop": 0.6, "phone": 0.4},
        client="shop",
    )
    return replace(made, **values)  # type: ignore[arg-type]


def _add(store: Store, content: str, **values: object) -> Checked:
    checked = _checked(store, content, **values)
    store.add_checks([checked])
    return checked


def _single(store: Store, start: int = 0) -> str:
    """A content of which one opinion is wanted, or else two."""
    return next(f"photo {n}" for n in range(start, 10_000) if _opinions(store, f"photo {n}") == 1)


def _opinions(store: Store, content: str) -> int:
    return 2 if int(store.keep_photo(content.encode())[:2], 16) < 26 else 1


def test_an_answer_comes_back_as_it_was(store: Store) -> None:
    checked = _add(store, "a", reason="Ünï\u202e'; DROP TABLE checks; --")
    assert store.check(checked.id) == checked
    assert store.check("nothing") is None
    assert store.photo(checked.sha256) == b"a"


def test_a_store_of_before_there_were_sellers_is_brought_up(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:1])
        store = Store.open(url, tmp_path / "data")
        old = _checked(store, "a")
        later = ("seller", "attribute", "part_of", "ad", "policy", "action")
        columns = {name: value for name, value in vars(old).items() if name not in later}
        with store._engine.begin() as connection:
            statement = text(f"INSERT INTO checks ({', '.join(columns)}) VALUES (:{', :'.join(columns)})")
            connection.execute(statement, columns | {"probabilities": json.dumps(old.probabilities)})
        store.close()
    again = Store.open(url, tmp_path / "data")
    new = _add(again, "b", seller="Märta's shop")
    assert again.check(old.id) == old
    assert again.check(new.id) == new
    again.close()


@pytest.mark.parametrize(
    ("verdict", "action", "waiting"),
    [
        ("unsure", "", 1),
        ("unsure", "review", 1),
        ("unsure", "accept", 0),
        ("off-topic", "refuse", 0),
        ("match", "review", 1),
    ],
)
def test_what_a_person_is_to_see_waits_for_one(store: Store, verdict: str, action: str, waiting: int) -> None:
    _add(store, "a", verdict=verdict, action=action)
    assert store.queue.waiting() == waiting


def test_a_reopened_store_has_everything(store: Store, url: str, tmp_path: Path) -> None:
    checked = _add(store, "a")
    store.close()
    again = Store.open(url, tmp_path / "data")
    assert again.check(checked.id) == checked
    assert again.queue.waiting() == 1
    again.close()


_WRITER = """
import sys, uuid
from pathlib import Path
from goodsight.store import Checked, Store
store = Store.open(sys.argv[1], Path(sys.argv[2]))
while True:
    made = [Checked(uuid.uuid4().hex, 1.0, "m", "i", "0" * 64, "", "a", 1.0, 1.0, "sure", "", {"a": 1.0}, "c")
            for _ in range(20)]
    store.add_checks(made)
    print("\\n".join(one.id for one in made), flush=True)
"""


def test_a_killed_writer_loses_nothing_that_it_said_was_kept(store: Store, url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WRITER, url, str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline().strip() for _ in range(200)]
        writer.send_signal(signal.SIGKILL)
        said += [line.strip() for line in writer.stdout if line.endswith("\n")]
    assert len(said) >= 200
    assert [id for id in said if store.check(id) is None] == []


def test_contested_then_doubtful_photos_come_first(store: Store) -> None:
    now = time.time()
    sure = _add(store, "sure", verdict="match", time=now - 10)
    old = _add(store, _single(store), probability=0.95, time=now - 86400 * 2)
    doubtful = _add(store, _single(store, 100), probability=0.5, time=now - 86400)
    newer = _add(store, _single(store, 200), probability=0.95, time=now)
    store.appeal(sure.id, "shop", "it is")
    order = []
    for number in range(4):
        review = store.queue.claim(f"reviewer {number}")
        assert review is not None
        order.append(review.checked.id)
        assert review.contested == (review.checked.id == sure.id)
    assert order == [sure.id, old.id, doubtful.id, newer.id]
    assert store.queue.claim("one more") is None


def test_a_claim_holds_for_its_lease(store: Store) -> None:
    checked = _add(store, _single(store))
    first = store.queue.claim("ann", now=1000, lease=300)
    assert first is not None
    assert first.lease_until == 1300
    assert store.queue.claim("bob", now=1299) is None
    again = store.queue.claim("ann", now=1200, lease=300)
    assert again is not None
    assert again.lease_until == 1500
    taken = store.queue.claim("bob", now=1501)
    assert taken is not None
    assert taken.checked.id == checked.id
    with pytest.raises(ConflictError, match="not yours any more"):
        store.queue.decide(checked.id, "ann", "phone")
    store.queue.decide(checked.id, "bob", "phone")
    assert store.queue.waiting() == 0


def test_nobody_gets_what_another_has(store: Store) -> None:
    for number in range(50):
        _add(store, f"photo {number}")
    opinions = sum(_opinions(store, f"photo {number}") for number in range(50))
    decided: list[tuple[str, str]] = []

    def work(reviewer: str) -> None:
        while (review := store.queue.claim(reviewer)) is not None:
            store.queue.decide(review.checked.id, reviewer, "phone")
            decided.append((review.checked.id, reviewer))

    threads = [threading.Thread(target=work, args=(name,)) for name in ("ann", "bob", "cid")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(decided) == len(set(decided)) == opinions
    assert len({id for id, _ in decided}) == 50
    assert store.queue.statistics().waiting == 0


def test_a_skipped_photo_comes_back_after_an_hour(store: Store) -> None:
    checked = _add(store, _single(store))
    assert store.queue.claim("ann", now=0) is not None
    store.queue.release(checked.id, "ann", now=0)
    assert store.queue.claim("ann", now=10) is None
    assert store.queue.claim("bob", now=10, lease=5) is not None
    assert store.queue.claim("ann", now=3700) is not None
    with pytest.raises(ConflictError):
        store.queue.release(checked.id, "bob")
    with pytest.raises(NotFoundError):
        store.queue.release("nothing", "bob")


def test_a_claim_that_is_renewed_stays_with_its_reviewer(store: Store) -> None:
    checked = _add(store, _single(store))
    store.queue.claim("ann", now=0, lease=300)
    assert store.queue.renew(checked.id, "ann", now=250, lease=300) == 550
    assert store.queue.claim("bob", now=500) is None
    assert store.queue.claim("bob", now=551) is not None
    with pytest.raises(ConflictError):
        store.queue.renew(checked.id, "ann", now=552)
    with pytest.raises(NotFoundError):
        store.queue.renew("nothing", "ann")


def test_an_undone_decision_is_kept_but_does_not_count(store: Store) -> None:
    checked = _add(store, _single(store))
    assert store.queue.undo("ann") is None
    store.queue.claim("ann")
    store.queue.decide(checked.id, "ann", "phone")
    assert [d.decision for d in store.queue.decisions()] == ["phone"]
    review = store.queue.undo("ann")
    assert review is not None
    assert review.checked == checked
    assert list(store.queue.decisions()) == []
    assert store.queue.statistics().claimed == 1
    store.queue.decide(checked.id, "ann", "")
    assert [d.decision for d in store.queue.decisions()] == [""]


def test_some_photos_get_a_second_opinion(store: Store) -> None:
    content = next(f"photo {n}" for n in range(1000) if _opinions(store, f"photo {n}") == 2)
    checked = _add(store, content)
    store.queue.claim("ann")
    store.queue.decide(checked.id, "ann", "phone")
    assert store.queue.statistics().agreement_between_reviewers is None
    assert store.queue.claim("ann") is None
    assert store.queue.claim("bob") is not None
    with pytest.raises(ConflictError, match="bob has it now"):
        store.queue.undo("ann")
    store.queue.decide(checked.id, "bob", "laptop")
    found = store.queue.statistics()
    assert (found.waiting, found.decided, found.decided_last_day) == (0, 2, 2)
    assert found.agreement_with_model == 0.5
    assert found.agreement_between_reviewers == 0.0


def test_an_appeal_is_made_once(store: Store) -> None:
    checked = _add(store, "a", verdict="mismatch")
    assert store.queue.waiting() == 0
    assert store.appeal(checked.id, "shop", "look").check_id == checked.id
    assert store.queue.statistics().contested == 1
    with pytest.raises(ConflictError, match="contested already"):
        store.appeal(checked.id, "shop", "again")
    with pytest.raises(NotFoundError):
        store.appeal("nothing", "shop", "")


def test_a_deleted_photo_is_gone_with_all_that_was_said_of_it(store: Store, tmp_path: Path) -> None:
    one, two, other = _add(store, "secret"), _add(store, "secret"), _add(store, "other")
    store.delete(one.id)
    assert store.photo(one.sha256) is None
    assert not [path for path in (tmp_path / "data").rglob("*") if path.name == one.sha256]
    assert store.check(one.id) is store.check(two.id) is None
    assert store.check(other.id) == other
    assert store.queue.waiting() == 1
    with pytest.raises(NotFoundError):
        store.delete(one.id)


def test_old_photos_expire_and_answers_stay(store: Store) -> None:
    old, new = _add(store, "old", time=100.0), _add(store, "new", time=200.0)
    _add(store, "used again", time=100.0)
    again = _add(store, "used again", time=200.0)
    assert store.expire(150.0) == 1
    assert store.photo(old.sha256) is None
    assert store.check(old.id) == old
    assert store.photo(new.sha256) == b"new"
    assert store.photo(again.sha256) == b"used again"
    with pytest.raises(ConflictError, match="photo is deleted"):
        store.appeal(old.id, "shop", "")


def test_an_export_is_a_catalog_with_its_sources(store: Store, tmp_path: Path) -> None:
    jpeg = "\xff\xd8\xff"
    for number in range(40):
        checked = _add(store, f"{number}")
        data = jpeg.encode("latin-1") + bytes([number])
        checked = replace(checked, id=uuid.uuid4().hex, sha256=store.keep_photo(data))
        store.add_checks([checked])
    decided = 0
    while (review := store.queue.claim("ann")) is not None:
        store.queue.decide(review.checked.id, "ann", ("phone", "laptop", "")[decided % 3])
        decided += 1
    while (review := store.queue.claim("bob")) is not None:
        store.queue.decide(review.checked.id, "bob", "tablet")
    done = export(store, tmp_path / "out")
    assert done.labelled + done.off_topic + done.disputed == 80
    assert min(done.labelled, done.off_topic, done.disputed) > 0
    with (tmp_path / "out" / "metadata.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == done.labelled
    assert {row["reviewer"] for row in rows} == {"ann"}
    assert {row["split"] for row in rows} == {"train", "test"}
    read = read_catalog(tmp_path / "out")
    assert len(read.rows) == done.labelled
    assert read.classes(0) == ("laptop", "phone")
    assert len(list((tmp_path / "out" / "off-topic").iterdir())) == done.off_topic
    with pytest.raises(FolderExistsError):
        export(store, tmp_path / "out")
    export(store, tmp_path / "out", force=True)


def test_an_export_has_the_seller_as_the_group(store: Store, tmp_path: Path) -> None:
    sellers = ("=SUM(1,2) & sons", "7", "")
    for number in range(9):
        _add(store, _single(store, 1000 * number), seller=sellers[number % 3])
    twice = _single(store, 9000)
    named = _add(store, twice, seller="said once")
    _add(store, twice)
    while (review := store.queue.claim("ann")) is not None:
        store.queue.decide(review.checked.id, "ann", "phone")
    assert export(store, tmp_path / "out").labelled == 10
    rows = read_catalog(tmp_path / "out", labels=Labels(group="group")).rows
    assert sorted(row.group for row in rows) == sorted([*sellers * 3, "said once"])
    (row,) = (row for row in rows if named.sha256 in row.file_name)
    assert row.group == "said once"


def test_no_seller_is_in_both_splits(store: Store, tmp_path: Path) -> None:
    sellers = [f"shop {number}" for number in range(12)]  # 4 and 7 are for the test
    for number in range(36):
        _add(store, _single(store, 250 * number), seller=sellers[number % 12])
    while (review := store.queue.claim("ann")) is not None:
        store.queue.decide(review.checked.id, "ann", "phone")
    export(store, tmp_path / "out")
    rows = read_catalog(tmp_path / "out", labels=Labels(group="group")).rows
    assert {row.split for row in rows} == {"train", "test"}
    assert len({(row.group, row.split) for row in rows}) == 12


def test_a_newer_database_is_refused(store: Store, url: str, tmp_path: Path) -> None:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO schema_version (version) VALUES (99)"))
    engine.dispose()
    with pytest.raises(StoreError, match="schema 99, newer"):
        Store.open(url, tmp_path / "data")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("nonsense", "not a database URL"),
        ("mysql://u:secret@h/d", "not supported"),
        ("postgresql://u:secret@127.0.0.1:1/d", "127.0.0.1"),
        ("sqlite:////nowhere/at/all.db", "unable to open"),
    ],
)
def test_a_wrong_url_is_said_without_its_password(wrong: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=said) as caught:
        Store.open(wrong, tmp_path)
    assert "secret" not in str(caught.value)

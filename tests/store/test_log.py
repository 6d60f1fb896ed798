"""The log keeps the order in which things were done, whoever wrote them, and gives what is new."""

import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError

from goodsight.store import Checked, Imprint, News, Note, Store
from goodsight.store.tables import numbered


def test_lines_come_back_in_order_and_from_a_number_on(url: str, tmp_path: Path) -> None:
    store = Store.open(url, tmp_path)
    writers = [threading.Thread(target=store.log.add, args=(f"w{n}", "decided", "x", "phone")) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = store.log.lines()
    assert [line.number for line in lines] == list(range(1, 9))
    assert {line.who for line in lines} == {f"w{n}" for n in range(8)}
    assert (lines[0].what, lines[0].about, lines[0].detail) == ("decided", "x", "phone")
    assert store.log.lines(6) == lines[6:]
    store.close()
    again = Store.open(url, tmp_path)
    assert again.log.lines() == lines
    again.close()


def test_nothing_changes_or_removes_a_line() -> None:
    """Append-only: no statement of ours updates the table of the log or deletes from it."""
    import goodsight.store

    text = "".join(p.read_text(encoding="utf-8") for p in Path(goodsight.store.__file__).parent.glob("*.py"))
    assert "insert(log)" in text
    assert "delete(log)" not in text
    assert "log.update" not in text


NOTE = Note("ann", "did", "it", news=News(("http://127.0.0.1/",), "{}"))
IMPRINT = Imprint("0" * 64, np.zeros(256, np.float16), np.zeros((64, 64, 3), np.uint8))


def _checked(store: Store, content: bytes) -> Checked:
    """An answer that waits for a person."""
    texts = {"model": "m", "model_id": "1", "declared": "a", "label": "b", "verdict": "unsure", "reason": ""}
    made = Checked(
        **texts,
        id=uuid.uuid4().hex,
        time=time.time(),
        sha256=store.keep_photo(content),
        probability=0.5,
        p_value=0.5,
        probabilities={"a": 0.5},
        client="shop",
    )
    store.add_checks([made])
    return made


def _acts(store: Store) -> dict[str, Callable[[], object]]:
    """Everything that is noted, on a store where each can be done."""
    other = _checked(store, b"other")
    review = store.queue.claim("ann")
    assert review is not None
    store.queue.decide(review.checked.id, "ann", "a")
    claimed = store.queue.claim("bob")
    assert claimed is not None
    store.imprints.block(IMPRINT, "a.jpg", "stolen")
    (blocked,) = store.imprints.blocked()
    return {
        "undo": lambda: store.queue.undo("ann", lambda _: NOTE),
        "decide": lambda: store.queue.decide(claimed.checked.id, "bob", "a", NOTE),
        "appeal": lambda: store.appeal(other.id, "shop", "no", NOTE),
        "block": lambda: store.imprints.block(IMPRINT, "b.jpg", "other", NOTE),
        "unblock": lambda: store.imprints.unblock(blocked.number, NOTE),
        "delete": lambda: store.delete(other.id, NOTE),
    }


def _state(store: Store) -> tuple[object, ...]:
    kept = [(line.who, line.detail) for line in store.log.lines()], store.outbox.waiting()
    decided = [(d.reviewer, d.checked.id) for d in store.queue.decisions()]
    waits = store.queue.statistics(now=0.0)
    return (*kept, decided, waits.contested, store.imprints.blocked(), waits.waiting)


@pytest.mark.parametrize("act", ["undo", "decide", "appeal", "block", "unblock", "delete"])
@pytest.mark.parametrize("failing", ["log", "outbox"])
def test_what_cannot_be_noted_and_told_is_not_done(act: str, failing: str, url: str, tmp_path: Path) -> None:
    store = Store.open(url, tmp_path)
    for content in (b"first", b"second"):
        _checked(store, content)
    acts, before = _acts(store), _state(store)
    with store._engine.begin() as connection:
        number = numbered.c.name == failing
        last = connection.execute(delete(numbered).where(number).returning(numbered.c.last)).scalar_one()
    with pytest.raises(SQLAlchemyError):
        acts[act]()
    assert _state(store) == before
    with store._engine.begin() as connection:
        connection.execute(numbered.insert(), [{"name": failing, "last": last}])
    acts[act]()
    assert [line.who for line in store.log.lines()] == ["ann"]
    assert store.outbox.waiting() == 1
    store.close()

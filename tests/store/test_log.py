"""The log keeps the order in which things were done, whoever wrote them, and gives what is new."""

import threading
from pathlib import Path

from goodsight.store import Store


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

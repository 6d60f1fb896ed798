"""Clients get equal time, small things do not wait for a crowd of large ones, and nobody is forgotten."""

import threading

from goodsight.serve.turns import Turns


def _taken(turns: Turns[str], count: int) -> list[str]:
    return [turns.take() or "" for _ in range(count)]


def test_one_client_with_one_size_is_served_in_order() -> None:
    turns: Turns[str] = Turns()
    for name in "abc":
        turns.put(name, "shop", 0.01)
    assert _taken(turns, 3) == ["a", "b", "c"]


def test_small_things_do_not_wait_for_large_ones_of_the_same_client() -> None:
    turns: Turns[str] = Turns()
    for number in range(10):
        turns.put(f"large {number}", "shop", 0.6)
    for number in range(40):
        turns.put(f"small {number}", "shop", 0.01)
    order = _taken(turns, 50)
    assert sum(name.startswith("large") for name in order[:41]) == 1
    assert sorted(order[41:]) == [f"large {number}" for number in range(1, 10)]


def test_a_client_with_much_does_not_hold_up_another() -> None:
    turns: Turns[str] = Turns()
    for number in range(50):
        turns.put(f"a{number}", "crowd", 0.01)
    _taken(turns, 10)
    for number in range(5):
        turns.put(f"b{number}", "shop", 0.01)
    assert sum(name.startswith("b") for name in _taken(turns, 10)) >= 4


def test_what_took_longer_than_expected_is_charged() -> None:
    turns: Turns[str] = Turns()
    for number in range(5):
        turns.put(f"a{number}", "liar", 0.01)
        turns.put(f"b{number}", "shop", 0.01)
    first = _taken(turns, 2)
    assert {name[0] for name in first} == {"a", "b"}
    turns.correct("liar", 0.01, 3.0)
    assert [name[0] for name in _taken(turns, 4)] == ["b"] * 4


def test_who_pauses_saves_nothing_up() -> None:
    turns: Turns[str] = Turns()
    for number in range(30):
        turns.put(f"a{number}", "busy", 0.01)
    _taken(turns, 20)
    for number in range(30):
        turns.put(f"b{number}", "new", 0.01)
    assert sum(name.startswith("a") for name in _taken(turns, 10)) >= 4


def test_a_closed_queue_is_emptied_and_ends() -> None:
    turns: Turns[str] = Turns()
    found: list[str | None] = []
    thread = threading.Thread(target=lambda: found.extend([turns.take(), turns.take()]))
    thread.start()
    turns.put("last", "shop", 1.0)
    turns.close()
    thread.join(10)
    assert found == ["last", None]


def test_thousands_of_clients_are_not_all_remembered() -> None:
    turns: Turns[str] = Turns()
    for number in range(3000):
        turns.put("x", str(number), 0.01)
        turns.take()
    assert len(turns._clients.had) <= 1001

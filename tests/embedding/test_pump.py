"""Items come out as they went in, few at a time, and what fails on the way fails in front of the caller."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import islice

import numpy as np
import pytest

from goodsight.arrays import Array, Pixels
from goodsight.embedding.pump import AHEAD, RUNNING, pump


class Doubling:
    """An engine that gives twice the first value of each photo, later than it was asked and in odd order.

    It fails with what ``fails`` says of a batch: at once, or in its future.
    """

    name, precision = "doubling", "f32"
    outputs = ("embedding",)

    def __init__(self, fails: Callable[[int], str] = lambda _: "") -> None:
        self.waiting = self.most = 0
        self._fails, self._lock = fails, threading.Lock()

    def submit(self, pixels: Pixels) -> Future[Array]:
        number, future = int(pixels[0, 0, 0, 0]), Future[Array]()
        if self._fails(number) == "at once":
            raise ZeroDivisionError(f"submit {number}")
        with self._lock:
            self.waiting += 1
            self.most = max(self.most, self.waiting)

        def answer() -> None:
            with self._lock:
                self.waiting -= 1
            if self._fails(number):
                future.set_exception(ZeroDivisionError(f"result {number}"))
            else:
                future.set_result(pixels[:, 0, 0, :1].astype(np.float32) * 2)

        threading.Timer(0.002 * (number % 3), answer).start()
        return future

    def explained(self, pixels: Pixels) -> dict[str, Array]:
        raise NotImplementedError

    def close(self) -> None:
        pass


def _slowly(item: int) -> int:
    """Items in work overtake each other."""
    time.sleep(0.001 * (item * 7 % 5))
    return item


def _pixels(item: int) -> Pixels | None:
    """Every fifth item needs no engine."""
    return None if item % 5 == 4 else np.full((1, 2, 2, 3), item, np.uint8)


def _decoding() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("goodsight-decode")]


@pytest.fixture
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.mark.parametrize("count", [0, 1, 3, 60])
def test_the_order_is_kept(count: int) -> None:
    found = list(pump(range(count), _slowly, _pixels, Doubling()))
    assert [item for item, _ in found] == list(range(count))
    assert [None if given is None else float(given[0, 0]) for _, given in found] == [
        None if item % 5 == 4 else 2.0 * item for item in range(count)
    ]
    assert not _decoding()


@pytest.mark.usefixtures("two_processors")
def test_what_is_on_the_way_is_bounded() -> None:
    pulled, prepared = 0, 0
    lock, engine = threading.Lock(), Doubling()

    def items() -> Iterator[int]:
        nonlocal pulled
        for item in range(200):
            pulled += 1
            yield item

    def prepare(item: int) -> int:
        nonlocal prepared
        with lock:
            prepared += 1
        return item

    ahead = []
    for done, _ in enumerate(pump(items(), prepare, _pixels, engine)):
        ahead.append((pulled - done, prepared - done))
        if done % 50 == 0:
            time.sleep(0.02)  # while the caller is busy, no more is done than was
    assert pulled == prepared == 200
    assert max(p for p, _ in ahead) <= 2 * AHEAD + RUNNING
    assert max(p for _, p in ahead) <= 2 * AHEAD + RUNNING
    assert 1 < engine.most <= RUNNING


def test_what_fails_while_it_is_prepared_comes_out_in_its_place() -> None:
    def prepare(item: int) -> int:
        if item == 20:
            raise ZeroDivisionError("prepare 20")
        return _slowly(item)

    out: list[int] = []
    with pytest.raises(ZeroDivisionError, match="prepare 20"):
        out.extend(item for item, _ in pump(range(60), prepare, _pixels, Doubling()))
    # What was in the engine already when the fault was met is lost with it.
    assert 20 - RUNNING <= len(out) <= 20
    assert out == list(range(len(out)))
    assert not _decoding()


@pytest.mark.parametrize(("how", "said"), [("at once", "submit 20"), ("later", "result 20")])
def test_what_fails_in_the_engine_comes_out(how: str, said: str) -> None:
    engine, out = Doubling(lambda number: how if number == 20 else ""), list[int]()
    with pytest.raises(ZeroDivisionError, match=said):
        out.extend(item for item, _ in pump(range(60), _slowly, _pixels, engine))
    assert 20 - RUNNING <= len(out) <= 20
    assert out == list(range(len(out)))
    assert not _decoding()


def test_an_item_that_cannot_be_had_comes_out() -> None:
    def items() -> Iterator[int]:
        yield from range(10)
        raise ZeroDivisionError("no more")

    with pytest.raises(ZeroDivisionError, match="no more"):
        list(pump(items(), _slowly, _pixels, Doubling()))
    assert not _decoding()


def test_a_caller_that_stops_early_leaves_no_thread() -> None:
    pumping = pump(range(1000), _slowly, _pixels, Doubling())
    assert [item for item, _ in islice(pumping, 3)] == [0, 1, 2]
    assert _decoding()
    pumping.close()  # type: ignore[attr-defined]
    assert not _decoding()

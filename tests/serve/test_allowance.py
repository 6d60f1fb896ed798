"""Only so many expensive photos at once, no client has all places, and each has its seconds a minute."""

import pytest

from goodsight.serve.allowance import Allowance, BusyError


def test_only_so_many_at_once() -> None:
    some = Allowance(2, 600)
    some.take("shop", 1)
    some.take("shop", 1)
    with pytest.raises(BusyError, match="others wait already") as caught:
        some.take("other", 1)
    assert not caught.value.own
    some.give_back("shop", 1, 1)
    some.take("other", 1)


def test_one_client_leaves_room_for_another() -> None:
    shared, alone = Allowance(8, 600, shared=True), Allowance(8, 600)
    for _ in range(6):
        shared.take("crowd", 1)
    with pytest.raises(BusyError, match="others of yours") as caught:
        shared.take("crowd", 1)
    assert caught.value.own
    shared.take("shop", 1)
    for _ in range(8):
        alone.take("", 1)


def test_time_is_used_up_by_what_it_took_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("goodsight.serve.allowance.time.monotonic", lambda: now)
    some = Allowance(12, 30)
    some.take("shop", 1)
    some.give_back("shop", 1, 75)
    with pytest.raises(BusyError, match="too many of yours") as caught:
        some.take("shop", 1)
    assert caught.value.own
    assert caught.value.seconds == 31
    some.take("other", 1)
    now = 31.0
    some.take("shop", 1)
    some.take("shop", 1, always=True)

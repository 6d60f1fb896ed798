"""What is decided alone is counted, and its error has an interval that holds the truth."""

import numpy as np
import pytest

from goodsight.measuring import alone, metrics
from goodsight.measuring.alone import Given

SURE = np.array([0.99, 0.95, 0.9, 0.8, 0.6])
ANSWERS = Given(np.array([0, 0, 1, 1, 1]), SURE, np.array([True, False, True, True, False]), np.arange(5))


def test_what_is_at_or_above_the_threshold_is_decided() -> None:
    found = alone.measure(ANSWERS, 3, 0.9, 0.8)
    assert (found.n, found.decided, found.share) == (5, 4, 0.8)
    assert found.error.value == 0.25
    assert found.error.low < 0.25 < found.error.high
    assert [(one.said, one.alone) for one in found.classes] == [(2, 2), (3, 2), (0, 0)]
    assert [one.error.value for one in found.classes[:2]] == [0.5, 0.0]
    assert found.minutes == pytest.approx(4 * 5 / 60)


def test_nothing_decided_has_no_error() -> None:
    found = alone.measure(ANSWERS, 2, 0.999, float("inf"))
    assert found.decided == 0
    assert np.isnan(found.error.value)
    assert found.to_json()["threshold"] is None
    assert found.to_json()["error"] == {"value": None, "low": None, "high": None}


def test_the_interval_of_a_share_holds_it_and_groups_make_it_wider() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        p = rng.beta(2, 30, 40)  # each group has an error of its own
        groups = np.repeat(np.arange(40), 10)
        found = metrics.share(rng.uniform(0, 1, 400) < p[groups], groups)
        held += found.low <= 2 / 32 <= found.high
    assert held >= 180
    same, apart = np.repeat(np.arange(20) % 2 == 0, 10), np.repeat(np.arange(20), 10)
    wide, narrow = metrics.share(same, apart), metrics.share(same, np.arange(200))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_a_share_is_never_a_point() -> None:
    none = metrics.share(np.zeros(50, bool), np.arange(50))
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 50))
    one = metrics.share(np.ones(50, bool), np.zeros(50, np.int64))
    assert one.low == pytest.approx(0.025)
    assert np.isnan(metrics.share(np.zeros(0, bool), np.zeros(0, np.int64)).value)

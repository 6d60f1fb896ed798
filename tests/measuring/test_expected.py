"""Photos that are farther away are answered worse, whatever confidence says; a forecast knows that."""

from dataclasses import replace

import numpy as np
import pytest

from goodsight.arrays import Array, Doubles
from goodsight.measuring.expected import Expected, Known, expect


def _answers(count: int, near: float, seed: int) -> tuple[Doubles, Array, Doubles]:
    """Confidence, nearness and the chance to be right: less than confidence says, the farther away the less."""
    draw = np.random.default_rng(seed)
    confidence = draw.uniform(0.5, 0.999, count)
    nearness = np.clip(draw.normal(near, 0.12, count), 0, 1).astype(np.float32)
    odds = np.log(confidence / (1 - confidence)) + 6 * (nearness - 0.7)
    return confidence, nearness, 1 / (1 + np.exp(-odds))


def _known(near: float = 0.7, seed: int = 0, count: int = 2000) -> Known:
    confidence, nearness, chance = _answers(count, near, seed)
    right = np.random.default_rng(seed + 100).random(count) < chance
    return Known(confidence, nearness, right, np.arange(count) // 2)


def _expect(near: float, seed: int = 1) -> tuple[Expected, Doubles, Doubles]:
    confidence, nearness, chance = _answers(600, near, seed)
    return expect(_known(), confidence, nearness, 0.9), confidence, chance


@pytest.mark.parametrize("near", [0.45, 0.55, 0.7])
def test_the_forecast_is_right_where_confidence_is_not(near: float) -> None:
    found, confidence, chance = _expect(near)
    assert abs(found.accuracy.value - chance.mean()) < 0.04
    assert found.accuracy.low < chance.mean() < found.accuracy.high
    sure = confidence >= 0.9
    assert found.decided == pytest.approx(sure.mean())
    assert abs(found.error.value - (1 - chance[sure]).mean()) < 0.04
    if near < 0.5:
        assert confidence.mean() > chance.mean() + 0.15


def test_the_interval_holds_what_comes() -> None:
    held = 0
    for seed in range(16):
        found, _, chance = _expect(0.55, seed + 10)
        came = (np.random.default_rng(seed + 500).random(600) < chance).mean()
        held += found.accuracy.low <= came <= found.accuracy.high
    assert held >= 12


def test_large_units_make_wide_intervals() -> None:
    confidence, nearness, _ = _answers(600, 0.55, 1)
    # Ten shelves of 200 photos each, of which three are answered wrong as a whole.
    shelves = np.arange(2000) // 200
    known = replace(_known(), right=shelves > 2)
    alone, together = (
        expect(replace(known, units=units), confidence, nearness, 0.9).accuracy for units in (np.arange(2000), shelves)
    )
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_clearly_farther_photos_are_said_to_be() -> None:
    assert _expect(0.45)[0].farther
    assert not _expect(0.7)[0].farther


def test_where_nothing_is_decided_there_is_no_error() -> None:
    confidence, nearness, _ = _answers(50, 0.7, 1)
    found = expect(_known(), confidence, nearness, float("inf"))
    assert (found.decided, np.isnan(found.error.value)) == (0.0, True)
    assert found.to_json()["error_among_decided"] == {"value": None, "low": None, "high": None}


def test_where_all_was_right_all_is_expected_to_be() -> None:
    known = replace(_known(), right=np.ones(2000, bool))
    confidence, nearness, _ = _answers(100, 0.7, 1)
    assert expect(known, confidence, nearness, 0.9).accuracy.value > 0.97

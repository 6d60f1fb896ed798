"""Plots show the numbers where they belong, in text that is the same every time."""

import re

import pytest

from goodsight.report import plots
from goodsight.training.recipe import Epoch

TICKS = [
    ((0, 1), False, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    ((0, 0.013), False, [0, 0.005, 0.01, 0.015]),
    ((0.97, 0.99), False, [0.97, 0.975, 0.98, 0.985, 0.99]),
    ((0, 0), False, [0, 0.2]),
    ((1, 3), True, [1, 2, 3]),
    ((1, 1), True, [1, 2]),
    ((1, 110), True, [0, 50, 100, 150]),
]


@pytest.mark.parametrize(("span", "whole", "expected"), TICKS)
def test_ticks_are_round_and_hold_the_numbers(span: tuple[float, float], whole: bool, expected: list[float]) -> None:
    assert plots.ticks(*span, whole=whole) == pytest.approx(expected)


def _lines(svg: str) -> list[list[tuple[float, float]]]:
    found = re.findall(r'<polyline points="([^"]+)"', svg)
    return [[(float(x), float(y)) for x, y in (place.split(",") for place in line.split())] for line in found]


def test_reliability_lies_on_the_dashed_line_where_probabilities_are_right() -> None:
    svg = plots.reliability([(0.25, 0.25, 4), (0.5, 0.75, 16), (1, 1, 64)])
    dashed, line = _lines(svg)
    (left, bottom), (right, top) = dashed
    assert line == [
        pytest.approx((left + x * (right - left), bottom + y * (top - bottom)), abs=0.1)
        for x, y in ((0.25, 0.25), (0.5, 0.75), (1, 1))
    ]
    radii = [float(r) for r in re.findall(r'<circle [^>]*r="([^"]+)"', svg)]
    assert radii == sorted(radii)
    assert radii[0] < radii[-1]
    assert "share right</text>" in svg


def test_moderation_marks_what_is_decided() -> None:
    curve, mark = _lines(plots.moderation([(0.5, 0.0), (1.0, 0.125)], 0.75))
    assert mark[0][0] == mark[1][0] == pytest.approx((curve[0][0] + curve[1][0]) / 2, abs=0.1)
    assert mark[0][1] == curve[0][1] > curve[1][1] >= mark[1][1]


def test_each_training_has_its_lines_and_gaps_where_nothing_was_measured() -> None:
    history = [Epoch(2.0, 1.5, 0.5, 10.0), Epoch(float("nan"), 1.0, 0.75, 10.0), Epoch(1.0, 0.5, 1.0, 10.0)]
    loss, accuracy = plots.training({"one": history, "two": history})
    assert [len(line) for line in _lines(loss)] == [1, 1, 3, 1, 1, 3]
    assert [len(line) for line in _lines(accuracy)] == [3, 3]


def test_nothing_measured_is_an_empty_plot() -> None:
    assert [_lines(svg) for svg in (*plots.training({}), plots.reliability([]))][:2] == [[], []]
    assert _lines(plots.moderation([], 0.5)) != []


def test_a_plot_fits_into_any_page() -> None:
    """In the page's own colour, the same every time, with no id that another has and no address."""
    bins = [(0.25, 0.5, 3), (0.95, 0.75, 40)]
    svg = plots.reliability(bins)
    assert svg == plots.reliability(bins)
    assert svg.startswith("<svg")
    assert "currentColor" in svg
    assert not re.search(r"\bid=|http|xmlns", svg)

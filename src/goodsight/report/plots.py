"""Plots as SVG text, for the inside of a page: in the colour of its text, without an id or an address."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from goodsight.training.recipe import Epoch

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 440, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 424, 14, 276
"""Where the axes lie."""
_ACCENT = "#3b82f6"
"""Can be read on a light page and on a dark one."""
_TICKS = 6


def reliability(bins: Sequence[tuple[float, float, int]]) -> str:
    """Accuracy against mean confidence of each bin; dots grow with the number of photos."""
    plot = _Plot("probability given", "share right", (0, 1), (0, 1))
    plot.line([(0, 0), (1, 1)], stroke="currentColor", stroke_dasharray="6 4")
    points = [(confidence, right) for confidence, right, _ in bins]
    plot.line(points, stroke=_ACCENT, stroke_width=2)
    most = max((n for *_, n in bins), default=1)
    plot.dots(points, [2.5 + 4.5 * math.sqrt(n / most) for *_, n in bins])
    return plot.svg()


def moderation(curve: Points, decided: float) -> str:
    """Error among the photos that the machine decides, against their share; the dotted line is the model's choice."""
    plot = _Plot("share decided without a person", "error among them", (0, 1), _range([0, *(e for _, e in curve)]))
    plot.line(curve, stroke=_ACCENT, stroke_width=2)
    plot.line([(decided, plot.y[0]), (decided, plot.y[1])], stroke="currentColor", stroke_dasharray="2 3")
    return plot.svg()


def training(history: Mapping[str, Sequence[Epoch]]) -> list[str]:
    """Loss and accuracy against epochs: one line per training, dashed for the loss on the training photos."""
    epochs = [epoch for some in history.values() for epoch in some]
    along = (1, max((len(some) for some in history.values()), default=1))
    loss = _Plot("epoch", "loss", along, _range(n for e in epochs for n in (e.loss, e.validation_log_loss)), whole=True)
    accuracies = _range(e.validation_accuracy for e in epochs)
    accuracy = _Plot("epoch", "accuracy on the validation fold", along, accuracies, whole=True)
    for some in history.values():
        loss.line(_numbered(e.loss for e in some), stroke="currentColor", stroke_dasharray="6 4", opacity=0.6)
        loss.line(_numbered(e.validation_log_loss for e in some), stroke=_ACCENT, stroke_width=2)
        accuracy.line(_numbered(e.validation_accuracy for e in some), stroke=_ACCENT, stroke_width=2)
    return [loss.svg(), accuracy.svg()]


def _numbered(values: Iterable[float]) -> list[tuple[float, float]]:
    return [(number, value) for number, value in enumerate(values, 1)]


def _range(values: Iterable[float]) -> tuple[float, float]:
    """The least and the largest number, 0 and 1 where there are none."""
    found = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    return min(found), max(found)


def ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Round numbers from at most ``low`` to at least ``high``, a handful of them.

    Args:
        low: the least number to show.
        high: the largest, at least as large.
        whole: no fractions.

    """
    span = (high - low) or abs(high) or 1.0
    rough = span / (_TICKS - 1)
    ten = 10.0 ** math.floor(math.log10(rough))
    step = next(ten * by for by in (1, 2, 5, 10) if ten * by >= rough * 0.999)
    step = max(1.0, round(step)) if whole else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, max(last, first + 1) + 1)]


class _Plot:
    """Axes with a grid, on which lines and dots are drawn."""

    def __init__(
        self, x: str, y: str, across: tuple[float, float], up: tuple[float, float], *, whole: bool = False
    ) -> None:
        across_ticks, up_ticks = ticks(*across, whole=whole), ticks(*up)
        self.x, self.y = (across_ticks[0], across_ticks[-1]), (up_ticks[0], up_ticks[-1])
        self._parts: list[str] = []
        for tick in across_ticks:
            left = self._at((tick, self.y[0]))[0]
            self._grid(left, _TOP, left, _BOTTOM)
            self._text(left, _BOTTOM + 18, _number(tick, across_ticks), "middle")
        for tick in up_ticks:
            top = self._at((self.x[0], tick))[1]
            self._grid(_LEFT, top, _RIGHT, top)
            self._text(_LEFT - 8, top + 4, _number(tick, up_ticks), "end")
        middle = (_TOP + _BOTTOM) // 2
        self._text((_LEFT + _RIGHT) // 2, _HEIGHT - 14, x, "middle")
        self._text(16, middle, y, "middle", transform=f"rotate(-90 16 {middle})")

    def line(self, points: Points, **style: object) -> None:
        """A line through points; where one is no number there is a gap."""
        style = {"fill": "none", "stroke_width": 1.2} | style
        shown = np.isfinite(np.array(points, float).reshape(-1, 2)).all(axis=1)
        for begin, end in _runs(shown.tolist()):
            places = " ".join("{:.1f},{:.1f}".format(*self._at(point)) for point in points[begin:end])
            self._parts.append(_element("polyline", points=places, **style))

    def dots(self, points: Points, radii: Sequence[float]) -> None:
        """A dot at each point."""
        for point, radius in zip(points, radii, strict=True):
            x, y = self._at(point)
            self._parts.append(_element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{radius:.1f}", fill=_ACCENT))

    def svg(self) -> str:
        """The plot."""
        head = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" font-size="13" fill="currentColor">'
        return "\n".join([head, *self._parts, "</svg>"])

    def _at(self, point: tuple[float, float]) -> tuple[float, float]:
        (x, y), (left, right), (low, high) = point, self.x, self.y
        across, up = (x - left) / (right - left), (y - low) / (high - low)
        return _LEFT + across * (_RIGHT - _LEFT), _BOTTOM - up * (_BOTTOM - _TOP)

    def _grid(self, left: float, top: float, right: float, bottom: float) -> None:
        ends = {"x1": left, "y1": top, "x2": right, "y2": bottom}
        places = {name: f"{place:.1f}" for name, place in ends.items()}
        self._parts.append(_element("line", stroke="currentColor", opacity=0.2, **places))

    def _text(self, x: float, y: float, text: str, anchor: str, **style: object) -> None:
        place = _element("text", x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, **style)
        self._parts.append(f"{place.removesuffix('/>')}>{text}</text>")


def _element(name: str, **attributes: object) -> str:
    said = " ".join(f'{key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f"<{name} {said}/>"


def _number(tick: float, among: Sequence[float]) -> str:
    """A tick with the decimals that tell it from the next."""
    decimals = max(0, -math.floor(math.log10(among[1] - among[0]) + 1e-9))
    return f"{tick:.{decimals}f}"


def _runs(shown: Sequence[bool]) -> list[tuple[int, int]]:
    """Where uninterrupted runs begin and end."""
    edges = [
        number for number, (one, two) in enumerate(zip([False, *shown], [*shown, False], strict=True)) if one != two
    ]
    return list(zip(edges[::2], edges[1::2], strict=True))

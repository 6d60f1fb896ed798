"""Plots as SVG text. Figures are made without pyplot, so they are quick and need no screen."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from goodsight.training.recipe import Epoch

_INK, _ACCENT = "#010203", "#3b82f6"
"""The ink becomes the colour of the page's text, light or dark; the accent can be read on both."""
_settings = threading.Lock()


def reliability(bins: Sequence[tuple[float, float, int]], name: str) -> str:
    """Accuracy against mean confidence of each bin; dots grow with the number of photos."""
    figure, axes = _start("probability given", "share right")
    axes.plot([0, 1], [0, 1], color=_INK, linestyle="--", linewidth=1)
    most = max((n for _, _, n in bins), default=1)
    given, right = [c for c, _, _ in bins], [a for _, a, _ in bins]
    axes.plot(given, right, color=_ACCENT)
    axes.scatter(given, right, [12 + 88 * n / most for _, _, n in bins], color=_ACCENT, clip_on=False, zorder=3)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    return _svg(figure, f"reliability-{name}")


def moderation(curve: Sequence[tuple[float, float]], decided: float, name: str) -> str:
    """Error among the photos that the machine decides, against their share; the dotted line is the model's choice."""
    figure, axes = _start("share decided without a person", "error among them")
    axes.plot([s for s, _ in curve], [e for _, e in curve], color=_ACCENT)
    axes.axvline(decided, color=_INK, linestyle=":", linewidth=1)
    axes.set(xlim=(0, 1), ylim=(0, None))
    return _svg(figure, f"moderation-{name}")


def training(history: Mapping[str, Sequence[Epoch]]) -> list[str]:
    """Loss and accuracy against epochs: one line per training, dashed for the loss on the training photos."""
    loss, losses = _start("epoch", "loss")
    accuracy, accuracies = _start("epoch", "accuracy on the validation fold")
    for epochs in history.values():
        number = range(1, len(epochs) + 1)
        losses.plot(number, [e.loss for e in epochs], color=_INK, linestyle="--", linewidth=1, alpha=0.6)
        losses.plot(number, [e.validation_log_loss for e in epochs], color=_ACCENT)
        accuracies.plot(number, [e.validation_accuracy for e in epochs], color=_ACCENT)
    for axes in (losses, accuracies):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return [_svg(loss, "training-loss"), _svg(accuracy, "training-accuracy")]


def _start(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.4, 3.3), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(x, color=_INK)
    axes.set_ylabel(y, color=_INK)
    axes.tick_params(colors=_INK)
    axes.spines[:].set_color(_INK)
    axes.grid(color=_INK, alpha=0.2)
    return figure, axes


def _svg(figure: Figure, name: str) -> str:
    """The figure for the inside of a page: the same text every time, no id that another plot has, no address."""
    out = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    # The settings are the whole process's: two threads would restore each other's.
    with _settings, mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    text = out.getvalue()
    # Inside a page the XML prolog and the namespaces are noise, and name other hosts.
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text[text.index("<svg") :])
    prefix = re.sub(r"[^\w-]", lambda other: f"-{ord(other[0]):x}-", name, flags=re.ASCII)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", text)
    return text.replace(_INK, "currentColor")

"""What the verbs share: checks of options, steps that several of them take, and the clock."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from goodsight.catalog.rows import Catalog, Row
from goodsight.embedding import twins
from goodsight.embedding.table import Table
from goodsight.embedding.twins import Fingerprints, Twins
from goodsight.errors import GoodsightError
from goodsight.measuring.measured import Findings
from goodsight.model.record import Model

MANY_CLASSES = 20
"""From so many on, a closer look at the centre is worth its time: on 81 classes of groceries it gave 8 points."""


def leaks(model: Model, table: Table) -> tuple[Twins, npt.NDArray[np.bool_]]:
    """The twins among some photos, and which of them have a twin among the model's training photos."""
    mine = Fingerprints(table.sha256, table.thumbnails, twins.sketch(model.scaler(table.vectors)))
    groups = (model.training + mine).twins(model.alike_pixels).groups
    count = len(model.training.sha256)
    return mine.twins(model.alike_pixels), np.isin(groups[count:], groups[:count])


def write_report(folder: Path, findings: Findings, clock: Clock, *, card: bool = True) -> None:
    """``report.html`` and ``metrics.json`` and, with ``card``, the model card."""
    from goodsight.report import page

    page.write(folder, replace(findings, timings=clock.laps))
    if card:
        page.card(folder, findings)


def views_for(rows: Catalog, network: str) -> int:
    """How often a photo is looked at when the user says nothing."""
    most = max(len(rows.view(number).classes) for number in range(len(rows.attributes)))
    return 2 if most >= MANY_CLASSES and network == "lite0" else 1


def paths_of(given: str | Path | Sequence[str | Path]) -> list[Path]:
    """One path or several, as a list."""
    return [Path(given)] if isinstance(given, str | Path) else [Path(path) for path in given]


def require_range(option: str, value: float, low: float, high: float) -> None:
    """Refuse a number beyond its range, naming the option."""
    if not low < value < high:
        raise GoodsightError(f"{option} {value:g}: must be between {low:g} and {high:g}, both excluded")


def require_not_negative(**options: int) -> None:
    """Refuse negative numbers, naming the option."""
    for option, value in options.items():
        if value < 0:
            raise GoodsightError(f"{option} {value}: must be 0 or more")


class Clock:
    """Seconds of each step, for the report."""

    def __init__(self) -> None:
        self.laps: list[tuple[str, float]] = []
        self._last = time.monotonic()

    def under(self, prefix: str) -> Callable[[str], None]:
        """:meth:`lap` for steps whose names begin so."""
        return lambda step: self.lap(prefix + step)

    def lap(self, step: str) -> None:
        """A step is done: its seconds are those since the one before."""
        now = time.monotonic()
        self.laps.append((step, now - self._last))
        self._last = now


def require_apart(out: Path, sources: Sequence[Path], rows: Iterable[Row]) -> None:
    """The folder to make must not lie among the photos, nor hold any of them: it would be read, or they be replaced.

    Raises:
        GoodsightError: it does.

    """
    # Not Path.resolve: it raises on a link that leads to itself, which is only a bad photo.
    folder = Path(os.path.realpath(out))
    within = any(source.is_dir() and folder.is_relative_to(os.path.realpath(source)) for source in sources)
    inside = (Path(os.path.realpath(path)) for path in (*sources, *(row.path for row in rows)))
    if within or any(path.is_relative_to(folder) for path in inside):
        raise GoodsightError(f"--out {out}: lies in the folder of the photos, or they in it; choose one outside it")

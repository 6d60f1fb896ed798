"""Two models compared, as a page: gains with intervals, for each class too, and the photos that turned either way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from goodsight.measuring.comparison import Comparison
from goodsight.measuring.pairwise import ClassGain, Paired
from goodsight.photos.limits import Limits
from goodsight.report import assets, gallery
from goodsight.report.gallery import Gallery, Pictures
from goodsight.report.template import environment, save

STYLE = "report.css"
SCRIPTS = ("gallery.js",)
MOST = 300
"""Photos that turned of each attribute and way; more are in metrics.json."""


@dataclass(frozen=True)
class Measured:
    """What the page shows.

    Attributes:
        names: of the old model and of the new one.
        comparison: on all photos.
        each: what both said of each attribute.
        left_out: how many photos were not compared on.

    """

    names: tuple[str, str]
    comparison: Comparison
    each: Sequence[Paired]
    left_out: int


@dataclass(frozen=True)
class Shown:
    """One attribute: its gain, the gains of its classes, and what opens the photos that turned."""

    number: int
    paired: Paired
    comparison: Comparison
    gains: Sequence[tuple[ClassGain, int, int]]

    def key(self, way: str, name: str = "") -> str:
        """What opens the photos that turned one way (``won`` or ``lost``), of all classes or of one."""
        return f"{self.number}:{way}:{name}"


def write(folder: Path, found: Measured, limits: Limits) -> None:
    """Write ``report.html`` and ``metrics.json`` into ``folder``."""
    numbers = found.comparison.to_json() | {
        "old": found.names[0],
        "new": found.names[1],
        "left_out": found.left_out,
        "attributes": {paired.attribute: paired.to_json() for paired in found.each},
    }
    save(folder / "metrics.json", json.dumps(numbers, indent=1, ensure_ascii=False, allow_nan=False))
    save(folder / "report.html", environment().get_template("compared.html").render(**_view(found, limits)))


def _view(found: Measured, limits: Limits) -> dict[str, Any]:
    turned = [(paired, way, np.flatnonzero(getattr(paired, way))[:MOST]) for paired in found.each for way in _WAYS]
    wanted = [paired.rows[i] for paired, _, numbers in turned for i in numbers]
    shown = Gallery(Pictures(limits, gallery.edge_for(len(wanted))))
    shown.pictures.prepare(wanted)
    each = [_shown(shown, number, paired) for number, paired in enumerate(found.each)]
    return {
        "c": found,
        "shown": each,
        "gallery": shown,
        "several": len(each) > 1,
        "data": assets.as_json(shown.to_json()),
        "style": Markup(assets.asset(STYLE)),  # noqa: S704 - both are ours
        "script": Markup(assets.asset(*SCRIPTS)),  # noqa: S704
        "policy": assets.policy(STYLE, *SCRIPTS),
    }


_WAYS = {"won": "Right now, wrong before", "lost": "Wrong now, right before"}


def _shown(found: Gallery, number: int, paired: Paired) -> Shown:
    places = {way: _turned(found, paired, getattr(paired, way)) for way in _WAYS}
    gains = []
    for gain in paired.by_class():
        mine = paired.labels == paired.classes.index(gain.name)
        counts = [int((getattr(paired, way) & mine).sum()) for way in _WAYS]
        gains.append((gain, counts[0], counts[1]))
        for (way, title), count in zip(_WAYS.items(), counts, strict=True):
            if count:
                photos = [photo for row, photo in places[way].items() if mine[row]]
                found.together(f"{number}:{way}:{gain.name}", f"{gain.name}: {title.lower()}", photos, count)
    for way, title in _WAYS.items():
        if places[way]:
            found.together(f"{number}:{way}:", title, places[way].values(), int(getattr(paired, way).sum()))
    return Shown(number, paired, paired.comparison(), gains)


def _turned(found: Gallery, paired: Paired, turned: Any) -> dict[int, int | None]:
    """The photos that turned one way, by their numbers: those of which both are surest first."""
    rows = np.flatnonzero(turned)
    sure = np.minimum(paired.current.confidence[rows], paired.candidate.confidence[rows])
    places: dict[int, int | None] = {}
    for row in rows[np.argsort(-sure, kind="stable")][:MOST].tolist():
        answers = [
            (who, paired.classes[side.given[row]], float(side.confidence[row]))
            for who, side in (("before", paired.current), ("now", paired.candidate))
        ]
        places[row] = found.photo(paired.rows[row], paired.classes[paired.labels[row]], answers)
    return places

"""Measured become a page: report.html, one file that loads nothing from elsewhere, and metrics.json beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from goodsight.arrays import Pixels
from goodsight.measuring.measured import Measured, Part
from goodsight.measuring.result import Answers, Result
from goodsight.report import advice, assets, behind, confusion, decided, fragments, gallery, mistakes, plots
from goodsight.report.advice import Advice
from goodsight.report.confusion import Cell, Pair
from goodsight.report.gallery import Gallery, Pictures
from goodsight.report.mistakes import Mistake
from goodsight.report.numbers import numbers, ranked, splits_of
from goodsight.report.template import environment, save
from goodsight.report.thumbnails import data_uri

STYLE = "report.css"
SCRIPTS = ("gallery.js", "slider.js")
_PAIRS, _CLASSES, _CONFUSED, _LISTED = 8, 20, 20, 50


@dataclass(frozen=True)
class Shown:
    """One attribute, as the page shows it.

    Attributes:
        number: of the attribute.
        part: what was measured.
        result: the one that leads.
        figures: each result with its plot and its confused pairs.
        tiles: what is decided alone, as HTML.
        slider: what other precisions cost, as HTML.
        advice: what to do next.
        pairs: classes that are taken for others, the most photos first.
        worst: numbers of classes with photos, the seldomest found first, those of which nothing can be said last.
        matrix: the table of confusions.
        mistakes: the worst ones.

    """

    number: int
    part: Part
    result: Result
    figures: Sequence[dict[str, Any]]
    tiles: Markup
    slider: Markup
    advice: Sequence[Advice]
    pairs: Sequence[Pair]
    worst: Sequence[int]
    matrix: Sequence[tuple[int, Sequence[Cell]]]
    mistakes: Sequence[Mistake] = field(default_factory=list)

    @property
    def others(self) -> list[tuple[str, Result]]:
        """Results on photos from elsewhere and on photos like these, where another one leads."""
        return [(short, each) for each in self.part.results[1:] if (short := decided.beside(each.name))]

    @property
    def mapped(self) -> bool:
        """Whether a mistake has a map."""
        return any(one.mapped for one in self.mistakes)

    @property
    def framed(self) -> bool:
        """Whether a map has a frame."""
        return any(seen.place for seen in self.part.evidence.values())

    def cell(self, label: int, given: int) -> str:
        """What opens a place of the table."""
        return behind.cell_key(self.number, label, given)

    def labelled(self, label: int) -> str:
        """What opens a class."""
        return behind.labelled_key(self.number, label)

    def said(self, given: int) -> str:
        """What opens an answer."""
        return behind.said_key(self.number, given)

    @property
    def absent(self) -> list[str]:
        """Classes without a photo here."""
        support = self.result.honest.support
        return [name for name, photos in zip(self.result.classes, support, strict=True) if not photos]

    def away(self, label: int) -> Pair | None:
        """What a class is most often taken for."""
        return confusion.taken_for(label, self.pairs)


def write(folder: Path, findings: Measured) -> None:
    """Write ``report.html`` and ``metrics.json`` into ``folder``."""
    save(folder / "metrics.json", json.dumps(numbers(findings), indent=1, ensure_ascii=False, allow_nan=False))
    save(folder / "report.html", environment().get_template("page.html").render(**_view(findings)))


def _view(findings: Measured) -> dict[str, Any]:
    """The page's parts, with pictures and plots made."""
    answers = _answers(findings)
    per_cell = gallery.most_per_cell(answers)
    wanted = [row for each in answers for row in gallery.rows(each, per_cell)]
    found = Gallery(Pictures(findings.model.limits, gallery.edge_for(len(wanted))))
    found.pictures.prepare(wanted)
    kept = decided.specification(findings)
    settings = decided.of(findings, kept)
    measured = [(number, part) for number, part in enumerate(findings.parts) if part.results]
    shown = [
        _shown(found, number, part, findings, setting, per_cell)
        for (number, part), setting in zip(measured, settings, strict=True)
    ]
    return _more(found, findings) | {
        "f": findings,
        "model": findings.model,
        "shown": shown,
        "gallery": found,
        "per_cell": per_cell,
        "most_pairs": _PAIRS,
        "most_classes": _CLASSES,
        "listed": _LISTED,
        "trials": [(part.name, trial) for part in findings.parts for trial in ranked(part.trials)],
        "splits": splits_of(findings),
        "curves": [Markup(plot) for plot in plots.training(findings.own.history)] if findings.own else [],  # noqa: S704
        "data": assets.as_json(found.to_json()),
        "answers": assets.as_json(kept),
        "style": Markup(assets.asset(STYLE)),  # noqa: S704 - both are ours
        "script": Markup(assets.asset(*SCRIPTS)),  # noqa: S704
        "policy": assets.policy(STYLE, *SCRIPTS),
    }


def _answers(findings: Measured) -> list[Answers]:
    """What the leading result of each attribute said, without photos that have a twin in training."""
    mains = [part.results[0].answers for part in findings.parts if part.results]
    return [answers.honest for answers in mains if answers is not None]


def _shown(
    found: Gallery, number: int, part: Part, findings: Measured, setting: decided.Setting, per_cell: int
) -> Shown:
    main = part.results[0]
    assert main.answers is not None, "a report shows results that know their answers"
    behind.collect(found, number, main.answers.honest, main.classes, per_cell)
    scores = main.honest
    recalls = [figures["recall"].value for figures in scores.per_class]
    return Shown(
        number,
        part,
        main,
        [_figures(result) for result in part.results],
        Markup(fragments.tiles(number, setting)),  # noqa: S704 - made here
        Markup(fragments.slider(number, setting)),  # noqa: S704
        advice.advise(number, part.results),
        confusion.pairs(scores.confusion),
        # NaN is no number to sort by: such classes come last.
        sorted(np.flatnonzero(scores.support).tolist(), key=lambda c: (recalls[c] != recalls[c], recalls[c])),
        confusion.table(scores.confusion),
        mistakes.of(found, part, findings),
    )


def _figures(result: Result) -> dict[str, Any]:
    """A result for specialists."""
    return {
        "r": result,
        "reliability": Markup(plots.reliability(result.reliability)),  # noqa: S704 - made here
        "confused": confusion.pairs(result.scores.confusion)[:_CONFUSED],
    }


def _more(found: Gallery, findings: Measured) -> dict[str, Any]:
    """Photos that specialists look at, by the numbers of their pictures; after the others, as the page may be full."""
    picture = found.pictures.of
    own: list[Pixels] = list(findings.own.samples) if findings.own else []
    return {
        "twins": [(picture(a), a.file_name, picture(b), b.file_name) for a, b in findings.twin_examples],
        "series": [[(picture(row), row.file_name) for row in rows] for rows in findings.series],
        "leaks": [(picture(a), a.file_name, picture(b), b.file_name) for a, b in findings.leaked_pairs],
        "off_topic": [(picture(row), row.file_name, p, name) for row, p, name in findings.off_topic],
        "samples": [found.pictures.add((data_uri(Image.fromarray(pixels)), "")) for pixels in own],
    }

"""Measured become the model card: README.md of the model folder."""

from __future__ import annotations

from pathlib import Path

from goodsight.measuring.measured import Measured
from goodsight.report import decided, fragments
from goodsight.report.numbers import splits_of
from goodsight.report.template import environment, save

_SHOWN = 50


def write(folder: Path, findings: Measured) -> None:
    """Write the card into ``folder``."""
    settings = decided.of(findings, decided.specification(findings))
    template = environment().get_template("card.md")
    said = {"f": findings, "splits": splits_of(findings), "shown": _SHOWN, "decided": fragments.card(settings)}
    save(folder / "README.md", template.render(**said))

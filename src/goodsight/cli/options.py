"""Options that several commands share, and the records that they become. A word means the same in every command."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goodsight.errors import GoodsightError

if TYPE_CHECKING:
    from goodsight import Labels, Limits


PHOTOS, LABELS, VERDICTS, NETWORK = "Photos", "Labels", "Verdicts", "Network"
SPEED, OUTPUT = "Speed", "Output"
"""Panels of the help, in their order."""


Label = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="The label column of a list; several are attributes.", rich_help_panel=LABELS),
]
Attributes = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Attributes whose labels are in folders' names: colour,type of black_jeans.",
        rich_help_panel=LABELS,
    ),
]
Tags = Annotated[
    str,
    typer.Option(
        metavar="COLUMN",
        help="A column of tags with spaces or commas between; each is yes or no.",
        rich_help_panel=LABELS,
    ),
]
Ledger = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="What people decided about these photos.", rich_help_panel=LABELS),
]
Group = Annotated[
    str,
    typer.Option(
        metavar="COLUMN",
        help="Seller, shelf or session of each photo; folder for the one below the class; none.",
        rich_help_panel=LABELS,
    ),
]
MaxMb = Annotated[float, typer.Option(help="Photos of more MiB are not read.", rich_help_panel=PHOTOS)]
MaxMegapixels = Annotated[
    float | None,
    typer.Option(
        help="Photos of more are not read; else 200 for JPEG, 64 for others.",
        show_default=False,
        rich_help_panel=PHOTOS,
    ),
]
Spoilt = Annotated[
    int | None,
    typer.Option(
        help="Photos in the robustness card, or 0; else a tenth of the time's worth.",
        show_default=False,
        rich_help_panel=SPEED,
    ),
]
Cache = Annotated[
    bool, typer.Option("--cache/--no-cache", help="Use and fill the embedding cache.", rich_help_panel=SPEED)
]
On = Annotated[
    str,
    typer.Option(
        metavar="CLUSTER",
        help="Have photos embedded by Ray: ray here, ray://HOST:10001 elsewhere.",
        rich_help_panel=SPEED,
    ),
]
AT_WORK = "Processes; on a cluster 0: one per machine."
Workers = Annotated[int, typer.Option(help=AT_WORK, show_default=False, rich_help_panel=SPEED)]
Shard = Annotated[
    int,
    typer.Option(
        metavar="PHOTOS", help="Photos in each file of a folder; else 1000.", show_default=False, rich_help_panel=SPEED
    ),
]
Precision = Annotated[float, typer.Option(help="Share of right answers without a person.", rich_help_panel=VERDICTS)]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.", rich_help_panel=OUTPUT)]
Model = Annotated[Path, typer.Argument(help="A model folder made by `goodsight train`.")]
Labelled = Annotated[str, typer.Argument(help="Labelled photos, as train reads them.")]


def labels(
    label: Sequence[str] | None,
    attributes: Sequence[str] | None,
    tags: str,
    ledger: Sequence[Path] | None = None,
    *,
    group: str = "",
    ignore_split: bool = False,
) -> Labels:
    """Where the labels are, as the options say."""
    import goodsight

    return goodsight.Labels(values(label), values(attributes), tags, files(ledger), ignore_split, group)


def limits(max_mb: float, max_megapixels: float | None) -> Limits:
    """The limits on photos, as the options say.

    Raises:
        GoodsightError: one is not above 0.

    """
    import goodsight

    for option, value in (("max_mb", max_mb), ("max_megapixels", max_megapixels)):
        if value is not None and not 0 < value < 1e9:
            raise GoodsightError(f"`{option}` {value:g}: must be above 0 and below 1e9")
    return goodsight.Limits(int(max_mb * 2**20), None if max_megapixels is None else int(max_megapixels * 1e6))


def values(given: Sequence[str] | None) -> tuple[str, ...]:
    """What an option says that may be given several times and with commas; a value with a comma stands in quotes."""
    return tuple(
        value.strip()
        for text in given or ()
        for value in (next(csv.reader([text], skipinitialspace=True), None) or [""])
    )


def files(given: Sequence[Path] | None) -> tuple[Path, ...]:
    """The files that such an option names.

    Raises:
        GoodsightError: a name is empty.

    """
    names = values([str(path) for path in given or ()])
    if not all(names):
        raise GoodsightError(f"`ledger` {','.join(map(str, given or ()))}: a name is empty")
    return tuple(map(Path, names))


def pairs(declared: Sequence[str]) -> dict[str, str]:
    """The declared class of each attribute.

    Raises:
        GoodsightError: a value is no pair, or an attribute is given twice.

    """
    found: dict[str, str] = {}
    for text in values(declared):
        attribute, equals, label = text.partition("=")
        if not equals or attribute in found:
            raise GoodsightError(
                f"`declared` {text}: the model has several attributes; give ATTRIBUTE=CLASS, once for each of them"
            )
        found[attribute] = label
    return found


def models(given: Sequence[str]) -> dict[str, Path]:
    """Model folders by name: ``name=folder``, or a folder, whose own name is then the model's.

    Raises:
        GoodsightError: a name cannot be one, or is given twice.

    """
    named: dict[str, Path] = {}
    for text in given:
        name, equals, folder = text.partition("=")
        path = Path(folder if equals and not Path(text).exists() else text)
        name = name if equals and path != Path(text) else path.resolve().name
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name):
            raise GoodsightError(f"{text}: the name {name!r} must be letters, digits, ., - and _; use name=folder")
        if name in named:
            raise GoodsightError(f"{text}: a model called {name} is given already; use name=folder")
        named[name] = path
    return named

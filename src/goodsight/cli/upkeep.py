"""The commands for models that are there: inspect, overview, set, compare, promote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from goodsight.cli import options, terminal
from goodsight.cli.options import OUTPUT, PHOTOS
from goodsight.errors import GoodsightError
from goodsight.progress import bar


def inspect(model: options.Model) -> None:
    """Verify a model folder, canaries included, and print what is in it."""
    import goodsight

    terminal.print_inspected(model, goodsight.inspect(model))


def overview(folder: Annotated[Path, typer.Argument(help="Whose folders hold reports.")]) -> None:
    """Write index.html into a folder: a page that links the reports in it."""
    import goodsight

    print(f"overview: {goodsight.overview(folder)}")


def set_precision(model: options.Model, *, precision: options.Precision) -> None:
    """Change the precision that a model promises, and so what it decides alone; nothing is trained."""
    import goodsight

    terminal.print_thresholds(goodsight.set_precision(model, precision))


def compare(
    old: Annotated[Path, typer.Argument(help="A model folder.")],
    new: Annotated[Path, typer.Argument(help="The model folder that may be better.")],
    photos: Annotated[
        str | None,
        typer.Argument(help="Labelled photos to compare on; else the new model's own test photos."),
    ] = None,
    *,
    label: options.Label = None,
    attributes: options.Attributes = None,
    tags: options.Tags = "",
    group: options.Group = "",
    cache: options.Cache = True,
    out: Annotated[Path, typer.Option(help="A folder for report.html and metrics.json.", rich_help_panel=OUTPUT)],
    force: options.Force = False,
) -> None:
    """Show what a new model gains over an old one: each class, and every photo that turned."""
    import goodsight

    said = options.labels(label, attributes, tags, group=group)
    if photos is None and said != goodsight.Labels():
        raise GoodsightError("`label`, `attributes`, `tags` and `group` are about labelled photos; give these as well")
    with bar() as progress:
        work = goodsight.Work(cache=cache, force=force, progress=progress)
        done = goodsight.compare(old, new, photos, out=out, labels=said, work=work)
    terminal.print_compared(old, new, done)
    print(f"report: {out / 'report.html'}")


def promote(
    candidate: Annotated[Path, typer.Argument(help="The model folder that may be better.")],
    *,
    over: Annotated[Path, typer.Option(help="The model folder in use.")],
    min_gain: Annotated[float, typer.Option(help="The least gain that is worth a change.")] = 0.0,
    test: Annotated[
        str | None,
        typer.Option(
            "--photos",
            help="Labelled photos to compare on; else the candidate's own test photos.",
            rich_help_panel=PHOTOS,
        ),
    ] = None,
    label: options.Label = None,
    attributes: options.Attributes = None,
    tags: options.Tags = "",
    group: options.Group = "",
    cache: options.Cache = True,
    report: Annotated[
        Path | None, typer.Option(help="A folder for the page of the comparison.", rich_help_panel=OUTPUT)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the comparison as JSON.", rich_help_panel=OUTPUT)] = None,
    force: options.Force = False,
) -> None:
    """Replace a model by a candidate that is really better (exit code 0), or leave it (1)."""
    import goodsight
    from goodsight.files import refuse_existing, whole_file

    if out is not None:
        refuse_existing(out, force=force)
    said = options.labels(label, attributes, tags, group=group)
    if test is None and said != goodsight.Labels():
        raise GoodsightError("`label`, `attributes`, `tags` and `group` are about `test`; give it as well")
    with bar() as progress:
        work = goodsight.Work(cache=cache, force=force, progress=progress)
        done = goodsight.promote(candidate, over, test=test, labels=said, min_gain=min_gain, report=report, work=work)
    if out is not None:
        record = done.comparison.to_json() | {
            "promoted": done.promoted,
            "left_out": done.left_out,
            "min_gain": min_gain,
        }
        with whole_file(out) as part:
            part.write_text(json.dumps(record, indent=1), encoding="utf-8")
    terminal.print_promotion(candidate, over, done, min_gain)
    if report is not None:
        print(f"report: {report / 'report.html'}")
    if not done.promoted:
        raise typer.Exit(1)

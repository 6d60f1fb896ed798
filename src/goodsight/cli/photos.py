"""The commands that make and mend sets of photos: collect, audit, split, ledger merge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from goodsight.cli import options, terminal
from goodsight.cli.options import OUTPUT, PHOTOS
from goodsight.progress import bar


def collect(
    urls: Annotated[Path | None, typer.Argument(help="A CSV with the columns url and label.")] = None,
    *,
    page: Annotated[str, typer.Option(help="A page that shows photos; {page} in it is replaced by a number.")] = "",
    select: Annotated[str, typer.Option(help="CSS selector of the elements of the page that name photos.")] = "",
    pages: Annotated[str, typer.Option(help="The numbers for {page}: FIRST:LAST, both included.")] = "",
    label: Annotated[
        str, typer.Option("--class", help="The class of the pages' photos, and of rows that have none.")
    ] = "",
    # What --class was called; scripts have it.
    earlier: Annotated[str, typer.Option("--label", hidden=True)] = "",
    rate: Annotated[float, typer.Option(help="Requests per second and host.")] = 1.0,
    user_agent: Annotated[str, typer.Option(help="The name to give to servers; else Goodsight.")] = "",
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Also fetch from private and loopback addresses.")
    ] = False,
    max_mb: options.MaxMb = 32.0,
    max_megapixels: options.MaxMegapixels = None,
    out: Annotated[Path, typer.Option(help="The folder to fill; photos in it stay.", rich_help_panel=OUTPUT)],
) -> None:
    """Fetch photos from the web, politely, into a folder that train reads; run it again to go on."""
    import goodsight
    from goodsight.collecting.terms import USER_AGENT

    source = goodsight.Source(urls, page, select, pages, label or earlier)
    read = options.limits(max_mb, max_megapixels)
    manners = goodsight.Manners(rate, user_agent or USER_AGENT, allow_private, read)
    with bar() as progress:
        collected = goodsight.collect(source, out, manners=manners, progress=progress)
    terminal.print_collected(collected, paged=bool(page))
    print(f"folder: {out}")


def audit(
    photos: options.Labelled,
    *,
    max_mb: options.MaxMb = 32.0,
    max_megapixels: options.MaxMegapixels = None,
    label: options.Label = None,
    attributes: options.Attributes = None,
    tags: options.Tags = "",
    ledger: options.Ledger = None,
    cache: options.Cache = True,
    on: options.On = "",
    workers: options.Workers = 0,
    out: Annotated[Path, typer.Option(help="The folder of the report to make.", rich_help_panel=OUTPUT)],
    force: options.Force = False,
) -> None:
    """Find copies, wrong labels, foreign and bad photos before training, and say where to look first."""
    import goodsight

    said = options.labels(label, attributes, tags, ledger)
    read = options.limits(max_mb, max_megapixels)
    with bar() as progress:
        work = goodsight.Work(limits=read, cache=cache, force=force, progress=progress, on=on, workers=workers)
        found = goodsight.audit(photos, out, labels=said, work=work)
    terminal.print_audit(found)
    print(f"report: {out / 'report.html'}")


def split(
    photos: Annotated[list[str], typer.Argument(help="Labelled photos, as train reads them.")],
    *,
    validation: Annotated[
        float, typer.Option(help="Share of photos for validation, 0 to 0.5.", rich_help_panel=PHOTOS)
    ] = 0.1,
    test: Annotated[float, typer.Option(help="Share of photos for the test, 0 to 0.5.", rich_help_panel=PHOTOS)] = 0.1,
    seed: Annotated[int, typer.Option(help="Another number gives another split.", rich_help_panel=PHOTOS)] = 0,
    max_mb: options.MaxMb = 32.0,
    max_megapixels: options.MaxMegapixels = None,
    label: options.Label = None,
    attributes: options.Attributes = None,
    tags: options.Tags = "",
    ledger: options.Ledger = None,
    group: options.Group = "",
    cache: options.Cache = True,
    out: Annotated[Path, typer.Option(help="The folder to make.", rich_help_panel=OUTPUT)],
    force: options.Force = False,
) -> None:
    """Copy photos into train, validation and test folders for other tools, with no twins on both sides."""
    import goodsight

    said = options.labels(label, attributes, tags, ledger, group=group)
    read = options.limits(max_mb, max_megapixels)
    with bar() as progress:
        work = goodsight.Work(limits=read, cache=cache, force=force, progress=progress)
        done = goodsight.split(photos, out, validation=validation, test=test, labels=said, seed=seed, work=work)
    terminal.print_split(done)


def merge_ledgers(
    files: Annotated[list[Path], typer.Argument(help="Ledgers; of equal times a later one wins.")],
    *,
    out: Annotated[Path, typer.Option(help="The ledger to write.", rich_help_panel=OUTPUT)],
    force: options.Force = False,
) -> None:
    """Write several ledgers as one: each reviewer's last word on each photo."""
    from goodsight.catalog import ledger

    print(f"{out}: {ledger.merge(files, out, force=force)} rows")

"""The commands that look at new photos: classify, check, sightings."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goodsight.cli import options, terminal
from goodsight.cli.options import OUTPUT
from goodsight.errors import GoodsightError
from goodsight.progress import bar

if TYPE_CHECKING:
    from goodsight.cluster.run import Sharded
    from goodsight.model.record import LoadedModel
    from goodsight.report.predictions import Sink


def classify(
    model: options.Model,
    photos: Annotated[list[str], typer.Argument(help="Photos, folders, lists, tars, or URLs.")],
    *,
    top: Annotated[int, typer.Option(min=0, metavar="NUMBER", help="Most likely labels to add to each row.")] = 0,
    explain: Annotated[
        bool, typer.Option("--explain", help="Draw on the pictures of --annotate where the answer comes from.")
    ] = False,
    cache: options.Cache = True,
    on: options.On = "",
    workers: options.Workers = 0,
    shard: options.Shard = 1000,
    out: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="Write a .csv, .jsonl or .parquet; or a folder/ or an address of Parquet files.",
            rich_help_panel=OUTPUT,
        ),
    ] = "",
    annotate: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Write pictures with the label drawn on them there.", rich_help_panel=OUTPUT
        ),
    ] = None,
    submission: Annotated[
        Path | None, typer.Option(help="Write a plain image_id,label CSV.", rich_help_panel=OUTPUT)
    ] = None,
    force: options.Force = False,
) -> None:
    """Label photos; the verdict says which labels can be taken without a person."""
    import goodsight
    from goodsight.files import refuse_existing

    if _is_folder(out) or on:
        if annotate is not None or submission is not None or not _is_folder(out):
            raise GoodsightError("`out`: with `on`, give a folder/ or an address, without `annotate` and `submission`")
        _refuse_with_folder(explain=explain, force=force)
        with bar() as progress:
            work = goodsight.Work(cache=cache, on=on, workers=workers, shard=shard, progress=progress)
            done = goodsight.classify_shards(model, *photos, out=out, top=top, work=work)
        _end(done)
    table = Path(out) if out else None
    for path in (table, annotate, submission):
        if path is not None:
            refuse_existing(path, force=force)
    if annotate is not None and _among(annotate, photos):
        raise GoodsightError(f"`annotate` {annotate}: lies in the folder of the photos; choose one outside it")
    if explain and annotate is None:
        raise GoodsightError("`explain`: draws on the pictures of `annotate`; give `annotate` FOLDER as well")
    loaded = goodsight.load(model)
    tally = terminal.Tally()
    with ExitStack() as stack:
        sinks = _sinks(stack, loaded, table, submission, annotate, top, explain=explain)
        work = goodsight.Work(cache=cache, progress=stack.enter_context(bar()))
        for prediction in goodsight.classify(loaded, *photos, work=work):
            for sink in (*sinks, tally):
                sink.write(prediction)
    tally.print()


def embed(
    photos: Annotated[list[str], typer.Argument(help="Photos, folders, lists, tars, or URLs.")],
    *,
    # Not called model, which means an argument in messages.
    network_of: Annotated[
        Path | None, typer.Option("--model", metavar="FOLDER", help="A model whose network embeds; else the default.")
    ] = None,
    max_mb: options.MaxMb = 32.0,
    max_megapixels: options.MaxMegapixels = None,
    cache: options.Cache = True,
    on: options.On = "",
    workers: options.Workers = 0,
    shard: options.Shard = 1000,
    out: Annotated[
        str,
        typer.Option(
            metavar="FOLDER",
            help="Folder or address to fill.",
            rich_help_panel=OUTPUT,
        ),
    ],
) -> None:
    """Turn photos into embeddings as Parquet: name, hash, vector, thumbnail; run it again to go on."""
    import goodsight

    read = options.limits(max_mb, max_megapixels)
    with bar() as progress:
        work = goodsight.Work(limits=read, cache=cache, on=on, workers=workers, shard=shard, progress=progress)
        done = goodsight.embed(*photos, out=out, model=network_of, work=work)
    _end(done)


def _is_folder(out: str) -> bool:
    """Whether answers go to a folder of shards: to an address, or where a name ends in a slash or a folder is."""
    return "://" in out or out.endswith(("/", os.sep)) or (out != "" and Path(out).is_dir())


def _refuse_with_folder(**given: bool) -> None:
    """Refuse what says nothing about a folder of shards."""
    for option, said in given.items():
        if said:
            raise GoodsightError(
                f"`{option}`: is not for a folder or an address of `out`, where a rerun does what is missing; "
                "leave it out"
            )


def _end(done: Sharded) -> None:
    """Say what became of many photos, and end: with exit code 1 when some shards were given up."""
    terminal.print_sharded(done)
    raise typer.Exit(1 if done.failed else 0)


def _among(annotate: Path, photos: Sequence[str]) -> bool:
    """Whether a folder lies in one of the folders of the photos on this machine."""
    from goodsight.photos import places

    here = (place for place in map(places.of, photos) if isinstance(place, Path))
    return any(annotate.resolve().is_relative_to(place.resolve()) for place in here if place.is_dir())


def _sinks(
    stack: ExitStack,
    loaded: LoadedModel,
    out: Path | None,
    submission: Path | None,
    annotate: Path | None,
    top: int,
    *,
    explain: bool,
) -> list[Sink]:
    """Where the answers go: files and pictures, or the terminal when none is asked for."""
    from goodsight.report import annotated, parquet, predictions

    judges = loaded.model.judges
    sinks: list[Sink] = []
    if out is not None:
        table = parquet.file if out.suffix.lower() == ".parquet" else predictions.table
        sinks.append(stack.enter_context(table(out, judges, top)))
    if submission is not None:
        sinks.append(stack.enter_context(predictions.submission(submission)))
    if annotate is not None:
        sinks.append(annotated.Annotated(annotate, loaded, explain=explain))
    return sinks or [terminal.Printed(judges, top)]


def check(
    model: options.Model,
    photo: Annotated[str, typer.Argument(help="The photo to check; a path or a URL.")],
    *,
    declared: Annotated[
        list[str],
        typer.Option(metavar="CLASS", help="CLASS, or ATTRIBUTE=CLASS of each attribute."),
    ],
) -> None:
    """Say whether a photo shows what was declared: match (exit code 0), else mismatch, unsure or off-topic (1)."""
    import goodsight
    from goodsight.photos import places

    loaded = goodsight.load(model)
    if len(loaded.model.judges) == len(declared) == 1:
        answers = {"": goodsight.check(loaded, photo, declared[0])}
    else:
        answers = goodsight.check(loaded, photo, options.pairs(declared))
    for attribute, answer in answers.items():
        if not answer.verdict:
            raise GoodsightError(f"{places.of(photo)}: {answer.reason}")
        terminal.print_check(attribute, answer)
    raise typer.Exit(0 if all(answer.verdict == "match" for answer in answers.values()) else 1)


def sightings(
    model: options.Model,
    feed: Annotated[str, typer.Argument(help="A .jsonl feed of posts, or a folder.")],
    *,
    cache: options.Cache = True,
    out: Annotated[Path, typer.Option(help="Write one row for each brand seen, as a .csv.", rich_help_panel=OUTPUT)],
    summary: Annotated[
        Path | None, typer.Option(help="Write the counts by day and brand, as a .csv.", rich_help_panel=OUTPUT)
    ] = None,
    force: options.Force = False,
) -> None:
    """Find brands in the photos of posts: which, how sure, where; and count them by day."""
    import goodsight
    from goodsight.files import refuse_existing
    from goodsight.report.sightings import write, write_summary

    for option, path in (("out", out), ("summary", summary)):
        if path is not None:
            refuse_existing(path, force=force)
            if path.suffix.lower() != ".csv":
                raise GoodsightError(f"`{option}` {path}: the name must end in .csv")
    if summary is not None and summary.resolve() == out.resolve():
        raise GoodsightError(f"`summary` {summary}: is the file of `out` as well; choose another name")
    with bar() as progress:
        seen = goodsight.sightings(model, feed, work=goodsight.Work(cache=cache, progress=progress))
        rows = write(out, seen.found)
    if summary is not None:
        write_summary(summary, rows)
    terminal.print_sightings(seen.posts, rows)
    terminal.print_left_out("bad photos", seen.bad)
    terminal.print_left_out("posts without a day", seen.timeless)
    print(f"sightings: {out}")

"""The commands that make models, judge them and hand them on: train, evaluate, forecast, export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from goodsight.cli import figures, options, terminal
from goodsight.cli.options import LABELS, NETWORK, OUTPUT, PHOTOS, SPEED, VERDICTS
from goodsight.progress import bar


def train(
    photos: Annotated[
        list[str],
        typer.Argument(help="Folders, lists, tars, or URLs."),
    ],
    *,
    ignore_split: Annotated[
        bool,
        typer.Option(
            "--ignore-split",
            help="Treat all photos alike, whatever split they came with.",
            rich_help_panel=PHOTOS,
        ),
    ] = False,
    off_topic: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Photos that show none of the classes; makes off-topic better.",
            rich_help_panel=PHOTOS,
        ),
    ] = None,
    none: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="For brands: photos without any of the brands.", rich_help_panel=PHOTOS),
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Unlabelled photos from where the model will be used: figures are made for such.",
            rich_help_panel=PHOTOS,
        ),
    ] = None,
    max_mb: options.MaxMb = 32.0,
    max_megapixels: options.MaxMegapixels = None,
    label: options.Label = None,
    attributes: options.Attributes = None,
    tags: options.Tags = "",
    ledger: options.Ledger = None,
    group: options.Group = "",
    none_class: Annotated[
        str,
        typer.Option(
            metavar="CLASS",
            help="For brands: the class of photos without a brand; else none.",
            rich_help_panel=LABELS,
        ),
    ] = "",
    precision: options.Precision = 0.99,
    alpha: Annotated[
        float, typer.Option(help="Share of honest photos flagged per class.", rich_help_panel=VERDICTS)
    ] = 0.05,
    off_topic_alpha: Annotated[
        float, typer.Option(help="Share of honest photos called off-topic.", rich_help_panel=VERDICTS)
    ] = 0.01,
    none_recall: Annotated[
        float,
        typer.Option(help="For brands: share of nones to be found.", rich_help_panel=VERDICTS),
    ] = 0.95,
    text: Annotated[
        bool,
        typer.Option("--text", help="For brands: read the words in photos too, if it helps.", rich_help_panel=NETWORK),
    ] = False,
    network: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="lite0:tuned, brands, compact, lenet5, smallervgg, adnet, logonet, hf:NAME, FILE.onnx; else lite0.",
            show_default=False,
            rich_help_panel=NETWORK,
        ),
    ] = "lite0",
    size: Annotated[
        int,
        typer.Option(
            help="Side of the square that it looks at, in pixels; 0 for its own.",
            show_default=False,
            rich_help_panel=NETWORK,
        ),
    ] = 0,
    views: Annotated[
        int,
        typer.Option(
            help="2 looks at the centre as well, for twice the time; 0: from 20 classes on, or with --group.",
            show_default=False,
            rich_help_panel=NETWORK,
        ),
    ] = 0,
    epochs: Annotated[
        int,
        typer.Option(
            help="Passes over the photos, if it is trained here; 0 for its own.",
            show_default=False,
            rich_help_panel=NETWORK,
        ),
    ] = 0,
    distort: Annotated[
        bool,
        typer.Option(
            "--distort", help="Train it on blurred, dark and JPEG-damaged photos as well.", rich_help_panel=NETWORK
        ),
    ] = False,
    device: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="cpu, cuda or mps to train it on; else the best there is.", rich_help_panel=NETWORK
        ),
    ] = "",
    budget: Annotated[float, typer.Option(help="Seconds for choosing the head.", rich_help_panel=SPEED)] = 60.0,
    spoilt: options.Spoilt = None,
    cache: options.Cache = True,
    on: options.On = "",
    workers: options.Workers = 0,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the training of a network that was cut off.", rich_help_panel=SPEED),
    ] = False,
    out: Annotated[Path, typer.Option(help="The model folder to make.", rich_help_panel=OUTPUT)],
    force: options.Force = False,
) -> None:
    """Turn labelled photos into a model folder with a report."""
    import goodsight

    recipe = goodsight.Recipe(network, size, views, epochs, distort, device, none_class, none_recall, text)
    wishes = goodsight.Wishes(precision, alpha, off_topic_alpha, budget, spoilt)
    said = options.labels(label, attributes, tags, ledger, group=group, ignore_split=ignore_split)
    read = options.limits(max_mb, max_megapixels)
    with bar() as progress:
        work = goodsight.Work(
            limits=read, cache=cache, force=force, resume=resume, progress=progress, on=on, workers=workers
        )
        training = goodsight.train(
            photos, out, labels=said, recipe=recipe, wishes=wishes, off_topic=off_topic, none=none, like=like, work=work
        )
    terminal.print_training(training.measured)
    print(f"model: {training.folder}\nreport: {training.folder / 'report.html'}")


def evaluate(
    model: options.Model,
    photos: options.Labelled,
    *,
    label: options.Label = None,
    attributes: options.Attributes = None,
    tags: options.Tags = "",
    ledger: options.Ledger = None,
    group: options.Group = "",
    spoilt: options.Spoilt = None,
    cache: options.Cache = True,
    out: Annotated[
        Path | None, typer.Option(help="A folder for report.html and metrics.json.", rich_help_panel=OUTPUT)
    ] = None,
    force: options.Force = False,
) -> None:
    """Score a model on labelled photos, with and without those that leaked from its training."""
    import goodsight

    said = options.labels(label, attributes, tags, ledger, group=group)
    with bar() as progress:
        work = goodsight.Work(cache=cache, force=force, progress=progress)
        evaluation = goodsight.evaluate(model, photos, out=out, labels=said, spoilt=spoilt, work=work)
    terminal.print_evaluation(evaluation.measured)
    if evaluation.folder:
        print(f"report: {evaluation.folder / 'report.html'}")


def forecast(
    model: options.Model,
    photos: Annotated[str, typer.Argument(help="New photos, without labels; a path or a URL.")],
    *,
    cache: options.Cache = True,
    out: Annotated[Path | None, typer.Option(help="Write the forecast as JSON.", rich_help_panel=OUTPUT)] = None,
    force: options.Force = False,
) -> None:
    """Say how right a model will be on photos that nobody has labelled."""
    import goodsight
    from goodsight.files import refuse_existing, whole_file

    if out is not None:
        refuse_existing(out, force=force)
    with bar() as progress:
        found = goodsight.forecast(model, photos, work=goodsight.Work(cache=cache, progress=progress))
    if out is not None:
        with whole_file(out) as part:
            part.write_text(json.dumps(found.to_json(), indent=1, ensure_ascii=False), encoding="utf-8")
    figures.print_expected(found.expected)
    if found.copies:
        print(f"left out: {found.copies} copies of training photos")
    terminal.print_left_out("bad photos", found.bad)


def export(
    model: options.Model,
    *,
    to: Annotated[str, typer.Option(metavar="FORM", help="onnx, openvino, or web (a page).")] = "onnx",
    int8: Annotated[
        str | None,
        typer.Option(metavar="PHOTOS", help="8-bit integers, with ranges from these photos."),
    ] = None,
    runtime: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="For web: onnxruntime-web; else npm fetches it."),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="The file to make; the folder for openvino and web.", rich_help_panel=OUTPUT)
    ],
    force: options.Force = False,
) -> None:
    """Write a model as files that other programs run, from pixels to calibrated probabilities."""
    import goodsight

    with bar() as progress:
        work = goodsight.Work(force=force, progress=progress)
        done = goodsight.export(model, out, to=to, int8=int8, runtime=runtime, work=work)
    terminal.print_exported(done)

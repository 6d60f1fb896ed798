"""The command line: parse, call, print, exit code; nothing else. Heavy modules load in the commands that use them."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from goodsight import __version__
from goodsight.errors import GoodsightError
from goodsight.serve import commands

if TYPE_CHECKING:
    from goodsight.metrics import Scores
    from goodsight.photos import Limits
    from goodsight.progress import Progress
    from goodsight.result import Result
    from goodsight.verdicts import Prediction

app = typer.Typer(
    help="Turn a folder of product photos into a classifier that can be trusted, and check new photos with it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Label = Annotated[str, typer.Option(help="The label column of a metadata.csv or metadata.jsonl.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Cache = Annotated[bool, typer.Option("--cache/--no-cache", help="Use and fill the embedding cache.")]
ModelFolder = Annotated[Path, typer.Argument(help="A model folder made by `goodsight train`.")]


@app.command()
def train(
    photos: Annotated[Path, typer.Argument(help="One folder per class, train/validation/test folders, or a list.")],
    out: Annotated[Path, typer.Option(help="The model folder to make.")],
    label: Label = "label",
    ignore_split: Annotated[
        bool, typer.Option("--ignore-split", help="Treat all photos alike, whatever split they came with.")
    ] = False,
    off_topic: Annotated[
        Path | None, typer.Option(help="A folder of photos that show none of the classes; makes off-topic better.")
    ] = None,
    precision: Annotated[float, typer.Option(help="Share of right answers wanted where no person looks.")] = 0.99,
    alpha: Annotated[float, typer.Option(help="Share of honest photos that may be flagged, per class.")] = 0.05,
    off_topic_alpha: Annotated[float, typer.Option(help="Share of honest photos that may be called off-topic.")] = 0.01,
    size: Annotated[int, typer.Option(help="Side of the square photos are resized to, in pixels; 0: 224.")] = 0,
    views: Annotated[int, typer.Option(help="1, or 2 to look closely at the centre as well; twice the time.")] = 1,
    budget: Annotated[float, typer.Option(help="Seconds for choosing the head.")] = 60.0,
    max_mb: Annotated[float, typer.Option(help="Photos of more MiB are left out.")] = 32.0,
    max_megapixels: Annotated[float, typer.Option(help="Photos of more megapixels are left out.")] = 64.0,
    cache: Cache = True,
    force: Force = False,
) -> None:
    """Turn labelled photos into a model folder with a report."""
    from goodsight import flow

    with _progress() as progress:
        training = flow.train(
            photos,
            out,
            label=label,
            ignore_split=ignore_split,
            off_topic=off_topic,
            precision=precision,
            alpha=alpha,
            off_topic_alpha=off_topic_alpha,
            size=size,
            views=views,
            budget=budget,
            limits=_limits(max_mb, max_megapixels),
            cache=cache,
            force=force,
            progress=progress,
        )
    found = training.findings
    for result in found.results:
        _print_result(result)
    print(f"twins: {found.exact_twins} exact pairs, {found.near_twins} near pairs; {found.extra_copies} extra copies")
    _print_left_out("bad photos", found.bad)
    _print_left_out("rows left out", found.left_out)
    print(f"model: {training.folder}\nreport: {training.folder / 'report.html'}")


@app.command()
def evaluate(
    model: ModelFolder,
    photos: Annotated[Path, typer.Argument(help="Labelled photos, in any form that train reads.")],
    out: Annotated[Path | None, typer.Option(help="A folder for report.html and metrics.json.")] = None,
    label: Label = "label",
    cache: Cache = True,
    force: Force = False,
) -> None:
    """Score a model on labelled photos, with and without those that leaked from its training."""
    from goodsight import flow

    with _progress() as progress:
        evaluation = flow.evaluate(model, photos, out=out, label=label, cache=cache, force=force, progress=progress)
    _print_result(evaluation.result)
    _print_left_out("bad photos", evaluation.findings.bad)
    _print_left_out("rows left out", evaluation.findings.left_out)
    if evaluation.folder:
        print(f"report: {evaluation.folder / 'report.html'}")


@app.command()
def classify(
    model: ModelFolder,
    photos: Annotated[list[Path], typer.Argument(help="Photos, folders (searched recursively) or lists.")],
    out: Annotated[Path | None, typer.Option(help="Write a .csv or .jsonl instead of printing a table.")] = None,
    top: Annotated[int, typer.Option(min=0, help="How many of the most likely labels to add to each row.")] = 0,
    annotate: Annotated[
        Path | None, typer.Option(help="Write pictures with the label drawn on them into this folder.")
    ] = None,
    submission: Annotated[Path | None, typer.Option(help="Write a plain image_id,label CSV.")] = None,
    cache: Cache = True,
    force: Force = False,
) -> None:
    """Label photos; the verdict says which labels can be taken without a person."""
    from goodsight import flow, output
    from goodsight.files import refuse_existing

    for path in (out, annotate, submission):
        if path is not None:
            refuse_existing(path, force=force)
    if annotate is not None and any(annotate.resolve().is_relative_to(p.resolve()) for p in photos if p.is_dir()):
        raise GoodsightError(f"--annotate {annotate}: lies in the folder of the photos; choose one outside it")
    counts: dict[str, int] = {}
    bad: list[tuple[str, str]] = []
    loaded = flow.load(model)
    with ExitStack() as stack:
        sinks: list[output.Sink] = []
        if out is not None:
            sinks.append(stack.enter_context(output.table(out, loaded.model.classes, top)))
        if submission is not None:
            sinks.append(stack.enter_context(output.submission(submission)))
        if annotate is not None:
            sinks.append(output.Annotated(annotate, loaded.model.limits))
        if not sinks:
            sinks.append(_Printed(loaded.model.classes, top))
        progress = stack.enter_context(_progress())
        for prediction in flow.classify(loaded, *photos, cache=cache, progress=progress):
            for sink in sinks:
                sink.write(prediction)
            if prediction.label:
                counts[prediction.verdict] = counts.get(prediction.verdict, 0) + 1
            else:
                bad.append((prediction.row.file_name, prediction.reason))
    total = sum(counts.values())
    said = ", ".join(f"{counts.get(verdict, 0)} {verdict}" for verdict in ("sure", "unsure", "off-topic"))
    print(f"{total} photos: {said}", file=sys.stderr)
    _print_left_out("bad photos", bad, file=sys.stderr)


@app.command()
def check(
    model: ModelFolder,
    photo: Annotated[Path, typer.Argument(help="The photo to check.")],
    declared: Annotated[str, typer.Option(help="The class that was declared.")],
) -> None:
    """Say whether a photo shows what was declared: match (exit code 0), else mismatch, unsure or off-topic (1)."""
    from goodsight import flow

    answer = flow.check(model, photo, declared)
    if not answer.verdict:
        raise GoodsightError(f"{photo}: {answer.reason}")
    print(f"{answer.verdict}: {answer.reason}" if answer.reason else answer.verdict)
    print(f"declared {answer.declared}: probability {answer.probability:.3f}, p-value {answer.p_value:.3f}")
    print(f"most likely: {answer.label}")
    raise typer.Exit(0 if answer.verdict == "match" else 1)


@app.command()
def inspect(model: ModelFolder) -> None:
    """Verify a model folder, canaries included, and print what is in it."""
    from goodsight import flow

    record = flow.inspect(model)
    head = record["head"]
    print(f"{model}: sound: {len(record['sha256'])} files as they were written, canaries answer as expected")
    print(f"classes: {', '.join(record['classes'])}")
    print(f"network: {record['backbone']['name']}, {record['backbone']['resize']['size']} px")
    print(f"head: {head['kind']}, gamma {head['gamma']:g}, penalty {head['penalty']:g}")
    threshold = "none reached" if record["threshold"] is None else f"probability {record['threshold']:.3f}"
    print(f"decides without a person from: {threshold} (wanted precision {record['precision']:g})")
    print(f"alpha: {record['alpha']:g} mismatch, {record['off_topic_alpha']:g} off-topic")
    print(f"trained on: {record['info']['photos']} photos of {record['info']['source']}")
    print(f"versions: {', '.join(f'{k} {v}' for k, v in record['versions'].items())}")


commands.add_to(app)


def _version(value: bool) -> None:
    if value:
        print(f"goodsight {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line: an error that Goodsight raises on purpose is one line and exit code 2."""
    try:
        app()
    except SystemExit as end:
        if end.code == 130:
            print("goodsight: interrupted; run the same command to go on, finished photos are kept", file=sys.stderr)
        raise
    except GoodsightError as error:
        print(f"goodsight: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)


class _Printed:
    """Rows on the terminal, as they come."""

    def __init__(self, classes: tuple[str, ...], top: int) -> None:
        self._classes, self._top = classes, top

    def write(self, prediction: Prediction) -> None:
        from goodsight import output

        row = output.record(prediction, self._classes, self._top)
        chance = "" if row["probability"] is None else f"{row['probability']:.3f}"
        line = f"{row['file_name']:<40} {row['label']:<20} {chance:>6} {row['verdict']:<10} {row['reason']}"
        for rank in range(min(self._top, len(self._classes)) if prediction.label else 0):
            line += f"  {row[f'top{rank + 1}_label']} {row[f'top{rank + 1}_probability']:.3f}"
        print(line.rstrip())


def _limits(max_mb: float, max_megapixels: float) -> Limits:
    from goodsight.photos import Limits

    for option, value in (("--max-mb", max_mb), ("--max-megapixels", max_megapixels)):
        if not value > 0:
            raise GoodsightError(f"{option} {value:g}: must be above 0")
    return Limits(int(max_mb * 2**20), int(max_megapixels * 1e6))


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal, with photos per second and time left; a line per step otherwise."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[tuple[str, int], object] = {}

        def tell(step: str, done: int, total: int) -> None:
            key = (step, total)
            if key not in tasks:
                tasks[key] = bar.add_task(step, total=total or None, rate="")
                if not console.is_terminal:
                    print(f"{step}{f' ({total})' if total else ''} ...", file=sys.stderr)
            task = bar.tasks[list(tasks).index(key)]
            unit = "photos/s" if step == "embed" else "/s"
            bar.update(task.id, completed=done, rate=f"{task.speed:.0f} {unit}" if task.speed else "")

        yield tell


def _print_result(result: Result) -> None:
    def show(name: str, scores: Scores) -> None:
        print(
            f"{name}: accuracy {_figure(scores.accuracy.value)} "
            f"[{_figure(scores.accuracy.low)}, {_figure(scores.accuracy.high)}], "
            f"balanced {_figure(scores.balanced_accuracy.value)}, log loss {_figure(scores.log_loss.value)}, "
            f"calibration error {_figure(scores.calibration_error.value)} ({scores.n} photos)"
        )

    show(result.name, result.scores)
    if result.scores_without_leaks is not None:
        show(f"{result.name} without {result.leaked} leaked photos", result.scores_without_leaks)
    if result.not_measurable:
        print(f"{result.name}: too few photos to measure: {', '.join(result.not_measurable)}")
    error = "" if math.isnan(result.decided_error) else f", error among them {result.decided_error:.4f}"
    print(f"{result.name}: {result.decided:.1%} can be decided without a person{error}")


def _figure(value: float) -> str:
    return "not measurable" if math.isnan(value) else f"{value:.4f}"


def _print_left_out(what: str, pairs: Sequence[tuple[str, str]], file: TextIO | None = None) -> None:
    if not pairs:
        return
    print(f"{what}: {len(pairs)}", file=file)
    for name, reason in pairs[:5]:
        print(f"  {name}: {reason}", file=file)
    if len(pairs) > 5:
        print(f"  and {len(pairs) - 5} more", file=file)

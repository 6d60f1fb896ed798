"""The command line: parse, call, print, exit code; nothing else. Heavy modules load in the commands that use them."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goodsight.about import __version__
from goodsight.cli import service, terminal
from goodsight.cli.terminal import Printed
from goodsight.errors import GoodsightError

if TYPE_CHECKING:
    from goodsight.photos.limits import Limits


app = typer.Typer(
    help="Turn a folder of product photos into a classifier that can be trusted, and check new photos with it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


ledgers = typer.Typer(help="What people decided about photos, as files.", no_args_is_help=True)


app.add_typer(ledgers, name="ledger")


Label = Annotated[str, typer.Option(help="The label column of a metadata.csv or metadata.jsonl.")]


Labels = Annotated[
    list[str] | None,
    typer.Option("--label", help="A label column of a metadata.csv or metadata.jsonl; several are attributes."),
]


Attributes = Annotated[
    str, typer.Option(help="Names of attributes, as colour,type, whose labels are in folders' names (black_jeans).")
]


Tags = Annotated[str, typer.Option(help="A column of tags with spaces or commas between; each is yes or no.")]


Ledger = Annotated[
    list[Path] | None, typer.Option(help="What people decided about these photos; may be given several times.")
]


Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]


Cache = Annotated[bool, typer.Option("--cache/--no-cache", help="Use and fill the embedding cache.")]


MaxMb = Annotated[float, typer.Option(help="Photos of more MiB are left out.")]


MaxMegapixels = Annotated[
    float | None,
    typer.Option(help="Photos of more megapixels are left out; 200 for JPEG and 64 for others if not given."),
]


Spoilt = Annotated[int, typer.Option(min=0, help="Photos that the robustness card tries in 18 ways; 0: no card.")]


ModelFolder = Annotated[Path, typer.Argument(help="A model folder made by `goodsight train`.")]


@app.command()
def collect(
    out: Annotated[Path, typer.Option(help="The folder of the photos; one that is there is added to.")],
    urls: Annotated[Path | None, typer.Argument(help="A CSV with the columns url and label.")] = None,
    page: Annotated[str, typer.Option(help="A page that shows photos; {page} in it is replaced by a number.")] = "",
    select: Annotated[str, typer.Option(help="CSS selector of the elements of the page that name photos.")] = "",
    pages: Annotated[str, typer.Option(help="The numbers for {page}: FIRST:LAST, both included.")] = "",
    label: Annotated[str, typer.Option(help="Label of the pages' photos, and of rows that have none.")] = "",
    rate: Annotated[float, typer.Option(help="Requests per second and host.")] = 1.0,
    user_agent: Annotated[str, typer.Option(help="The name to give to servers; else Goodsight.")] = "",
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Also fetch from private and loopback addresses.")
    ] = False,
    max_mb: MaxMb = 32.0,
    max_megapixels: MaxMegapixels = None,
) -> None:
    """Fetch photos from the web, politely, into a folder that train reads; run it again to go on."""
    import goodsight
    from goodsight.collecting import terms

    with terminal.progress() as progress:
        collected = goodsight.collect(
            urls,
            out,
            page=page,
            select=select,
            pages=pages,
            label=label,
            rate=rate,
            user_agent=user_agent or terms.USER_AGENT,
            allow_private=allow_private,
            limits=_limits(max_mb, max_megapixels),
            progress=progress,
        )
    if page:
        print(f"pages: {collected.pages}")
    terminal.print_left_out("pages without photos", collected.empty)
    print(f"photos: {collected.photos} new, {collected.there} there already, {collected.copies} exact copies left out")
    terminal.print_left_out("photos under several labels, kept under each", collected.two_labels)
    terminal.print_left_out("left out", collected.left_out)
    print(f"folder: {out}")


@app.command()
def audit(
    photos: Annotated[Path, typer.Argument(help="Labelled photos, in any form that train reads.")],
    out: Annotated[Path, typer.Option(help="A folder for report.html, review.csv and findings.csv.")],
    label: Labels = None,
    attributes: Attributes = "",
    tags: Tags = "",
    ledger: Ledger = None,
    max_mb: MaxMb = 32.0,
    max_megapixels: MaxMegapixels = None,
    cache: Cache = True,
    force: Force = False,
) -> None:
    """Find copies, wrong labels, foreign and bad photos before training, and say where to look first."""
    import goodsight

    with terminal.progress() as progress:
        found = goodsight.audit(
            photos,
            out,
            label=label or (),
            attributes=_names(attributes),
            tags=tags,
            ledger=ledger or [],
            limits=_limits(max_mb, max_megapixels),
            cache=cache,
            force=force,
            progress=progress,
        )
    terminal.print_audit(found)
    print(f"report: {out / 'report.html'}")


@app.command()
def train(
    photos: Annotated[
        list[Path],
        typer.Argument(help="One folder per class, train/validation/test folders, or a list; a later one corrects."),
    ],
    out: Annotated[Path, typer.Option(help="The model folder to make.")],
    label: Labels = None,
    attributes: Attributes = "",
    tags: Tags = "",
    ledger: Ledger = None,
    ignore_split: Annotated[
        bool, typer.Option("--ignore-split", help="Treat all photos alike, whatever split they came with.")
    ] = False,
    off_topic: Annotated[
        Path | None, typer.Option(help="A folder of photos that show none of the classes; makes off-topic better.")
    ] = None,
    none: Annotated[
        Path | None, typer.Option(help="A folder of photos without any of the brands; trains brands found by logos.")
    ] = None,
    none_class: Annotated[str, typer.Option(help="The label that means none of the brands; trains brands too.")] = "",
    none_recall: Annotated[
        float, typer.Option(help="Share of the photos without a brand that are to be answered with none.")
    ] = 0.95,
    precision: Annotated[float, typer.Option(help="Share of right answers wanted where no person looks.")] = 0.99,
    alpha: Annotated[float, typer.Option(help="Share of honest photos that may be flagged, per class.")] = 0.05,
    off_topic_alpha: Annotated[float, typer.Option(help="Share of honest photos that may be called off-topic.")] = 0.01,
    size: Annotated[
        int, typer.Option(help="Side of the square photos are resized to, in pixels; 0: the network's own.")
    ] = 0,
    views: Annotated[
        int,
        typer.Option(
            help="1, or 2 to look closely at the centre as well, for twice the time; 0: 2 from 20 classes on."
        ),
    ] = 0,
    budget: Annotated[float, typer.Option(help="Seconds for choosing the head.")] = 60.0,
    network: Annotated[
        str,
        typer.Option(
            help="lite0, hf:NAME or an .onnx file, used as they are; or adnet, lenet5, smallervgg, logonet or compact, "
            "trained here."
        ),
    ] = "lite0",
    finetune: Annotated[
        bool, typer.Option("--finetune", help="Train the last blocks of lite0 for these photos.")
    ] = False,
    epochs: Annotated[
        int, typer.Option(min=0, help="Passes over the photos of a network trained here; 0: its own.")
    ] = 0,
    distort: Annotated[
        bool, typer.Option("--distort", help="Train it on blurred, dark and JPEG-damaged photos as well.")
    ] = False,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps to train it on; else the best there is.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with its training that was cut off.")] = False,
    spoilt: Spoilt = 24,
    max_mb: MaxMb = 32.0,
    max_megapixels: MaxMegapixels = None,
    cache: Cache = True,
    force: Force = False,
) -> None:
    """Turn labelled photos into a model folder with a report."""
    import goodsight

    with terminal.progress() as progress:
        training = goodsight.train(
            photos,
            out,
            label=label or (),
            attributes=_names(attributes),
            tags=tags,
            ledger=ledger or (),
            ignore_split=ignore_split,
            off_topic=off_topic,
            none=none,
            none_class=none_class,
            none_recall=none_recall,
            precision=precision,
            alpha=alpha,
            off_topic_alpha=off_topic_alpha,
            size=size,
            views=views,
            budget=budget,
            network=network,
            finetune=finetune,
            epochs=epochs,
            distort=distort,
            device=device,
            resume=resume,
            spoilt=spoilt,
            limits=_limits(max_mb, max_megapixels),
            cache=cache,
            force=force,
            progress=progress,
        )
    found = training.findings
    for result in found.results:
        terminal.print_result(result)
    terminal.print_combinations(found.combinations)
    terminal.print_ledger(found.ledger, {part.name if found.several else "": part.gain for part in found.parts})
    print(f"twins: {found.exact_twins} exact pairs, {found.near_twins} near pairs; {found.extra_copies} extra copies")
    terminal.print_left_out("bad photos", found.bad)
    terminal.print_left_out("rows left out", found.left_out)
    print(f"model: {training.folder}\nreport: {training.folder / 'report.html'}")


@app.command()
def evaluate(
    model: ModelFolder,
    photos: Annotated[Path, typer.Argument(help="Labelled photos, in any form that train reads.")],
    out: Annotated[Path | None, typer.Option(help="A folder for report.html and metrics.json.")] = None,
    label: Labels = None,
    attributes: Attributes = "",
    tags: Tags = "",
    ledger: Ledger = None,
    spoilt: Spoilt = 24,
    cache: Cache = True,
    force: Force = False,
) -> None:
    """Score a model on labelled photos, with and without those that leaked from its training."""
    import goodsight

    with terminal.progress() as progress:
        evaluation = goodsight.evaluate(
            model,
            photos,
            out=out,
            label=label or (),
            attributes=_names(attributes),
            tags=tags,
            ledger=ledger or (),
            spoilt=spoilt,
            cache=cache,
            force=force,
            progress=progress,
        )
    for result in evaluation.findings.results:
        terminal.print_result(result)
    terminal.print_ledger(evaluation.findings.ledger)
    terminal.print_left_out("bad photos", evaluation.findings.bad)
    terminal.print_left_out("rows left out", evaluation.findings.left_out)
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
    explain: Annotated[
        bool, typer.Option("--explain", help="Draw on the pictures of --annotate where the answer comes from.")
    ] = False,
    submission: Annotated[Path | None, typer.Option(help="Write a plain image_id,label CSV.")] = None,
    cache: Cache = True,
    force: Force = False,
) -> None:
    """Label photos; the verdict says which labels can be taken without a person."""
    import goodsight
    from goodsight.files import refuse_existing
    from goodsight.report import predictions
    from goodsight.report.annotated import Annotated
    from goodsight.report.predictions import Sink

    for path in (out, annotate, submission):
        if path is not None:
            refuse_existing(path, force=force)
    if annotate is not None and any(annotate.resolve().is_relative_to(p.resolve()) for p in photos if p.is_dir()):
        raise GoodsightError(f"--annotate {annotate}: lies in the folder of the photos; choose one outside it")
    if explain and annotate is None:
        raise GoodsightError("--explain: draws on the pictures of --annotate; give --annotate FOLDER as well")
    counts: dict[str, int] = {}
    bad: list[tuple[str, str]] = []
    loaded = goodsight.load(model)
    with ExitStack() as stack:
        sinks: list[Sink] = []
        if out is not None:
            sinks.append(stack.enter_context(predictions.table(out, loaded.models, top)))
        if submission is not None:
            sinks.append(stack.enter_context(predictions.submission(submission)))
        if annotate is not None:
            sinks.append(Annotated(annotate, loaded, explain=explain))
        if not sinks:
            sinks.append(Printed(loaded.models, top))
        progress = stack.enter_context(terminal.progress())
        for prediction in goodsight.classify(loaded, *photos, cache=cache, progress=progress):
            for sink in sinks:
                sink.write(prediction)
            if not prediction.problem:
                counts[prediction.verdict] = counts.get(prediction.verdict, 0) + 1
            else:
                bad.append((prediction.row.file_name, prediction.reason))
    total = sum(counts.values())
    said = ", ".join(f"{counts.get(verdict, 0)} {verdict}" for verdict in ("sure", "unsure", "off-topic"))
    print(f"{total} photos: {said}", file=sys.stderr)
    terminal.print_left_out("bad photos", bad, file=sys.stderr)


@app.command()
def check(
    model: ModelFolder,
    photo: Annotated[Path, typer.Argument(help="The photo to check.")],
    declared: Annotated[
        list[str],
        typer.Option(help="The class that was declared; of a model with attributes ATTRIBUTE=CLASS, once for each."),
    ],
) -> None:
    """Say whether a photo shows what was declared: match (exit code 0), else mismatch, unsure or off-topic (1)."""
    import goodsight

    loaded = goodsight.load(model)
    if len(loaded.models) == len(declared) == 1:
        answers = {"": goodsight.check(loaded, photo, declared[0])}
    else:
        answers = goodsight.check(loaded, photo, _pairs(declared))
    for attribute, answer in answers.items():
        if not answer.verdict:
            raise GoodsightError(f"{photo}: {answer.reason}")
        said = attribute and f"{attribute}: "
        print(f"{said}{answer.verdict}: {answer.reason}" if answer.reason else f"{said}{answer.verdict}")
        print(f"{said}declared {answer.declared}: probability {answer.probability:.3f}, p-value {answer.p_value:.3f}")
        print(f"{said}most likely: {answer.label}")
    raise typer.Exit(0 if all(answer.verdict == "match" for answer in answers.values()) else 1)


@app.command()
def sightings(
    model: ModelFolder,
    feed: Annotated[Path, typer.Argument(help="A .jsonl feed of posts (image, text, time, id), or a folder.")],
    out: Annotated[Path, typer.Option(help="Write one row for each brand seen, as a .csv.")],
    summary: Annotated[Path | None, typer.Option(help="Write the counts by day and brand, as a .csv.")] = None,
    cache: Cache = True,
    force: Force = False,
) -> None:
    """Find brands in the photos of posts: which, how sure, where; and count them by day."""
    import goodsight
    from goodsight.files import refuse_existing
    from goodsight.report.sightings import write, write_summary

    for option, path in (("--out", out), ("--summary", summary)):
        if path is not None:
            refuse_existing(path, force=force)
            if path.suffix.lower() != ".csv":
                raise GoodsightError(f"{option} {path}: the name must end in .csv")
    if summary is not None and summary.resolve() == out.resolve():
        raise GoodsightError(f"--summary {summary}: is the file of --out as well; choose another name")
    with terminal.progress() as progress:
        seen = goodsight.sightings(model, feed, cache=cache, progress=progress)
        rows = write(out, seen.found)
    if summary is not None:
        write_summary(summary, rows)
    terminal.print_sightings(seen.posts, rows)
    terminal.print_left_out("bad photos", seen.bad)
    terminal.print_left_out("posts without a day", seen.timeless)
    print(f"sightings: {out}")


@app.command()
def promote(
    candidate: Annotated[Path, typer.Argument(help="The model folder that may be better.")],
    over: Annotated[Path, typer.Option(help="The model folder in use.")],
    test: Annotated[
        Path | None,
        typer.Option(help="Labelled photos to compare on; else the test photos of the candidate's training."),
    ] = None,
    label: Label = "label",
    min_gain: Annotated[float, typer.Option(help="The least gain in accuracy that is worth a change.")] = 0.0,
    out: Annotated[Path | None, typer.Option(help="Write the comparison as JSON.")] = None,
    cache: Cache = True,
    force: Force = False,
) -> None:
    """Replace a model by a candidate that is really better (exit code 0), or leave it (1)."""
    import goodsight
    from goodsight.files import refuse_existing, whole_file

    if out is not None:
        refuse_existing(out, force=force)
    with terminal.progress() as progress:
        done = goodsight.promote(
            candidate, over, test=test, label=label, min_gain=min_gain, cache=cache, progress=progress
        )
    found = done.comparison
    print(f"{over}: accuracy {found.current_accuracy:.4f}, {candidate}: {found.candidate_accuracy:.4f}")
    print(f"gain {found.gain.value:+.4f} [{found.gain.low:+.4f}, {found.gain.high:+.4f}] ({found.n} photos)")
    if done.left_out:
        print(f"left out: {done.left_out} photos that are bad, unknown to {over}, or have a twin in a training")
    if out is not None:
        record = found.to_json() | {"promoted": done.promoted, "left_out": done.left_out, "min_gain": min_gain}
        with whole_file(out) as part:
            part.write_text(json.dumps(record, indent=1), encoding="utf-8")
    if not done.promoted:
        print(f"not promoted: the gain may be as low as {found.gain.low:+.4f}, and must be above {min_gain:+.4f}")
        raise typer.Exit(1)
    print(f"promoted: {over} is the candidate now; the old one is kept as {done.kept}")


@app.command()
def split(
    photos: Annotated[list[Path], typer.Argument(help="Labelled photos, in any form that train reads.")],
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    validation: Annotated[float, typer.Option(help="Share of photos for validation, 0 to 0.5.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of photos for the test, 0 to 0.5.")] = 0.1,
    label: Label = "label",
    ledger: Ledger = None,
    seed: Annotated[int, typer.Option(min=0, help="Another number gives another split.")] = 0,
    cache: Cache = True,
    force: Force = False,
) -> None:
    """Copy photos into train, validation and test folders for other tools, with no twins on both sides."""
    import goodsight

    with terminal.progress() as progress:
        done = goodsight.split(
            photos,
            out,
            validation=validation,
            test=test,
            label=label,
            ledger=ledger or (),
            seed=seed,
            cache=cache,
            force=force,
            progress=progress,
        )
    splits = list(next(iter(done.counts.values())))
    print(", ".join(f"{name}: {sum(by[name] for by in done.counts.values())} photos" for name in splits))
    print(f"twins: {done.twin_groups} groups, none is divided")
    terminal.print_left_out("classes too small for every split", done.lacking)
    terminal.print_ledger(done.ledger)
    terminal.print_left_out("bad photos", done.bad)
    terminal.print_left_out("rows left out", done.left_out)
    print(f"photos: {done.folder}")


@ledgers.command("merge")
def merge_ledgers(
    files: Annotated[list[Path], typer.Argument(help="Ledgers; of equal times a later one wins.")],
    out: Annotated[Path, typer.Option(help="The ledger to write.")],
    force: Force = False,
) -> None:
    """Write several ledgers as one: each reviewer's last word on each photo."""
    from goodsight.catalog import ledger as ledger

    print(f"{out}: {ledger.merge(files, out, force=force)} rows")


@app.command()
def inspect(model: ModelFolder) -> None:
    """Verify a model folder, canaries included, and print what is in it."""
    import goodsight

    record = goodsight.inspect(model)
    print(f"{model}: sound: {len(record['sha256'])} files as they were written, canaries answer as expected")
    print(f"network: {record['backbone']['name']}, {record['backbone']['resize']['size']} px")
    for said in record["attributes"]:
        prefix = f"{said['name']}: " if len(record["attributes"]) > 1 else ""
        head = said["head"]
        given = f"; yes from probability {said['cut']:.3f}" if said["tag"] else ""
        threshold = "none reached" if said["threshold"] is None else f"probability {said['threshold']:.3f}"
        print(f"{prefix}classes: {', '.join(said['classes'])}{given}")
        print(f"{prefix}head: {head['kind']}, gamma {head['gamma']:g}, penalty {head['penalty']:g}")
        print(f"{prefix}decides without a person from: {threshold} (wanted precision {record['precision']:g})")
    if record["combinations"]:
        print(f"combinations: {len(record['combinations'])} trained")
    print(f"alpha: {record['alpha']:g} mismatch, {record['off_topic_alpha']:g} off-topic")
    print(f"trained on: {record['info']['photos']} photos of {record['info']['source']}")
    print(f"versions: {', '.join(f'{k} {v}' for k, v in record['versions'].items())}")


service.add_to(app)


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


def _names(text: str) -> list[str]:
    return text.split(",") if text else []


def _pairs(declared: list[str]) -> dict[str, str]:
    pairs = {}
    for text in declared:
        attribute, equals, label = text.partition("=")
        if not equals or attribute in pairs:
            raise GoodsightError(
                f"--declared {text}: the model has several attributes; give ATTRIBUTE=CLASS, once for each of them"
            )
        pairs[attribute] = label
    return pairs


def _limits(max_mb: float, max_megapixels: float | None) -> Limits:
    from goodsight.photos.limits import Limits

    for option, value in (("--max-mb", max_mb), ("--max-megapixels", max_megapixels)):
        if value is not None and not value > 0:
            raise GoodsightError(f"{option} {value:g}: must be above 0")
    return Limits(int(max_mb * 2**20), None if max_megapixels is None else int(max_megapixels * 1e6))

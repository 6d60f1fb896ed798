"""The whole story, top to bottom: collect, audit, train, evaluate, classify, check, and on. The public Python API.

Every function here is a verb of the command line. A photo that cannot be used never raises: it is counted, named and
left out. What the user got wrong raises a :class:`~goodsight.errors.GoodsightError` with the reason.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from goodsight import (
    backbones,
    catalog,
    collecting,
    combinations,
    embed,
    gain,
    photoset,
    posts,
    prepared,
    spoiling,
    testset,
    training,
    twins,
    verdicts,
)
from goodsight import model as model_folder
from goodsight import result as result_step
from goodsight.auditing import inspection
from goodsight.auditing.findings import Audit
from goodsight.auditing.looks import look
from goodsight.catalog import NO, Catalog, Columns, Row
from goodsight.collecting import Collected, Manners, Source
from goodsight.combinations import Combinations
from goodsight.engine import start
from goodsight.errors import CatalogError, EngineError, GoodsightError, ModelError
from goodsight.files import exchange, refuse_folder, whole_folder
from goodsight.learning import Grouped, Learned, Wishes, canaries, group, learn, topic, trained_rows, write_predictions
from goodsight.ledger import replay
from goodsight.model import LoadedModel, Model
from goodsight.photos import DEFAULT_LIMITS, Limits
from goodsight.photoset import PhotoSet
from goodsight.posts import Sighting
from goodsight.prepared import Prepared
from goodsight.progress import Progress, quiet
from goodsight.promotion import Comparison, compare
from goodsight.report import explained
from goodsight.report.findings import Findings, Part, gather
from goodsight.result import Result
from goodsight.training import Recipe, Trained, unfinished
from goodsight.twins import Fingerprints, Twins
from goodsight.verdicts import Check, Prediction

CANARIES = 8
TWIN_SIZE = 128
"""For a network that is trained here, the default one only finds twins, for which small pictures do as well."""
MANY_CLASSES = 20
"""From so many on, a closer look at the centre is worth its time: on 81 classes of groceries it gave 8 points."""


@dataclass(frozen=True)
class Training:
    """What :func:`train` made: where the model is, and what its report shows."""

    folder: Path
    findings: Findings


@dataclass(frozen=True)
class Evaluation:
    """What :func:`evaluate` measured; ``folder`` holds the report when one was asked for."""

    findings: Findings
    folder: Path | None

    @property
    def result(self) -> Result:
        """Of the first attribute."""
        return self.findings.results[0]


@dataclass(frozen=True)
class Promotion:
    """Whether :func:`promote` put the candidate in place, and why.

    ``left_out`` counts test photos that are bad, have a twin in a training, or are of a class that the model in use
    does not know; ``kept`` is where the old folder is now.
    """

    comparison: Comparison
    promoted: bool
    left_out: int
    kept: Path | None


@dataclass(frozen=True)
class Sightings:
    """What :func:`sightings` sees, as it goes through the posts.

    ``bad`` names posts whose photo cannot be used, and is complete when ``found`` is used up; ``timeless`` those whose
    time cannot be read.
    """

    found: Iterator[Sighting]
    posts: int
    bad: Sequence[tuple[str, str]]
    timeless: Sequence[tuple[str, str]]


def collect(
    urls: str | Path | None,
    out: str | Path,
    *,
    page: str = "",
    select: str = "",
    pages: str = "",
    label: str = "",
    rate: float = 1.0,
    user_agent: str = collecting.USER_AGENT,
    allow_private: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = quiet,
) -> Collected:
    """Fetch photos from the web into a folder that :func:`train` reads, and go on where an earlier run ended.

    Args:
        urls: a CSV with the columns ``url`` and perhaps ``label``; None with ``page``.
        out: the folder, new or filled by an earlier run; nothing in it is overwritten or deleted.
        page: the address of a page that shows photos; ``{page}`` in it is replaced by a number.
        select: a CSS selector of the elements of the page that name photos.
        pages: the numbers for ``{page}`` as ``FIRST:LAST``, both included.
        label: of the photos of the pages, and of the rows that have none.
        rate: requests per second and host.
        user_agent: the name to give to servers.
        allow_private: also fetch from private and loopback addresses.
        limits: on bytes and pixels of a photo.
        progress: told about pages and photos.

    Raises:
        CatalogError: the list cannot be read, or a label cannot be a folder's name.
        FolderExistsError: ``out`` holds something else.
        GoodsightError: an option cannot be used, or the extra is not installed.

    """
    source = Source(None if urls is None else Path(urls), page, select, pages, label)
    return collecting.run(source, Path(out), Manners(rate, user_agent, allow_private, limits), progress)


def audit(
    photos: str | Path,
    out: str | Path | None = None,
    *,
    label: str | Sequence[str] = (),
    attributes: Sequence[str] = (),
    tags: str = "",
    ledger: str | Path | Sequence[str | Path] = (),
    limits: Limits = DEFAULT_LIMITS,
    cache: bool = True,
    force: bool = False,
    progress: Progress = quiet,
) -> Audit:
    """Find what is wrong with photos before anyone trains on them. Nothing is moved, changed or deleted.

    Args:
        photos: labelled photos, in any form that :func:`train` reads; a split in it is ignored.
        out: a folder for report.html, findings.csv, review.csv and metrics.json, if wanted.
        label: the label column of a list, or several; "label" when nothing is said.
        attributes: of labels in the names of folders, as for :func:`train`.
        tags: the column of tags.
        ledger: what people decided already; dropped photos are not looked at again, relabelled ones have their new
            label.
        limits: on bytes and pixels of a photo.
        cache: use and fill the embedding cache.
        force: replace ``out`` if it is there.
        progress: told about every step.

    Raises:
        CatalogError: the photos or labels cannot be used.
        LedgerError: a ledger cannot be read, or does not fit the photos.
        FolderExistsError: ``out`` is there and ``force`` is not set.
        EngineError: the network cannot be made or run.

    """
    if out is not None:
        refuse_folder(Path(out), force=force)
    clock = _Clock()
    rows = catalog.load(Path(photos), columns=Columns.of(label, attributes, tags), ignore_split=True)
    if out is not None:
        prepared.require_apart(Path(out), [Path(photos)], rows.rows)
    decided = replay(rows, _paths(ledger), limits=limits) if _paths(ledger) else None
    rows = decided.catalog if decided else rows
    backbone = backbones.load("lite0")
    engine = start(backbone.network)
    clock.lap("load the network")
    known = embed.Cache(backbone, engine) if cache else None
    table = embed.table(rows.rows, backbone, engine, cache=known, limits=limits, progress=progress)
    engine.close()
    clock.lap("embed the photos")
    if not table.rows:
        raise CatalogError(f"{photos}: none of {len(table.bad)} photos can be used; the first: {table.bad[0][1]}")
    looks = look(table.rows, limits, progress)
    clock.lap("look at the photos")
    name = Path(photos).resolve().name
    found = inspection.inspect(name, rows, table, looks, backbone, limits, clock.lap, progress, decided)
    found = replace(found, timings=clock.laps)
    if out is not None:
        from goodsight.report import audit as report

        with whole_folder(Path(out), force=force) as folder:
            progress("write the report", 0, 0)
            report.write(folder, found)
    return found


def train(
    photos: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    label: str | Sequence[str] = (),
    attributes: Sequence[str] = (),
    tags: str = "",
    ledger: str | Path | Sequence[str | Path] = (),
    ignore_split: bool = False,
    off_topic: str | Path | None = None,
    none: str | Path | None = None,
    none_class: str = "",
    none_recall: float = 0.95,
    precision: float = 0.99,
    alpha: float = 0.05,
    off_topic_alpha: float = 0.01,
    size: int = 0,
    views: int = 0,
    budget: float = 60.0,
    network: str = "lite0",
    finetune: bool = False,
    epochs: int = 0,
    distort: bool = False,
    device: str = "",
    resume: bool = False,
    spoilt: int = 24,
    limits: Limits = DEFAULT_LIMITS,
    cache: bool = True,
    force: bool = False,
    progress: Progress = quiet,
) -> Training:
    """Turn labelled photos into a model folder with its report.

    Args:
        photos: one folder per class, train/validation/test folders, or a list (see :mod:`goodsight.catalog`); or
            several of these, of which a later one corrects the labels of an earlier one.
        out: the model folder to make.
        label: the label column of a list, or several, each an attribute of its own; "label" when nothing is said.
        attributes: names of attributes whose labels are in the names of folders: of ``colour`` and ``type`` the
            folder ``black_jeans`` has one each.
        tags: a column of tags, with spaces or commas between: each is an attribute of its own, yes or no.
        ledger: what people decided about these photos, in one or several files; see :mod:`goodsight.ledger`.
        ignore_split: treat all photos alike, whatever split they came with.
        off_topic: a folder of photos that show none of the classes, if there is one.
        none: a folder of photos without any of the brands that the labels name; the network is then trained to find
            brands by their logos (see :mod:`goodsight.training.brands`), and answers "none" where it finds none.
        none_class: the class that means none, also of the photos in ``none``; brands are trained with it alone too.
        none_recall: the share of the photos without a brand that are to be answered with it.
        precision: the share of right answers wanted among photos that no person looks at.
        alpha: the share of honest photos that may be flagged as a mismatch, per class.
        off_topic_alpha: the share of honest photos that may be called off-topic.
        size: side of the square photos are resized to, in pixels; 0 for the backbone's own.
        views: 1, or 2 to look closely at the centre as well: twice the time, better for many alike classes; 0 takes 2
            from 20 classes on.
        budget: seconds for choosing the head.
        network: ``lite0``, ``hf:NAME`` or an .onnx file, which are used as they are; or a name of
            :data:`goodsight.training.SCRATCH`, which is trained here from fresh weights.
        finetune: train the last blocks of ``lite0`` for these photos.
        epochs: passes over the photos for a network that is trained here; 0 for its own number.
        distort: train it on blurred, dark and JPEG-damaged photos as well.
        device: "cpu", "cuda" or "mps" to train it on; '' for the best one there is.
        resume: go on with the training of a network that was cut off.
        spoilt: how many photos the report's robustness card tries, each in 18 ways; 0 for no card.
        limits: on bytes and pixels of a photo.
        cache: use and fill the embedding cache.
        force: replace ``out`` if it is there.
        progress: told about every step.

    Raises:
        CatalogError: the photos or labels cannot be used.
        LedgerError: a ledger cannot be read, or does not fit the photos.
        FolderExistsError: ``out`` is there and ``force`` is not set.
        EngineError: the network cannot be made or run.
        GoodsightError: a number is out of its range.

    """
    out = Path(out)
    _in_range("--precision", precision, 0.5, 1.0)
    _in_range("--alpha", alpha, 0.0, 0.5)
    _in_range("--off-topic-alpha", off_topic_alpha, 0.0, 0.5)
    _in_range("--none-recall", none_recall, 0.5, 1.0)
    _not_negative(**{"--epochs": epochs, "--spoilt": spoilt})
    without = none_class or (catalog.NONE if none is not None else "")
    refuse_folder(out, force=force)
    # What is resumed knows its class that is no brand: only another one that is named speaks against it.
    asked = none_class if resume else without
    wished = Recipe(network, size, views, epochs, distort, device, asked, none_recall)
    recipe = unfinished.begin(out, wished, finetune=finetune, resume=resume, force=force)
    without = recipe.none if recipe else ""
    if none is not None and not without:
        raise EngineError("--none: --resume goes on with a training without brands; leave --none out")
    wishes = Wishes(precision, alpha, off_topic_alpha, budget, limits, without)
    if recipe:
        training.require(recipe)
        views = recipe.views
    clock = _Clock()
    sources = _paths(photos)
    columns = replace(Columns.of(label, attributes, tags), boxes=bool(without))
    given = catalog.without_lone_tags(catalog.load(*sources, columns=columns, ignore_split=ignore_split))
    _require_one(recipe, given)
    if none is not None:
        given = catalog.with_none(given, Path(none), without)
    if without:
        catalog.require_none(given.name, given.classes, without)
    replayed = replay(given, _paths(ledger), limits=limits)
    rows = replayed.catalog
    catalog.require_classes(rows)
    name = ", ".join(source.resolve().name for source in sources)
    others = [] if off_topic is None else list(catalog.unlabelled(Path(off_topic)))
    clock.lap("read the catalog")
    views = views or _views(rows, recipe.network if recipe else network)
    several = sum(not attribute.tag for attribute in rows.attributes) > 1
    if recipe:
        frozen = backbones.load(size=TWIN_SIZE)
    else:
        frozen = backbones.load(network, size=size, views=views, colours=several)
    engine = start(frozen.network)
    clock.lap("load the network")
    known = embed.Cache(frozen, engine) if cache else None
    table = embed.table(rows.rows, frozen, engine, cache=known, limits=limits, progress=progress)
    undone = [row for row in replayed.dropped if row.split in ("", "train") and not recipe]
    put_back = embed.table(undone, frozen, engine, cache=known, limits=limits, progress=progress)
    clock.lap("embed the photos")
    table, corrected = photoset.corrected(table)
    sets = photoset.to_train(rows, table)
    if without:
        catalog.require_none(rows.name, sets[0].classes, without, "good photo to train on", table.bad)
    grouped = group(sets, frozen)
    clock.lap("find twins")
    backbone, own = frozen, None
    if recipe:
        own = _trained_here(recipe, sets[0], grouped[0], views, out, limits, progress, resume=resume)
        backbone, engine, known = own.backbone, start(own.backbone.network), None
        clock.lap("train the network")
        again = embed.table(sets[0].table.rows, backbone, engine, limits=limits, progress=progress)
        sets = (photoset.embedded_again(sets[0], again),)
        clock.lap("embed the photos again")
    negatives = embed.table(others, backbone, engine, cache=known, limits=limits, progress=progress)
    on = topic(sets, backbone, grouped[0].found.groups, negatives)
    beside = [combinations.beside(sets, number) for number in range(len(sets))]
    trained = trained_rows(sets)
    grey, grey_put_back = None, None
    if network == "lite0" and not recipe and any(each is not None for each in beside):
        tables = [table.take(trained), put_back]
        grey, grey_put_back = _without_colours(tables, size, views, limits, progress, cache=cache)
        clock.lap("embed the photos without their colours")

    parts, learned = [], []
    for number, (photo_set, twin_groups) in enumerate(zip(sets, grouped, strict=True)):
        prefix = f"{photo_set.attribute.name}: " if len(sets) > 1 else ""
        found = learn(
            photo_set,
            backbone,
            twin_groups,
            on,
            wishes,
            name,
            beside=beside[number],
            copies=None
            if grey is None or beside[number] is None
            else grey[np.searchsorted(trained, photo_set.training)],
            own=own,
            lap=clock.under(prefix),
            progress=progress,
        )
        gained = None
        if ledger:
            undone_here = put_back.view(number) if len(sets) > 1 else put_back
            gained = gain.measure(replayed.view(number), photo_set, found, undone_here, own, grey_put_back)
            clock.lap(f"{prefix}measure what the ledger gained")
        results = result_step.of_training(found, photo_set, prefix)
        clock.lap(f"{prefix}evaluate")
        card = None
        if not photo_set.attribute.tag:
            which = results[0].name.removeprefix(prefix)
            card = spoiling.of_training(spoilt, which, photo_set, found, engine, known, own, progress)
            clock.lap(f"{prefix}spoil photos")
        evidence = explained.of_worst(found.model, engine, results)
        clock.lap(f"{prefix}explain the worst mistakes")
        parts.append(Part(found.model, results, photo_set, found.trials, card, gained, evidence))
        learned.append(found)
    engine.close()
    together = combinations.measure(sets, learned)
    clock.lap("hide combinations of labels")
    findings = gather(
        f"Training report: {name}",
        parts,
        grouped[0].found,
        [*rows.left_out, *corrected],
        topic=on,
        own=own,
        ledger=replayed,
        combinations=together,
    )
    with whole_folder(out, force=force) as folder:
        progress("write the report", 0, 0)
        _save(folder, sets, learned, together)
        if own:
            shutil.copytree(unfinished.folder_for(out) / "logs", folder / "logs")
        _report(folder, findings, clock)
        model_folder.seal(folder)
    if own:
        unfinished.end(out)
    return Training(out, findings)


def evaluate(
    model: str | Path | LoadedModel,
    photos: str | Path,
    *,
    out: str | Path | None = None,
    label: str | Sequence[str] = (),
    attributes: Sequence[str] = (),
    tags: str = "",
    ledger: str | Path | Sequence[str | Path] = (),
    spoilt: int = 24,
    cache: bool = True,
    force: bool = False,
    progress: Progress = quiet,
) -> Evaluation:
    """Score a model on labelled photos; those that have a twin in its training are counted and scored apart.

    Args:
        model: a model folder, or a model that :func:`load` gave.
        photos: labelled photos, in any form that :func:`train` reads; a split in it is ignored.
        out: a folder for report.html and metrics.json, if wanted.
        label: the label column of a list, or one for each attribute; what the model was trained on when nothing is
            said.
        attributes: of labels in the names of folders, as for :func:`train`.
        tags: the column of tags.
        ledger: what people decided about these photos, in one or several files.
        spoilt: how many photos the report's robustness card tries, each in 18 ways; 0 for no card.
        cache: use and fill the embedding cache.
        force: replace ``out`` if it is there.
        progress: told about every step.

    Raises:
        ModelError: the model folder cannot be trusted.
        CatalogError: the photos cannot be read, or no label is one of the model's classes.
        LedgerError: a ledger cannot be read, or does not fit the photos.
        FolderExistsError: ``out`` is there and ``force`` is not set.

    """
    if out is not None:
        refuse_folder(Path(out), force=force)
    clock = _Clock()
    loaded = load(model)
    shared = loaded.models[0]
    given = catalog.load(Path(photos), columns=_columns(loaded, label, attributes, tags), ignore_split=True)
    given = _reordered(given, loaded)
    pairs = zip(given.attributes, loaded.models, strict=True)
    classes = {attribute.name: each.classes for attribute, each in pairs}
    replayed = replay(given, _paths(ledger), classes=classes, limits=shared.limits)
    rows = replayed.catalog
    clock.lap("load the model")
    backbone, engine = shared.backbone, loaded.engine
    known = embed.Cache(backbone, engine) if cache else None
    table = embed.table(rows.rows, backbone, engine, cache=known, limits=shared.limits, progress=progress)
    if not table.rows:
        raise CatalogError(f"{photos}: none of {len(table.bad)} photos can be used; the first: {table.bad[0][1]}")
    clock.lap("embed the photos")
    own, leaked = _leaks(shared, table)
    parts = []
    for number, each in enumerate(loaded.models):
        prefix = f"{each.attribute.name}: " if len(loaded.models) > 1 else ""
        photo_set = photoset.to_score(table.view(number) if prefix else table, each.classes)
        scored = np.flatnonzero(photo_set.labels >= 0)
        if not len(scored):
            raise CatalogError(
                f"{rows.name}: {prefix}none of the labels ({', '.join(rows.view(number).classes[:10])}) is one of the "
                f"model's classes ({', '.join(each.classes[:10])})"
            )
        probabilities = each.probabilities(table.vectors[scored])
        result = result_step.of(f"{prefix}photos", each, photo_set, own, scored, probabilities, leaked[scored])
        clock.lap(f"{prefix}evaluate")
        card = None
        if out is not None and not each.attribute.tag:
            unseen = scored[~leaked[scored]]
            card = spoiling.of_photos(spoilt, "photos", each, engine, known, photo_set, unseen, own.groups, progress)
            clock.lap(f"{prefix}spoil photos")
        evidence = {} if out is None else explained.of_worst(each, engine, [result])
        parts.append(Part(each, [result], photo_set, card=card, evidence=evidence))
    title = f"Evaluation report: {Path(photos).resolve().name}"
    findings = gather(title, parts, own, rows.left_out, ledger=replayed)
    if out is not None:
        with whole_folder(Path(out), force=force) as folder:
            _report(folder, findings, clock, card=False)
    return Evaluation(findings, None if out is None else Path(out))


def classify(
    model: str | Path | LoadedModel,
    *photos: str | Path,
    cache: bool = True,
    progress: Progress = quiet,
) -> Iterator[Prediction]:
    """Label photos, in order and in bounded memory.

    Args:
        model: a model folder, or a model that :func:`load` gave.
        photos: photos, folders (searched recursively) or lists with a ``file_name`` column.
        cache: use and fill the embedding cache, so that an interrupted run goes on where it was.
        progress: told about every batch.

    Raises:
        ModelError: the model folder cannot be trusted.
        CatalogError: there is no such photo, folder or list, or no photo in them.

    """
    rows = list(chain.from_iterable(catalog.unlabelled(Path(source)) for source in photos))
    if not rows:
        raise CatalogError(
            f"{', '.join(map(str, photos)) or 'nothing given'}: no photos; give photos, folders or lists"
        )
    loaded = load(model)
    known = embed.Cache(loaded.models[0].backbone, loaded.engine) if cache else None
    return verdicts.predict(loaded, rows, cache=known, progress=progress, total=len(rows))


@overload
def check(model: str | Path | LoadedModel, photo: str | Path, declared: str) -> Check: ...
@overload
def check(model: str | Path | LoadedModel, photo: str | Path, declared: Mapping[str, str]) -> dict[str, Check]: ...
def check(
    model: str | Path | LoadedModel, photo: str | Path, declared: str | Mapping[str, str]
) -> Check | dict[str, Check]:
    """Say whether a photo shows what was declared; see :func:`goodsight.verdicts.judge` for the verdicts.

    Args:
        model: a model folder, or a model that :func:`load` gave.
        photo: the photo.
        declared: the class of the only attribute, or those of some attributes by their names.

    Returns:
        The answer, or that for each attribute that something was declared of.

    Raises:
        ModelError: the model folder cannot be trusted, or has several attributes and one class was declared.
        CatalogError: there is no such photo, or the model has no such class or attribute.

    """
    path = Path(photo)
    if not path.is_file():
        raise CatalogError(f"{path}: there is no such photo")
    loaded = load(model)
    row = Row(path.name, path)
    if isinstance(declared, str):
        return verdicts.check(loaded, row, {loaded.model.attribute.name: declared})[0]
    return dict(zip(declared, verdicts.check(loaded, row, declared), strict=True))


def sightings(
    model: str | Path | LoadedModel,
    feed: str | Path,
    *,
    cache: bool = True,
    progress: Progress = quiet,
) -> Sightings:
    """Find brands in the photos of posts; memory grows with the feed, not with its photos nor with what is found.

    Args:
        model: a model folder of brands, trained with ``none`` or ``none_class``, or a model that :func:`load` gave.
        feed: a .jsonl file with one post a line (see :mod:`goodsight.posts`), or photos as for :func:`classify`.
        cache: use and fill the embedding cache, so that an interrupted run goes on where it was.
        progress: told about every batch.

    Raises:
        ModelError: the model folder cannot be trusted, has several attributes, or no answer for photos without brands.
        CatalogError: there is no such feed, or a post has no image.

    """
    read = posts.read(Path(feed))
    said, count = read.posts, len(read.posts) + len(read.bad)
    if not count:
        raise CatalogError(f"{feed}: no posts; give a .jsonl feed, or a folder of photos")
    loaded = load(model)
    if not loaded.model.none:
        raise ModelError(f"{loaded.folder}: has no answer for photos without a brand; train it with --none")
    none, backbone, limits = loaded.model.none, loaded.model.backbone, loaded.model.limits
    known = embed.Cache(backbone, loaded.engine) if cache else None
    rows = (post.row for post in said)
    found = verdicts.predict(loaded, rows, cache=known, progress=progress, total=len(said))
    bad = list(read.bad)

    def each() -> Iterator[Sighting]:
        for post, prediction in zip(said, found, strict=True):
            if prediction.problem:
                bad.append((post.name, prediction.problem))
            elif seen := posts.sighting(post, prediction, none, backbone.resize, limits):
                yield seen

    return Sightings(each(), count, bad, read.timeless)


def inspect(model: str | Path) -> dict[str, Any]:
    """Verify a model folder, canaries included, and return what ``model.json`` says.

    Raises:
        ModelError: the folder is damaged, edited, newer than this version, or this machine answers differently.

    """
    _, record = model_folder.read(Path(model))
    load(model).engine.close()
    return record


def promote(
    candidate: str | Path,
    over: str | Path,
    *,
    test: str | Path | None = None,
    label: str = "label",
    min_gain: float = 0.0,
    cache: bool = True,
    progress: Progress = quiet,
) -> Promotion:
    """Put a candidate in the place of the model in use, if it is really better on photos that neither was trained on.

    The candidate's folder is copied, and the old one is kept beside it as ``NAME.before-DATE-TIME``. A service that
    runs on the folder loads the new model by itself.

    Args:
        candidate: a model folder.
        over: the model folder in use.
        test: labelled photos; None takes the test photos (else the validation photos) that the candidate's training
            saw.
        label: the label column of a list.
        min_gain: what the lower end of the accuracy gain's 95 % interval must exceed.
        cache: use and fill the embedding cache.
        progress: told about every step.

    Raises:
        ModelError: a folder cannot be trusted, or the candidate lacks a class of the model in use.
        CatalogError: there are no photos to compare on, or a test photo was changed.

    """
    old, new = load(over), load(candidate)
    classes = old.model.classes
    lacking = [name for name in classes if name not in new.model.classes]
    if lacking:
        raise ModelError(f"{candidate}: lacks the classes {', '.join(lacking)} of {over}; train it with them")
    rows, digests = (
        testset.read(Path(candidate))
        if test is None
        else (catalog.load(Path(test), columns=Columns.of(label), ignore_split=True), {})
    )
    known = _known_labels(rows, classes)
    tables = []
    for loaded in (old, new):
        backbone, engine = loaded.model.backbone, loaded.engine
        stored = embed.Cache(backbone, engine) if cache else None
        tables.append(
            embed.table(known.rows, backbone, engine, cache=stored, limits=old.model.limits, progress=progress)
        )
        engine.close()
    testset.require_unchanged(tables[0], digests)
    own, leaked = _leaks(old.model, tables[0])
    clean = np.flatnonzero(~(leaked | _leaks(new.model, tables[1])[1]))
    if not len(clean):
        raise CatalogError(f"{rows.name}: every photo is bad or has a twin in a training; give others with --test")
    columns = [new.model.classes.index(name) for name in classes]
    comparison = compare(
        old.model.probabilities(tables[0].vectors[clean]),
        new.model.probabilities(tables[1].vectors[clean])[:, columns],
        np.array([classes.index(tables[0].rows[i].label) for i in clean]),
        own.groups[clean],
    )
    promoted = comparison.gain.low > min_gain
    kept = exchange(Path(candidate), Path(over)) if promoted else None
    return Promotion(comparison, promoted, len(rows.rows) - len(clean), kept)


def split(
    photos: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    validation: float = 0.1,
    test: float = 0.1,
    label: str = "label",
    ledger: str | Path | Sequence[str | Path] = (),
    seed: int = 0,
    limits: Limits = DEFAULT_LIMITS,
    cache: bool = True,
    force: bool = False,
    progress: Progress = quiet,
) -> Prepared:
    """Copy labelled photos into train, validation and test folders for other tools, with no twins on both sides.

    Args:
        photos: as for :func:`train`; a split in them is ignored.
        out: the folder to make; :func:`train` reads it as well.
        validation: the share of photos for validation, 0 to 0.5.
        test: the share of photos for the test, 0 to 0.5.
        label: the label column of a list.
        ledger: what people decided about these photos, in one or several files.
        seed: another number gives another split.
        limits: on bytes and pixels of a photo.
        cache: use and fill the embedding cache.
        force: replace ``out`` if it is there.
        progress: told about every step.

    Raises:
        CatalogError: the photos or labels cannot be used.
        LedgerError: a ledger cannot be read, or does not fit the photos.
        FolderExistsError: ``out`` is there and ``force`` is not set.
        GoodsightError: a number is out of its range, or ``out`` lies among the photos.

    """
    out, sources, wanted = Path(out), _paths(photos), prepared.shares(validation, test)
    _not_negative(**{"--seed": seed})
    refuse_folder(out, force=force)
    given = catalog.load(*sources, columns=Columns.of(label), ignore_split=True)
    prepared.require_apart(out, sources, given.rows)
    replayed = replay(given, _paths(ledger), limits=limits)
    rows = replayed.catalog
    catalog.require_classes(rows)
    backbone = backbones.load(views=_views(rows, "lite0"))
    engine = start(backbone.network)
    known = embed.Cache(backbone, engine) if cache else None
    table = embed.table(rows.rows, backbone, engine, cache=known, limits=limits, progress=progress)
    engine.close()
    table, corrected = photoset.corrected(table)
    (photo_set,) = photoset.to_train(rows, table)
    (twin_groups,) = group([photo_set], backbone)
    with whole_folder(out, force=force) as folder:
        progress("copy the photos", 0, 0)
        left_out = [*rows.left_out, *corrected]
        done = prepared.write(folder, photo_set, twin_groups.found.groups, replayed, left_out, wanted, seed, limits)
    return replace(done, folder=out)


def load(model: str | Path | LoadedModel) -> LoadedModel:
    """A verified model with its engine running, for many calls of :func:`check` or :func:`classify`.

    Raises:
        ModelError: the model folder cannot be trusted.

    """
    return model if isinstance(model, LoadedModel) else model_folder.load(Path(model))


def _without_colours(
    tables: Sequence[embed.Table], size: int, views: int, limits: Limits, progress: Progress, *, cache: bool
) -> list[npt.NDArray[np.float32]]:
    """Embeddings (n, width) of the photos of each table, which lite0 embedded, looked at without their colours."""
    backbone = backbones.load(size=size, views=views, grey=True)
    engine = start(backbone.network)
    known = embed.Cache(backbone, engine) if cache else None
    rows, digests = [row for t in tables for row in t.rows], [digest for t in tables for digest in t.sha256]
    again = embed.table(rows, backbone, engine, cache=known, limits=limits, progress=progress)
    engine.close()
    photoset.require_unchanged(digests, again)
    return np.split(again.vectors, np.cumsum([len(each.rows) for each in tables])[:-1])


def _require_one(recipe: Recipe | None, given: Catalog) -> None:
    """A network that is trained here answers for one attribute, and for brands with their names."""
    if recipe and len(given.attributes) > 1:
        raise EngineError(
            f"a network that is trained here answers for one attribute, not for {len(given.attributes)}; "
            "train one for each, or use lite0 as it is"
        )
    if recipe and recipe.none and given.attributes[0].tag:
        raise EngineError("--tags: not for brands, which --none and --none-class train; name a column with --label")


def _trained_here(
    recipe: Recipe,
    photo_set: PhotoSet,
    grouped: Grouped,
    views: int,
    out: Path,
    limits: Limits,
    progress: Progress,
    *,
    resume: bool,
) -> Trained:
    chosen, table = photo_set.training, photo_set.table
    rows, digests = (tuple(column[i] for i in chosen) for column in (table.rows, table.sha256))
    none = photo_set.classes.index(recipe.none) if recipe.none else -1
    photos = training.Photos(rows, photo_set.labels[chosen], grouped.found.groups[chosen], limits, none)
    training.require_photos(recipe, photos)
    folder = unfinished.note(out, recipe, photos, digests, resume=resume)
    return training.run(recipe, photos, views, folder, progress)


def _leaks(model: Model, table: embed.Table) -> tuple[Twins, npt.NDArray[np.bool_]]:
    """The twins among some photos, and which of them have a twin among the model's training photos."""
    mine = Fingerprints(table.sha256, table.thumbnails, twins.sketch(model.scaler(table.vectors)))
    groups = (model.training + mine).twins(model.alike_pixels).groups
    count = len(model.training.sha256)
    return mine.twins(model.alike_pixels), np.isin(groups[count:], groups[:count])


def _save(folder: Path, sets: Sequence[PhotoSet], learned: Sequence[Learned], together: Combinations | None) -> None:
    """The model and the evidence behind it, but for the report."""
    table = sets[0].table
    chosen = sets[0].training[canaries(learned[0], CANARIES)]
    paths, vectors = [table.rows[i].path for i in chosen], table.vectors[chosen].astype(np.float16)
    trained = together.trained if together else ()
    model_folder.save(folder, [each.model for each in learned], trained, paths, vectors)
    write_predictions(folder / "predictions.csv", sets, learned)
    if len(sets) == 1:
        testset.write(folder, sets[0])


def _report(folder: Path, findings: Findings, clock: _Clock, *, card: bool = True) -> None:
    from goodsight.report import page

    page.write(folder, replace(findings, timings=clock.laps))
    if card:
        page.card(folder, findings)


def _columns(loaded: LoadedModel, label: str | Sequence[str], attributes: Sequence[str], tags: str) -> Columns:
    """Where the labels of photos to be scored are: for several attributes under their own names, if nothing is said."""
    names = [model.attribute.name for model in loaded.models if not model.attribute.tag]
    if len(names) < len(loaded.models) and not tags:
        raise CatalogError(f"{loaded.folder}: answers for tags; name their column with --tags")
    if label or attributes or len(loaded.models) == 1:
        return Columns.of(label, attributes, tags)
    return Columns.of(names, (), tags)


def _reordered(given: Catalog, loaded: LoadedModel) -> Catalog:
    """The rows with the labels in the order of the model's attributes; a tag that no photo has is one that all lack.

    Raises:
        CatalogError: an attribute of the model is missing.

    """
    if len(loaded.models) == len(given.attributes) == 1 and not given.attributes[0].tag:
        return given
    numbers = {attribute.name: number for number, attribute in enumerate(given.attributes)}
    wanted = [model.attribute for model in loaded.models]
    lacking = [a.name for a in wanted if a.name not in numbers and not a.tag]
    if lacking:
        raise CatalogError(
            f"{given.name}: the model answers for {', '.join(a.name for a in wanted)}, and there are labels for "
            f"{', '.join(numbers)} only; name the others with --label or --attributes"
        )
    rows = []
    for row in given.rows:
        every = row.labels or (row.label,)
        labels = tuple(every[numbers[a.name]] if a.name in numbers else NO for a in wanted)
        rows.append(replace(row, label=labels[0], labels=labels if len(labels) > 1 else ()))
    return Catalog.of(given.name, rows, given.left_out, tuple(wanted))


def _known_labels(rows: Catalog, classes: tuple[str, ...]) -> Catalog:
    known = tuple(row for row in rows.rows if row.label in classes)
    if not known:
        raise CatalogError(
            f"{rows.name}: none of the labels ({', '.join(rows.classes[:10])}) is one of the model's classes "
            f"({', '.join(classes[:10])})"
        )
    unknown = tuple((r.file_name, f"the model has no class {r.label!r}") for r in rows.rows if r.label not in classes)
    return replace(rows, rows=known, left_out=rows.left_out + unknown)


def _views(rows: Catalog, network: str) -> int:
    most = max(len(rows.view(number).classes) for number in range(len(rows.attributes)))
    return 2 if most >= MANY_CLASSES and network == "lite0" else 1


def _paths(given: str | Path | Sequence[str | Path]) -> list[Path]:
    return [Path(given)] if isinstance(given, str | Path) else [Path(path) for path in given]


def _in_range(option: str, value: float, low: float, high: float) -> None:
    if not low < value < high:
        raise GoodsightError(f"{option} {value:g}: must be between {low:g} and {high:g}, both excluded")


def _not_negative(**options: int) -> None:
    for option, value in options.items():
        if value < 0:
            raise GoodsightError(f"{option} {value}: must be 0 or more")


class _Clock:
    """Seconds of each step, for the report."""

    def __init__(self) -> None:
        self.laps: list[tuple[str, float]] = []
        self._last = time.monotonic()

    def under(self, prefix: str) -> Callable[[str], None]:
        """:meth:`lap` for steps whose names begin so."""
        return lambda step: self.lap(prefix + step)

    def lap(self, step: str) -> None:
        now = time.monotonic()
        self.laps.append((step, now - self._last))
        self._last = now

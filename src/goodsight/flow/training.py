"""Labelled photos become a model folder with its report."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from goodsight.backbones import by_name
from goodsight.backbones.engine import start
from goodsight.catalog import trainable
from goodsight.catalog.columns import Columns
from goodsight.catalog.ledger import replay
from goodsight.catalog.read import read_catalog, unlabelled
from goodsight.catalog.rows import NONE
from goodsight.embedding import photoset, stream
from goodsight.embedding.cache import Cache
from goodsight.embedding.photoset import PhotoSet
from goodsight.errors import EngineError
from goodsight.files import refuse_folder, whole_folder
from goodsight.flow.work import Clock, paths_of, require_not_negative, require_range, views_for, write_report
from goodsight.measuring import combinations, explained, gain, robustness
from goodsight.measuring import result as result_step
from goodsight.measuring.combinations import Combinations
from goodsight.measuring.measured import Findings, Part, gather
from goodsight.model import folder as model_folder
from goodsight.model import testset
from goodsight.model.learn import Learned, Wishes, canaries, learn, topic, write_predictions
from goodsight.photos.limits import DEFAULT_LIMITS, Limits
from goodsight.progress import Progress, quiet
from goodsight.training import road, unfinished
from goodsight.training.frozen import without_colours
from goodsight.training.groups import group, trained_rows
from goodsight.training.recipe import Recipe
from goodsight.training.road import TWIN_SIZE, require_one, trained_here

CANARIES = 8


@dataclass(frozen=True)
class Training:
    """What :func:`train` made: where the model is, and what its report shows."""

    folder: Path
    findings: Findings


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
        photos: one folder per class, train/validation/test folders, or a list (see :mod:`goodsight.catalog.read`); or
            several of these, of which a later one corrects the labels of an earlier one.
        out: the model folder to make.
        label: the label column of a list, or several, each an attribute of its own; "label" when nothing is said.
        attributes: names of attributes whose labels are in the names of folders: of ``colour`` and ``type`` the
            folder ``black_jeans`` has one each.
        tags: a column of tags, with spaces or commas between: each is an attribute of its own, yes or no.
        ledger: what people decided about these photos, in one or several files; see :mod:`goodsight.catalog.ledger`.
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
            :data:`goodsight.training.recipe.SCRATCH`, which is trained here from fresh weights.
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
    require_range("--precision", precision, 0.5, 1.0)
    require_range("--alpha", alpha, 0.0, 0.5)
    require_range("--off-topic-alpha", off_topic_alpha, 0.0, 0.5)
    require_range("--none-recall", none_recall, 0.5, 1.0)
    require_not_negative(**{"--epochs": epochs, "--spoilt": spoilt})
    without = none_class or (NONE if none is not None else "")
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
        road.require(recipe)
        views = recipe.views
    clock = Clock()
    sources = paths_of(photos)
    columns = replace(Columns.of(label, attributes, tags), boxes=bool(without))
    given = trainable.without_lone_tags(read_catalog(*sources, columns=columns, ignore_split=ignore_split))
    require_one(recipe, given)
    if none is not None:
        given = trainable.with_none(given, Path(none), without)
    if without:
        trainable.require_none(given.name, given.classes, without)
    replayed = replay(given, paths_of(ledger), limits=limits)
    rows = replayed.catalog
    trainable.require_classes(rows)
    name = ", ".join(source.resolve().name for source in sources)
    others = [] if off_topic is None else list(unlabelled(Path(off_topic)))
    clock.lap("read the catalog")
    views = views or views_for(rows, recipe.network if recipe else network)
    several = sum(not attribute.tag for attribute in rows.attributes) > 1
    own_size = TWIN_SIZE if recipe else size
    frozen = by_name.load(
        "lite0" if recipe else network,
        size=own_size,
        views=1 if recipe else views,
        colours=several and not recipe,
    )
    engine = start(frozen.network)
    clock.lap("load the network")
    known = Cache(frozen, engine) if cache else None
    table = stream.table(rows.rows, frozen, engine, cache=known, limits=limits, progress=progress)
    undone = [row for row in replayed.dropped if row.split in ("", "train") and not recipe]
    put_back = stream.table(undone, frozen, engine, cache=known, limits=limits, progress=progress)
    clock.lap("embed the photos")
    table, corrected = photoset.corrected(table)
    sets = photoset.to_train(rows, table)
    if without:
        trainable.require_none(rows.name, sets[0].classes, without, "good photo to train on", table.bad)
    grouped = group(sets, frozen)
    clock.lap("find twins")
    backbone, own = frozen, None
    if recipe:
        own = trained_here(recipe, sets[0], grouped[0], views, out, limits, progress, resume=resume)
        backbone, engine, known = own.backbone, start(own.backbone.network), None
        clock.lap("train the network")
        again = stream.table(sets[0].table.rows, backbone, engine, limits=limits, progress=progress)
        sets = (photoset.embedded_again(sets[0], again),)
        clock.lap("embed the photos again")
    negatives = stream.table(others, backbone, engine, cache=known, limits=limits, progress=progress)
    on = topic(sets, backbone, grouped[0].found.groups, negatives)
    beside = [combinations.beside(sets, number) for number in range(len(sets))]
    trained = trained_rows(sets)
    grey, grey_put_back = None, None
    if network == "lite0" and not recipe and any(each is not None for each in beside):
        tables = [table.take(trained), put_back]
        grey, grey_put_back = without_colours(tables, size, views, limits, progress, cache=cache)
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
            card = robustness.of_training(spoilt, which, photo_set, found, engine, known, own, progress)
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
        write_report(folder, findings, clock)
        model_folder.seal(folder)
    if own:
        unfinished.end(out)
    return Training(out, findings)


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

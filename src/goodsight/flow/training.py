"""Labelled photos become a model folder with its report."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from goodsight.arrays import Ints
from goodsight.catalog import trainable
from goodsight.catalog.labels import UNSAID, Labels
from goodsight.catalog.read import read_catalog, unlabelled
from goodsight.catalog.replay import Replayed, replay
from goodsight.catalog.rows import Row
from goodsight.display import Tabular
from goodsight.embedding import photoset
from goodsight.embedding.embedder import Embedder
from goodsight.errors import CatalogError, EngineError
from goodsight.files import refuse_folder, whole_folder, write_table
from goodsight.flow.work import USUAL, Clock, Sources, Work, drawn, names_of, paths_of, require_usable, write_report
from goodsight.heads import search
from goodsight.measuring import combinations, measured
from goodsight.measuring.measured import Measured
from goodsight.model import folder as model_folder
from goodsight.model import testset
from goodsight.model.learn import Learned, learn, model_of, topic
from goodsight.model.record import Model
from goodsight.training import road, unfinished
from goodsight.training.groups import group, notes
from goodsight.training.recipe import Recipe
from goodsight.training.series import Seek, not_sought
from goodsight.training.wishes import Wishes

CANARIES = 8
_LITE0 = Recipe()
_WISHED = Wishes()


@dataclass(frozen=True, repr=False)
class Training(Tabular):
    """What :func:`train` made: where the model is, and what its report shows."""

    folder: Path
    measured: Measured

    def summary(self) -> str:
        """The folder, then a line for each result."""
        return "\n".join([repr(str(self.folder)), *(each.summary() for each in self.measured.results)])

    def records(self) -> list[dict[str, Any]]:
        """One record for each result."""
        return self.measured.records()


@drawn
def train(
    photos: Sources,
    out: str | Path,
    *,
    labels: Labels = UNSAID,
    recipe: Recipe = _LITE0,
    wishes: Wishes = _WISHED,
    off_topic: str | Path | None = None,
    none: str | Path | None = None,
    like: str | Path | None = None,
    work: Work = USUAL,
) -> Training:
    """Turn labelled photos into a model folder with its report.

    Args:
        photos: one folder per class, train/validation/test folders, or a list (see :mod:`goodsight.catalog.read`); or
            several of these, of which a later one corrects the labels of an earlier one.
        out: the model folder to make.
        labels: where the labels are, and what people decided about them.
        recipe: which network, and how it is trained if it is trained here.
        wishes: what is promised about the answers.
        off_topic: a folder of photos that show none of the classes, if there is one.
        none: for ``brands``, a folder of photos without any of the brands.
        like: a folder of unlabelled photos from where the model will be used: figures are made for photos that are as
            near to the training photos as these.
        work: how the work is done.

    Raises:
        CatalogError: the photos or labels cannot be used.
        LedgerError: a ledger cannot be read, or does not fit the photos.
        FolderExistsError: ``out`` is there and ``work.force`` is not set.
        EngineError: the network cannot be made or run.

    """
    out, clock = Path(out), Clock()
    refuse_folder(out, force=work.force)
    recipe = unfinished.begin(out, recipe, resume=work.resume, force=work.force)
    road.require(recipe)
    replayed = _read(photos, labels, recipe, none, work)
    foreign = [] if off_topic is None else list(unlabelled(Path(off_topic)))
    coming = [] if like is None else list(unlabelled(Path(like)))
    recipe = replace(recipe, views=road.looks(recipe, replayed.catalog))
    source = names_of(paths_of(photos))
    clock.lap("read the catalog")
    with ExitStack() as running:
        embedder = running.enter_context(work.embedder(road.first_network(recipe, replayed.catalog)))
        clock.lap("load the network")
        how = _seek(labels, recipe, embedder, coming)
        start, corrected = _start(replayed, recipe, embedder, how, clock)
        series, unsought = start.grouped[0].series, not_sought(start.sets) if how else ()
        way = road.Way(recipe, out, work.resume, wishes.budget, clock.lap)
        embedder, fitted = road.fit(way, start, running)
        on = topic(fitted, embedder.backbone, embedder.table(foreign))
        learned = learn(fitted, wishes.precision, recipe.none, clock.lap)
        together = combinations.measure(learned)
        clock.lap("hide combinations of labels")
        model = model_of(learned, on, wishes, work.limits, together.trained if together else (), source)
        parts = measured.of_training(model, learned, embedder, replayed, wishes.spoilt, clock.lap)
    told = (*_of_parts(model, learned), *unsought, *_of_groups(model, learned, series=series is not None))
    findings = measured.gather(
        f"Training report: {source}",
        model,
        parts,
        fitted[0].found,
        [*replayed.catalog.left_out, *corrected],
        replayed,
        measured.Behind(on, fitted[0].network, together, told, series),
    )
    with whole_folder(out, force=work.force) as folder:
        work.progress("write the report", 0, 0)
        _save(folder, model, learned)
        if recipe.trained_here:
            shutil.copytree(unfinished.folder_for(out) / "logs", folder / "logs")
        write_report(folder, findings, clock)
        model_folder.seal(folder)
    unfinished.end(out)
    return Training(out, findings)


def _read(photos: Sources, labels: Labels, recipe: Recipe, none: str | Path | None, work: Work) -> Replayed:
    """The photos with their labels, after what people decided; they can be trained on."""
    if none is not None and not recipe.none:
        raise EngineError("`none`: only for `network` brands; leave it out, or name that network")
    given = read_catalog(*paths_of(photos), labels=labels, boxes=bool(recipe.none))
    given = trainable.without_lone_tags(given)
    road.require_one(recipe, given)
    if none is not None:
        given = trainable.with_none(given, Path(none), recipe.none)
    if recipe.none:
        trainable.require_none(given.name, given.classes(0), recipe.none)
    replayed = replay(given, labels.ledgers, limits=work.limits)
    trainable.require_classes(replayed.catalog)
    return replayed


def _start(
    replayed: Replayed, recipe: Recipe, embedder: Embedder, how: Seek | None, clock: Clock
) -> tuple[road.Start, tuple[tuple[str, str], ...]]:
    """The photos embedded, as each attribute sees them, with their twins and folds; and those that were corrected."""
    rows = replayed.catalog
    table, corrected = photoset.corrected(embedder.table(rows.rows))
    undone = embedder.table([] if recipe.trained_here else replayed.undone)
    clock.lap("embed the photos")
    sets = photoset.to_train(rows, table)
    if recipe.none:
        trainable.require_none(rows.name, sets[0].classes, recipe.none, "good photo to train on", table.bad)
    grouped = group(sets, embedder.backbone, how)
    sets = grouped[0].series.named(sets) if grouped[0].series else sets
    clock.lap("find twins and series")
    return road.Start(sets, grouped, embedder, undone), corrected


def _seek(labels: Labels, recipe: Recipe, embedder: Embedder, coming: Sequence[Row]) -> Seek | None:
    """How series are sought; None where a user says what belongs together, and for brands.

    Raises:
        CatalogError: photos to come are given as well, or none of them can be used.

    """
    if coming and (labels.group or recipe.none):
        rival = "`group` says it" if labels.group else "`network` brands does not"
        raise CatalogError(f"`like` seeks what belongs together, {rival}: leave `like` out")
    if labels.group or recipe.none:
        return None
    table = embedder.table(coming)
    if coming:
        require_usable("`like`", table)
    return Seek.by(recipe, table if coming else None)


def _of_groups(model: Model, learned: Sequence[Learned], *, series: bool) -> tuple[tuple[str, str], ...]:
    """What should be known of the groups, once."""
    each = (
        notes(one.fitted.photo_set, one.fitted.groups, model.prefix(one.judge), found_series=series) for one in learned
    )
    return tuple(dict.fromkeys(note for found in each for note in found))


def _of_parts(model: Model, learned: Sequence[Learned]) -> list[tuple[str, str]]:
    """Which heads were compared on a part of the photos only, since there are so many."""
    found = []
    for each in learned:
        count = len(each.fitted.photo_set.training)
        parts = [trial.photos for trial in each.fitted.trials if trial.photos < count]
        if count > search.COMPARED and parts:
            said = (
                f"compared on {max(parts):,} of {count:,} photos, with whole groups and every class; the chosen one is "
                "trained on all, and probabilities and thresholds rest on all"
            )
            found.append((f"{model.prefix(each.judge)}heads", said))
    return found


def _save(folder: Path, model: Model, learned: Sequence[Learned]) -> None:
    """The model and the evidence behind it, but for the report."""
    photo_set = learned[0].fitted.photo_set
    table, chosen = photo_set.table, _canaries(learned[0], CANARIES)
    rows, vectors = [table.rows[i] for i in chosen], table.filed[chosen]
    if model.backbone.naming:
        # Canaries are what the network alone makes of photos, which a machine that reads words otherwise answers too.
        with Embedder(replace(model.backbone, naming=None), limits=model.limits, cached=False) as alone:
            vectors = alone.table(rows).filed[:]
    model_folder.save(folder, model, [row.path for row in rows], vectors.astype(np.float16))
    _write_predictions(folder / "predictions.csv", model, learned)
    testset.write(folder, photo_set, model.attributes)


def _canaries(learned: Learned, count: int) -> Ints:
    """Training photos over the range of confidence: a doubtful one shows a difference that a sure one hides."""
    order = np.argsort(learned.probabilities.max(axis=1), kind="stable")
    spread = np.unique(np.linspace(0, len(order) - 1, count).astype(int))
    return np.asarray(learned.fitted.photo_set.training[learned.fitted.scored[order[spread]]])


def _write_predictions(path: Path, model: Model, learned: Sequence[Learned]) -> None:
    """What the judges said of training photos without having seen them: of all, or of those only watched on.

    One row for each photo and attribute; the column ``attribute`` is there only when there are several.
    """
    columns = ["file_name", "sha256", "label", "predicted", "probability", "fold", "twin_group"]
    several = len(model.judges) > 1
    header = [*["attribute"] * several, *columns]
    write_table(path, chain([header], _predicted(learned, several=several)))


def _predicted(learned: Sequence[Learned], *, several: bool) -> Iterator[list[object]]:
    for each in learned:
        fitted, photo_set, first = each.fitted, each.fitted.photo_set, [each.judge.attribute.name]
        table, rows = photo_set.table, photo_set.training[fitted.scored]
        folds = fitted.folds[fitted.scored]
        for i, fold, p, best in zip(rows, folds, each.probabilities, each.guesses, strict=True):
            answer = [photo_set.label(table.rows[i]), photo_set.classes[best], f"{p[best]:.6f}"]
            said = [table.rows[i].file_name, table.sha256[i], *answer, fold, fitted.groups[i]]
            yield [*first, *said] if several else said

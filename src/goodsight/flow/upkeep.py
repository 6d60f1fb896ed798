"""A model folder is verified, or a candidate takes its place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Any

import numpy as np

from goodsight.arrays import Ints
from goodsight.catalog.labels import UNSAID, Labels
from goodsight.catalog.read import read_catalog
from goodsight.catalog.rows import Catalog
from goodsight.embedding.table import Table
from goodsight.errors import CatalogError, ModelError
from goodsight.files import exchange
from goodsight.flow.evaluation import in_order, labels_for
from goodsight.flow.work import USUAL, Work, drawn, leaks, opened
from goodsight.heads.calibrate import log_loss
from goodsight.measuring.comparison import Comparison, Outcome, compare
from goodsight.model import folder as model_folder
from goodsight.model import testset
from goodsight.model.record import LoadedModel, Model
from goodsight.photos import places
from goodsight.training.groups import units_of

LEAST = 100
"""Photos to compare two models on, at least: on fewer, a gain that is worth a change looks like chance."""


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


def inspect(model: str | Path) -> dict[str, Any]:
    """Verify a model folder, canaries included, and return what ``model.json`` says.

    Raises:
        ModelError: the folder is damaged, edited, newer than this version, or this machine answers differently.

    """
    _, record = model_folder.read(Path(model))
    with opened(model):
        return record


@drawn
def promote(
    candidate: str | Path,
    over: str | Path,
    *,
    test: str | Path | None = None,
    labels: Labels = UNSAID,
    min_gain: float = 0.0,
    work: Work = USUAL,
) -> Promotion:
    """Put a candidate in the place of the model in use, if it is really better on photos that neither was trained on.

    The candidate's folder is copied, and the old one is kept beside it as ``NAME.before-DATE-TIME``. A service that
    runs on the folder loads the new model by itself. Models of several attributes are right where all labels are.

    Args:
        candidate: a model folder.
        over: the model folder in use.
        test: labelled photos; None takes the test photos (else the validation photos) that the candidate's training
            saw.
        labels: where the labels of ``test`` are.
        min_gain: what the lower end of the accuracy gain's 95 % interval must exceed.
        work: how the work is done; photos are read with the limits of the model in use.

    Raises:
        ModelError: a folder cannot be trusted, or the candidate lacks a class of the model in use.
        CatalogError: there are too few photos to compare on, or a test photo was changed.

    """
    with opened(over) as old, opened(candidate) as new:
        fitting = _like(new, old)
        if test is None:
            rows, digests = testset.read(new.folder, new.model.attributes)
        else:
            rows, digests = read_catalog(places.of(test), labels=labels_for(old, labels), ignore_split=True), {}
        known = _known_labels(in_order(rows, old.model), old.model)
        tables = []
        for loaded in (old, new):
            embedder = loaded.embedder(cached=work.cache, progress=work.progress)
            tables.append(embedder.table(known.rows))
    testset.require_unchanged(tables[0], digests)
    own, leaked = leaks(old.model, tables[0])
    clean = np.flatnonzero(~(leaked | leaks(new.model, tables[1])[1]))
    if len(clean) < LEAST:
        raise CatalogError(
            f"{rows.name}: {len(clean)} photos are left to compare on, of those that are good and have no twin in a "
            f"training; at least {LEAST} are needed: give more with `test`"
        )
    classes = [judge.classes for judge in old.model.judges]
    current = _outcome(old.model, tables[0], clean, classes)
    better = _outcome(fitting, tables[1], clean, classes)
    units = units_of(tables[0].rows, own.groups)
    comparison = compare(current, better, units[clean])
    promoted = comparison.gain.low > min_gain
    kept = exchange(Path(candidate), Path(over)) if promoted else None
    return Promotion(comparison, promoted, len(rows.rows) - len(clean), kept)


def _like(new: LoadedModel, old: LoadedModel) -> Model:
    """The candidate with its judges in the order of the model in use.

    Raises:
        ModelError: it lacks an attribute or a class.

    """
    named = {judge.attribute.name: judge for judge in new.model.judges}
    if len(old.model.judges) == len(named) == 1:
        named = {old.model.judges[0].attribute.name: new.model.judges[0]}
    lacking = [attribute.name for attribute in old.model.attributes if attribute.name not in named]
    if lacking:
        raise ModelError(f"{new.folder}: does not answer for {', '.join(lacking)} as {old.folder} does; train it so")
    for judge in old.model.judges:
        missing = [name for name in judge.classes if name not in named[judge.attribute.name].classes]
        if missing:
            raise ModelError(
                f"{new.folder}: lacks the classes {', '.join(missing)} of {old.folder}; train it with them"
            )
    return replace(new.model, judges=tuple(named[attribute.name] for attribute in old.model.attributes))


def _known_labels(rows: Catalog, model: Model) -> Catalog:
    """The photos whose labels are all classes of a model."""
    known, unknown = [], []
    for row in rows.rows:
        strange = [label for label, judge in zip(row.labels, model.judges, strict=True) if label not in judge.classes]
        if strange:
            unknown.append((row.file_name, f"the model has no class {strange[0]!r}"))
        else:
            known.append(row)
    if not known:
        raise CatalogError(
            f"{rows.name}: none of the labels ({', '.join(rows.classes(0)[:10])}) is one of the model's classes "
            f"({', '.join(model.judges[0].classes[:10])})"
        )
    return replace(rows, rows=tuple(known), left_out=(*rows.left_out, *unknown))


def _outcome(model: Model, table: Table, rows: Ints, classes: list[tuple[str, ...]]) -> Outcome:
    """How a model does on some photos, over the classes of the model in use."""
    outcomes = []
    for number, (judge, names) in enumerate(zip(model.judges, classes, strict=True)):
        columns = [judge.classes.index(name) for name in names]
        labels = np.array([names.index(table.rows[i].labels[number]) for i in rows])
        probabilities = judge.probabilities(table.vectors[rows])[:, columns]
        outcomes.append(Outcome(judge.given(probabilities) == labels, log_loss(probabilities, labels)))
    return reduce(and_, outcomes)

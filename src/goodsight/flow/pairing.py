"""Two models answer for the same labelled photos, which neither was trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from goodsight.arrays import Ints
from goodsight.catalog.labels import Labels
from goodsight.catalog.read import read_catalog
from goodsight.catalog.rows import Catalog
from goodsight.embedding.filed import taken
from goodsight.embedding.table import Table
from goodsight.errors import CatalogError, ModelError
from goodsight.flow.evaluation import in_order, labels_for
from goodsight.flow.work import Work, leaks
from goodsight.heads.calibrate import log_loss
from goodsight.measuring.pairwise import Paired, Side
from goodsight.model import testset
from goodsight.model.record import Judge, LoadedModel, Model
from goodsight.photos import places
from goodsight.training.groups import units_of


@dataclass(frozen=True)
class Pairing:
    """What two models said, one :class:`Paired` for each attribute, and how many photos were left out."""

    name: str
    each: tuple[Paired, ...]
    left_out: int

    @property
    def photos(self) -> int:
        """How many photos both answered for."""
        return len(self.each[0].rows)


def pair(current: LoadedModel, candidate: LoadedModel, test: str | Path | None, labels: Labels, work: Work) -> Pairing:
    """Let two models answer for photos that neither has a twin of in its training.

    Args:
        current: the model in use; its classes count.
        candidate: the other one.
        test: labelled photos; None takes the test photos (else the validation photos) that the candidate's training
            saw.
        labels: where the labels of ``test`` are.
        work: how the work is done; photos are read with the limits of the model in use.

    Raises:
        ModelError: the candidate lacks a class of the model in use.
        CatalogError: the photos cannot be used, or one was changed.

    """
    fitting = _like(candidate, current)
    if test is None:
        rows, digests = testset.read(candidate.folder, candidate.model.attributes)
    else:
        rows, digests = read_catalog(places.of(test), labels=labels_for(current, labels), ignore_split=True), {}
    known = _known_labels(in_order(rows, current.model), current.model)
    tables = []
    for loaded in (current, candidate):
        embedder = loaded.embedder(cached=work.cache, progress=work.progress)
        tables.append(embedder.table(known.rows))
    testset.require_unchanged(tables[0], digests)
    own, leaked = leaks(current.model, tables[0])
    clean = np.flatnonzero(~(leaked | leaks(candidate.model, tables[1])[1]))
    groups = units_of(tables[0].rows, own.groups)[clean]
    chosen = [tables[0].rows[i] for i in clean]
    each = []
    for number, (judge, other) in enumerate(zip(current.model.judges, fitting.judges, strict=True)):
        numbers = np.array([judge.classes.index(row.labels[number]) for row in chosen], np.int64)
        before = _side(judge, tables[0], clean, judge, numbers)
        now = _side(other, tables[1], clean, judge, numbers)
        each.append(Paired(judge.attribute.name, judge.classes, chosen, numbers, before, now, groups))
    return Pairing(rows.name, tuple(each), len(rows.rows) - len(clean))


def _side(judge: Judge, table: Table, rows: Ints, current: Judge, labels: Ints) -> Side:
    """What a judge says of some photos, over the classes of the model in use."""
    columns = [judge.classes.index(name) for name in current.classes]
    probabilities = judge.probabilities(taken(table.filed, rows))[:, columns]
    given = judge.given(probabilities)
    return Side(given, probabilities[np.arange(len(given)), given], log_loss(probabilities, labels))


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

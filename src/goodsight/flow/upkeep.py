"""A model folder is verified, or a candidate takes its place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from goodsight.catalog.columns import Columns
from goodsight.catalog.read import read_catalog
from goodsight.catalog.rows import Catalog
from goodsight.embedding import stream
from goodsight.embedding.cache import Cache
from goodsight.errors import CatalogError, ModelError
from goodsight.files import exchange
from goodsight.flow.answers import load
from goodsight.flow.work import leaks
from goodsight.measuring.comparison import Comparison, compare
from goodsight.model import folder as model_folder
from goodsight.model import testset
from goodsight.progress import Progress, quiet


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
        else (read_catalog(Path(test), columns=Columns.of(label), ignore_split=True), {})
    )
    known = _known_labels(rows, classes)
    tables = []
    for loaded in (old, new):
        backbone, engine = loaded.model.backbone, loaded.engine
        stored = Cache(backbone, engine) if cache else None
        tables.append(
            stream.table(known.rows, backbone, engine, cache=stored, limits=old.model.limits, progress=progress)
        )
        engine.close()
    testset.require_unchanged(tables[0], digests)
    own, leaked = leaks(old.model, tables[0])
    clean = np.flatnonzero(~(leaked | leaks(new.model, tables[1])[1]))
    if not len(clean):
        raise CatalogError(f"{rows.name}: every photo is bad or has a twin in a training; give others with `test`")
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


def _known_labels(rows: Catalog, classes: tuple[str, ...]) -> Catalog:
    known = tuple(row for row in rows.rows if row.label in classes)
    if not known:
        raise CatalogError(
            f"{rows.name}: none of the labels ({', '.join(rows.classes[:10])}) is one of the model's classes "
            f"({', '.join(classes[:10])})"
        )
    unknown = tuple((r.file_name, f"the model has no class {r.label!r}") for r in rows.rows if r.label not in classes)
    return replace(rows, rows=known, left_out=rows.left_out + unknown)

"""A network as it is: heads are learned from its embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from goodsight.arrays import Array, Ints
from goodsight.backbones import by_name
from goodsight.embedding import photoset
from goodsight.embedding.embedder import Embedder
from goodsight.embedding.filed import Embeddings, taken
from goodsight.embedding.photoset import PhotoSet, trained_rows
from goodsight.embedding.table import Table
from goodsight.heads import kinds, search
from goodsight.heads.examples import Examples
from goodsight.training import cells
from goodsight.training.fitted import Fitted, Undone
from goodsight.training.groups import Grouped
from goodsight.training.recipe import LITE0, Recipe

Grey = Callable[[], Embedder]
"""Starts the network that looks at photos without their colours."""


def fit(
    sets: Sequence[PhotoSet],
    grouped: Sequence[Grouped],
    embedder: Embedder,
    undone: Table,
    grey: Grey | None,
    budget: float,
    lap: Callable[[str], None],
) -> tuple[Fitted, ...]:
    """Choose and train a head for each attribute.

    Args:
        sets: the photos, one set for each attribute.
        grouped: twins and folds of each.
        embedder: what embedded them.
        undone: photos that a ledger dropped.
        grey: starts the network that looks at photos without their colours, if it has such a look.
        budget: seconds for each choice.
        lap: told each step that is done.

    """
    others = [cells.beside(sets, number) for number in range(len(sets))]
    copies: tuple[Embeddings, Array] | None = None
    rows = trained_rows(sets)
    if grey is not None and any(each is not None for each in others):
        copies = _without_colours(grey, sets[0].table.take(rows), undone)
        lap("embed the photos without their colours")
    fitted = []
    for photo_set, own, other in zip(sets, grouped, others, strict=True):
        mine = None if copies is None or other is None else taken(copies[0], np.searchsorted(rows, photo_set.training))
        chosen = _choose(photo_set, own, other, mine, budget, embedder)
        learns_grey = chosen.head.setting.grey and copies is not None
        examples = _examples(photo_set, own, other, mine if learns_grey else None)
        near = None
        if own.near_folds is not None:
            head = chosen.head
            near = kinds.train(head.setting, head.scaler, replace(examples, folds=own.near_folds, apart=own.few))[1]
        fitted.append(
            Fitted(
                photo_set=photo_set,
                backbone=embedder.backbone,
                scaler=own.views[""],
                fingerprints=own.fingerprints,
                found=own.found,
                groups=own.units,
                head=chosen.head,
                scores=chosen.scores,
                scored=np.arange(len(photo_set.training)),
                folds=own.folds,
                trials=chosen.trials,
                examples=examples,
                apart=own.near_folds is not None,
                near=near,
                undone=Undone(undone, copies[1] if copies is not None and learns_grey else None),
            )
        )
        lap(f"{prefix(sets, photo_set)}choose and train the head")
    return tuple(fitted)


def prefix(sets: Sequence[PhotoSet], photo_set: PhotoSet) -> str:
    """What begins a message about one attribute: its name, where there are others."""
    return f"{photo_set.attribute.name}: " if len(sets) > 1 else ""


def grey_look(recipe: Recipe, like: Embedder) -> Grey | None:
    """Starts the network of a recipe on photos without their colours; None for a network without such a look."""
    if recipe.network != LITE0:
        return None
    size, views = recipe.size, recipe.views
    return lambda: Embedder(
        by_name.load(size=size, views=views, grey=True),
        limits=like.limits,
        cached=like.cache is not None,
        progress=like.progress,
    )


def _choose(
    photo_set: PhotoSet, own: Grouped, others: Ints | None, copies: Embeddings | None, budget: float, embedder: Embedder
) -> search.Chosen:
    if photo_set.attribute.tag:
        candidates = search.SMALL
    elif others is None:
        candidates = search.CANDIDATES if own.near_folds is None else search.GROUPED
    else:
        candidates = search.BESIDE_OTHERS if copies is None else search.WITH_COPIES
    examples = _examples(photo_set, own, others, copies)
    mixed = candidates is search.GROUPED
    return search.fit(examples, own.views, candidates, mixed=mixed, budget=budget, progress=embedder.progress)


def _examples(photo_set: PhotoSet, own: Grouped, others: Ints | None, copies: Embeddings | None) -> Examples:
    rows = photo_set.training
    beside = None if others is None else others[rows]
    vectors, labels = taken(photo_set.table.filed, rows), photo_set.labels[rows]
    return Examples(vectors, labels, own.folds, beside, copies, apart=own.apart, groups=own.kept)


def _without_colours(grey: Grey, trained: Table, undone: Table) -> tuple[Embeddings, Array]:
    """Embeddings (t, width) and (d, width) of the photos of both tables, looked at without their colours."""
    with grey() as embedder:
        again = embedder.table([*trained.rows, *undone.rows])
    photoset.require_unchanged([*trained.sha256, *undone.sha256], again)
    every, first = np.arange(len(again.rows)), len(trained.rows)
    return taken(again.filed, every[:first]), again.filed[every[first:]].astype(np.float32)

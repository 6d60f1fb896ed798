"""The roads from photos to fitted heads: a network as it is, or one that is trained here. The recipe names the road.

Torch loads only in the modules of a network that is trained here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from goodsight.backbones import by_name
from goodsight.backbones.backbone import Backbone
from goodsight.catalog.rows import Catalog
from goodsight.embedding import photoset
from goodsight.embedding.embedder import Embedder
from goodsight.embedding.filed import taken
from goodsight.embedding.photoset import PhotoSet
from goodsight.embedding.table import Table
from goodsight.errors import EngineError
from goodsight.heads.network import Network
from goodsight.heads.scaler import Scaler
from goodsight.photos import words
from goodsight.progress import Progress
from goodsight.training import frozen, unfinished
from goodsight.training.fitted import Fitted
from goodsight.training.groups import Grouped, fingerprints_of
from goodsight.training.recipe import BRANDS, LITE0, TUNED, Recipe, Trained, TrainingSet

TWIN_SIZE = 128
"""For a network that is trained here, the default one only finds twins, for which small pictures do as well."""
MANY_CLASSES = 20
"""From so many on, a closer look at the centre is worth its time: on 81 classes of groceries it gave 8 points."""
LEAST_WITHOUT = 20
"""Photos without a brand that a threshold is learnt from, at least: one of them is a recall of 0.95."""


@dataclass(frozen=True)
class Start:
    """What every road begins with.

    Attributes:
        sets: the photos, one set for each attribute.
        grouped: twins and folds of each.
        embedder: what embedded them.
        undone: photos that a ledger dropped.

    """

    sets: tuple[PhotoSet, ...]
    grouped: tuple[Grouped, ...]
    embedder: Embedder
    undone: Table


@dataclass(frozen=True)
class Way:
    """Which road is gone, and how.

    Attributes:
        recipe: which network, and how; its views are decided.
        out: the model folder to be; what an unfinished training needs lies beside it.
        resume: go on with an unfinished training.
        budget: seconds for choosing a head.
        lap: told each step that is done.

    """

    recipe: Recipe
    out: Path
    resume: bool
    budget: float
    lap: Callable[[str], None]


def looks(recipe: Recipe, catalog: Catalog) -> int:
    """How often a photo is looked at: as the recipe says, else closely where there are many classes, or groups.

    A closer look carries over to photos from elsewhere: on clothing of other senders it gave two points.
    """
    if recipe.base != LITE0 or recipe.views:
        return recipe.views or 1
    if recipe.trained_here:
        from goodsight.training import device

        if device.is_whole(recipe):
            return 1
    most = max(len(catalog.classes(number)) for number in range(len(catalog.attributes)))
    return 2 if most >= MANY_CLASSES or any(row.group for row in catalog.rows) else 1


def first_network(recipe: Recipe, catalog: Catalog) -> Backbone:
    """The network that embeds the photos first: the recipe's own or, for one that is trained here, what finds twins.

    Raises:
        EngineError: it cannot be made.

    """
    if recipe.trained_here:
        return by_name.load(size=TWIN_SIZE)
    several = sum(not attribute.tag for attribute in catalog.attributes) > 1
    return by_name.load(
        recipe.network, size=recipe.size, views=recipe.views, colours=several and recipe.network == LITE0
    )


def fit(way: Way, start: Start, running: ExitStack) -> tuple[Embedder, tuple[Fitted, ...]]:
    """Go the way that a recipe names.

    Args:
        way: which road.
        start: the photos.
        running: closes an engine that is started on the way.

    Returns:
        What embeds photos for the heads, and a head for each attribute.

    Raises:
        EngineError: too few photos, or the network cannot be trained or run.
        CatalogError: a box lies beyond its photo, or a photo was changed meanwhile.

    """
    recipe, lap = way.recipe, way.lap
    if not recipe.trained_here:
        grey = frozen.grey_look(recipe, start.embedder)
        heads = frozen.fit(start.sets, start.grouped, start.embedder, start.undone, grey, way.budget, lap)
        return start.embedder, heads
    # There is one attribute: :func:`require_one` has seen to it.
    (photo_set,), (grouped,) = start.sets, start.grouped
    own = _train(way, photo_set, grouped, start.embedder)
    lap("train the network")
    limits, progress = start.embedder.limits, start.embedder.progress
    kept = start.embedder.cache is not None
    own_embedder = Embedder(own.backbone, limits=limits, cached=False, words_kept=kept, progress=progress)
    embedder = running.enter_context(own_embedder)
    again = embedder.table(photo_set.table.rows)
    lap("embed the photos again")
    return embedder, (_fitted(photoset.embedded_again(photo_set, again), grouped, own),)


def _fitted(photo_set: PhotoSet, grouped: Grouped, own: Trained) -> Fitted:
    """The network's own scores as a head."""
    scaler = Scaler.fit(taken(photo_set.table.filed, photo_set.training), own.backbone.blocks)
    scored = np.flatnonzero(np.isfinite(own.scores).all(axis=1))
    return Fitted(
        photo_set=photo_set,
        backbone=own.backbone,
        scaler=scaler,
        fingerprints=fingerprints_of(photo_set, scaler),
        found=grouped.found,
        groups=grouped.units,
        head=Network.of(scaler, own.backbone.columns("classes") or slice(0, 0)),
        scores=own.scores[scored],
        scored=scored,
        folds=own.folds,
        apart=grouped.near_folds is not None,
        network=own,
    )


def _train(way: Way, photo_set: PhotoSet, grouped: Grouped, first: Embedder) -> Trained:
    recipe = way.recipe
    chosen, table = photo_set.training, photo_set.table
    rows, digests = (tuple(column[i] for i in chosen) for column in (table.rows, table.sha256))
    none = photo_set.classes.index(recipe.none) if recipe.none else -1
    names = tuple(name if name != recipe.none else "" for name in photo_set.classes)
    labels, groups, kept = photo_set.labels[chosen], grouped.kept, first.cache is not None
    photos = TrainingSet(rows, labels, groups, first.limits, none, names, kept)
    require_photos(recipe, photos)
    folder = unfinished.note(way.out, recipe, photos, digests, resume=way.resume)
    return train_network(recipe, photos, folder, first.progress)


def require_one(recipe: Recipe, given: Catalog) -> None:
    """A network that is trained here answers for one attribute, and for brands with their names.

    Raises:
        EngineError: there are several, or a tag's yes and no.

    """
    if recipe.trained_here and len(given.attributes) > 1:
        raise EngineError(
            f"`network` {recipe.network}: a network that is trained here answers for one attribute, not for "
            f"{len(given.attributes)}; train one for each, or use lite0 as it is"
        )
    if recipe.network == BRANDS and given.attributes[0].tag:
        raise EngineError("`tags`: not for `network` brands; name a column with `label`")


def require(recipe: Recipe) -> None:
    """See that a recipe can be followed here, before anything is read.

    Raises:
        EngineError: an unknown device, a size that does not fit, or what is needed is not installed.

    """
    if not recipe.trained_here:
        return
    try:
        from goodsight.training import device, networks
    except ImportError as error:
        raise EngineError(
            f"`network` {recipe.network} is trained here, which needs {error.name}: install it with "
            "`pip install 'goodsight[networks]'`, on Linux without a GPU after "
            "`pip install torch --index-url https://download.pytorch.org/whl/cpu`, or leave `network` out"
        ) from error
    device.choose(recipe.device)
    if recipe.network == BRANDS:
        from goodsight.training import brand_network

        brand_network.require(recipe.size)
        if recipe.text:
            words.reader()
        return
    if device.is_whole(recipe) and recipe.views == 2:
        raise EngineError("`views` 2: not where the whole network is trained, as on a GPU; leave it out")
    networks.side(recipe.base, recipe.size)


def require_photos(recipe: Recipe, photos: TrainingSet) -> None:
    """See that there are enough photos, and that their boxes are in them.

    Raises:
        EngineError: there are not.
        CatalogError: a box lies beyond its photo.

    """
    from goodsight.training import device, whole

    if recipe.network == BRANDS:
        from goodsight.training import brands

        if len(set(photos.groups[photos.labels == photos.none].tolist())) < LEAST_WITHOUT:
            raise EngineError(
                f"`none`: fewer than {LEAST_WITHOUT} different photos that show none of the brands; give a folder of "
                "some hundred"
            )
        brands.require_boxes(photos)
    elif device.is_whole(recipe):
        whole.watched(photos.labels, photos.groups, 1)


def train_network(recipe: Recipe, photos: TrainingSet, folder: Path, progress: Progress) -> Trained:
    """Train a network.

    Args:
        recipe: which, and how.
        photos: on what.
        folder: for pixels, checkpoints and logs; a run that finds its own there goes on.
        progress: told about decoding and training.

    Raises:
        EngineError: as :func:`require`.
        CatalogError: a photo was changed meanwhile.

    """
    require(recipe)
    from goodsight.training import device, tuned, whole

    folder.mkdir(parents=True, exist_ok=True)
    if recipe.network == BRANDS:
        from goodsight.training import brands

        return brands.train(recipe, photos, folder, progress)
    if recipe.network == TUNED and not device.is_whole(recipe):
        return tuned.train(recipe, photos, max(1, recipe.views), folder, progress)
    return whole.train(recipe, photos, folder, progress)

"""Which way a network is trained here, and what it needs."""

from __future__ import annotations

from pathlib import Path

from goodsight.catalog.rows import Catalog
from goodsight.embedding.photoset import PhotoSet
from goodsight.errors import EngineError
from goodsight.photos.limits import Limits
from goodsight.progress import Progress
from goodsight.training import unfinished
from goodsight.training.groups import Grouped
from goodsight.training.recipe import Photos, Recipe, Trained

TWIN_SIZE = 128
"""For a network that is trained here, the default one only finds twins, for which small pictures do as well."""


def require_one(recipe: Recipe | None, given: Catalog) -> None:
    """A network that is trained here answers for one attribute, and for brands with their names."""
    if recipe and len(given.attributes) > 1:
        raise EngineError(
            f"a network that is trained here answers for one attribute, not for {len(given.attributes)}; "
            "train one for each, or use lite0 as it is"
        )
    if recipe and recipe.none and given.attributes[0].tag:
        raise EngineError("--tags: not for brands, which --none and --none-class train; name a column with --label")


def trained_here(
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
    """A network that is trained for a photo set, in its folder beside ``out``."""
    chosen, table = photo_set.training, photo_set.table
    rows, digests = (tuple(column[i] for i in chosen) for column in (table.rows, table.sha256))
    none = photo_set.classes.index(recipe.none) if recipe.none else -1
    photos = Photos(rows, photo_set.labels[chosen], grouped.found.groups[chosen], limits, none)
    require_photos(recipe, photos)
    folder = unfinished.note(out, recipe, photos, digests, resume=resume)
    return run(recipe, photos, views, folder, progress)


LEAST_WITHOUT = 20
"""Photos without a brand that a threshold is learnt from, at least: one of them is a recall of 0.95."""


def require(recipe: Recipe) -> None:
    """See that a recipe can be followed here.

    Raises:
        EngineError: an unknown network or device, a size that does not fit, or torch is not installed.

    """
    try:
        from goodsight.training import device, networks
    except ImportError as error:
        raise EngineError(f"training needs {error.name}: install it with `pip install 'goodsight[train]'`") from error
    if recipe.none:
        from goodsight.training import brand_network

        brand_network.require(recipe.size)
        return
    if device.is_whole(recipe) and recipe.views == 2:
        raise EngineError("--views 2: not where the whole network is trained, as on a GPU; leave it out")
    networks.side(recipe.network, recipe.size)


def require_photos(recipe: Recipe, photos: Photos) -> None:
    """See that there are enough photos, and that their boxes are in them.

    Raises:
        EngineError: there are not.
        CatalogError: a box lies beyond its photo.

    """
    from goodsight.training import device, whole

    if recipe.none:
        from goodsight.training import brands

        if len(set(photos.groups[photos.labels == photos.none].tolist())) < LEAST_WITHOUT:
            raise EngineError(
                f"--none: fewer than {LEAST_WITHOUT} different photos that show none of the brands; give a folder of "
                "some hundred"
            )
        brands.require_boxes(photos)
    elif device.is_whole(recipe):
        whole.watched(photos.labels, photos.groups, 1)


def run(recipe: Recipe, photos: Photos, views: int, folder: Path, progress: Progress) -> Trained:
    """Train a network.

    Args:
        recipe: which, and how.
        photos: on what.
        views: for fine-tuning on a CPU: 1, or 2 to look at the centre as well.
        folder: for pixels, checkpoints and logs; a run that finds its own there goes on.
        progress: told about decoding and training.

    Raises:
        EngineError: as :func:`require`.
        CatalogError: a photo was changed meanwhile.

    """
    require(recipe)
    from goodsight.training import device, tuned, whole

    folder.mkdir(parents=True, exist_ok=True)
    if recipe.none:
        from goodsight.training import brands

        return brands.train(recipe, photos, folder, progress)
    if device.is_whole(recipe):
        return whole.train(recipe, photos, folder, progress)
    return tuned.train(recipe, photos, views, folder, progress)

"""A model labels photos, or checks one against what was declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import overload

from goodsight.catalog.read import unlabelled
from goodsight.catalog.rows import Row
from goodsight.errors import CatalogError, GoodsightError
from goodsight.flow.ready import load
from goodsight.flow.work import USUAL, Work, opened, paths_of
from goodsight.model import verdicts
from goodsight.model.record import LoadedModel
from goodsight.model.verdicts import Check, Prediction
from goodsight.photos import places


def classify(model: str | Path | LoadedModel, *photos: str | Path, work: Work = USUAL) -> Iterator[Prediction]:
    """Label photos, in order. What is held of each photo is its name: pixels and embeddings are bounded.

    Args:
        model: a model folder, or a model that :func:`load` gave.
        photos: photos, folders (searched recursively), lists with a ``file_name`` column or tars; paths or addresses.
        work: how the work is done; photos are read with the limits of the model.

    Raises:
        ModelError: the model folder cannot be trusted.
        CatalogError: there is no such photo, folder or list, or no photo in them.
        GoodsightError: ``work`` names a cluster, whose answers come by shards: :func:`goodsight.classify_shards`.

    """
    if work.on:
        raise GoodsightError("`on`: classify answers in this process; classify_shards has a cluster fill a folder")
    sources = paths_of(photos)
    rows = list(chain.from_iterable(map(unlabelled, sources)))
    if not rows:
        raise CatalogError(
            f"{', '.join(map(str, sources)) or 'nothing given'}: no photos; give photos, folders or lists"
        )
    # Loaded now and not with the first photo, so that a folder that cannot be trusted is refused at once.
    loaded = load(model)
    return _each(loaded, rows, work, close=not isinstance(model, LoadedModel))


def _each(loaded: LoadedModel, rows: list[Row], work: Work, *, close: bool) -> Iterator[Prediction]:
    try:
        embedder = loaded.embedder(cached=work.cache, progress=work.progress)
        yield from verdicts.predict(loaded.model, embedder, rows, total=len(rows))
    finally:
        if close:
            loaded.engine.close()


@overload
def check(model: str | Path | LoadedModel, photo: str | Path, declared: str) -> Check: ...
@overload
def check(model: str | Path | LoadedModel, photo: str | Path, declared: Mapping[str, str]) -> dict[str, Check]: ...
def check(
    model: str | Path | LoadedModel, photo: str | Path, declared: str | Mapping[str, str]
) -> Check | dict[str, Check]:
    """Say whether a photo shows what was declared; see :func:`goodsight.model.verdicts.compare` for the verdicts.

    Args:
        model: a model folder, or a model that :func:`load` gave.
        photo: the photo: a path or an address.
        declared: the class of the only attribute, or those of some attributes by their names.

    Returns:
        The answer, or that for each attribute that something was declared of.

    Raises:
        ModelError: the model folder cannot be trusted, or has several attributes and one class was declared.
        CatalogError: there is no such photo, or the model has no such class or attribute.

    """
    path = places.of(photo)
    if isinstance(path, Path) and not path.is_file():
        raise CatalogError(f"{path}: there is no such photo")
    with opened(model) as loaded:
        row, embedder = Row(path.name, path), loaded.embedder(cached=False)
        if isinstance(declared, str):
            name = loaded.model.only(f"{loaded.folder}: one declared class").attribute.name
            return verdicts.check(loaded.model, embedder, row, {name: declared})[0]
        return dict(zip(declared, verdicts.check(loaded.model, embedder, row, declared), strict=True))

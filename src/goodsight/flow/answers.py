"""A model labels photos, or checks one against what was declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import overload

from goodsight.catalog.read import unlabelled
from goodsight.catalog.rows import Row
from goodsight.embedding.cache import Cache
from goodsight.errors import CatalogError
from goodsight.model import folder as model_folder
from goodsight.model import verdicts
from goodsight.model.record import LoadedModel
from goodsight.model.verdicts import Check, Prediction
from goodsight.progress import Progress, quiet


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
    rows = list(chain.from_iterable(unlabelled(Path(source)) for source in photos))
    if not rows:
        raise CatalogError(
            f"{', '.join(map(str, photos)) or 'nothing given'}: no photos; give photos, folders or lists"
        )
    loaded = load(model)
    known = Cache(loaded.models[0].backbone, loaded.engine) if cache else None
    return verdicts.predict(loaded, rows, cache=known, progress=progress, total=len(rows))


@overload
def check(model: str | Path | LoadedModel, photo: str | Path, declared: str) -> Check: ...


@overload
def check(model: str | Path | LoadedModel, photo: str | Path, declared: Mapping[str, str]) -> dict[str, Check]: ...


def check(
    model: str | Path | LoadedModel, photo: str | Path, declared: str | Mapping[str, str]
) -> Check | dict[str, Check]:
    """Say whether a photo shows what was declared; see :func:`goodsight.model.verdicts.judge` for the verdicts.

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


def load(model: str | Path | LoadedModel) -> LoadedModel:
    """A verified model with its engine running, for many calls of :func:`check` or :func:`classify`.

    Raises:
        ModelError: the model folder cannot be trusted.

    """
    return model if isinstance(model, LoadedModel) else model_folder.load(Path(model))

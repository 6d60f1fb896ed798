"""A model that is kept ready: many photos, in any form that Python holds them, without loading it again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from types import TracebackType
from typing import Any, overload

from goodsight.arrays import Array, Half
from goodsight.backbones.engine import Engine
from goodsight.catalog import held
from goodsight.catalog.held import Held
from goodsight.errors import GoodsightError
from goodsight.flow.results import Album, Checks, Predictions, stacked
from goodsight.model import folder as model_folder
from goodsight.model import verdicts
from goodsight.model.record import LoadedModel, Model
from goodsight.model.verdicts import Check, Prediction
from goodsight.photos.given import Photo, is_photo
from goodsight.progress import Progress, quiet, usual, watched

Declared = str | Mapping[str, str]
"""The class of the only attribute, or those of some attributes by their names."""


class Ready(LoadedModel):
    """A verified model with its engine running, for photos in any form; ``with`` closes the engine.

    A photo is a path, an address (``https://...``, ``s3://...``; needs the extra ``remote``), the bytes of a file, a
    picture of Pillow, or an array of uint8, height x width x 3 (RGB) or height x width (grey). Where one photo can
    stand a list of them can, and an iterator, which is read as answers are taken, a few batches ahead. All keep the
    model's limits. A photo that cannot be used is answered with its problem, and stops nothing.

    It may be used wherever a model folder may, and as the first step of a pipeline of scikit-learn.

    Args:
        model: what answers.
        engine: runs its network.
        folder: where it came from.
        progress: told about lists; else there is a bar on a terminal and in a notebook.

    """

    # No dataclass as its parent is: scikit-learn writes attributes of its own on every step of a pipeline.
    def __init__(self, model: Model, engine: Engine, folder: Path, progress: Progress = usual) -> None:
        super().__init__(model, engine, folder)
        self._progress = progress

    # A text is a sequence of texts to the type checker; here it is one photo, and the first signature wins.
    @overload
    def classify(self, photos: Photo) -> Prediction: ...  # type: ignore[overload-overlap]
    @overload
    def classify(self, photos: Sequence[Photo]) -> Predictions: ...
    @overload
    def classify(self, photos: Iterator[Photo]) -> Iterator[Prediction]: ...
    def classify(
        self, photos: Photo | Sequence[Photo] | Iterator[Photo]
    ) -> Prediction | Predictions | Iterator[Prediction]:
        """Label a photo, a list of them, or what an iterator gives.

        Raises:
            GoodsightError: something is no photo, or an address cannot be read because a package is not installed.

        """
        if is_photo(photos):
            return next(self._answers([photos], quiet))[0]
        if isinstance(photos, Iterator):
            return (said for said, _ in self._answers(photos, self._streaming))
        given, album = _list(photos), Album(self.model.limits)
        with watched(self._progress) as told:
            pairs = list(self._answers(given, told, album, total=len(given)))
        return Predictions([said for said, _ in pairs], [vector for _, vector in pairs], self.model, album)

    @overload
    def check(self, photos: Photo, declared: str) -> Check: ...  # type: ignore[overload-overlap]
    @overload
    def check(self, photos: Photo, declared: Mapping[str, str]) -> dict[str, Check]: ...  # type: ignore[overload-overlap]
    @overload
    def check(self, photos: Sequence[Photo], declared: str | Sequence[str]) -> Checks[Check]: ...
    @overload
    def check(
        self, photos: Sequence[Photo], declared: Mapping[str, str] | Sequence[Mapping[str, str]]
    ) -> Checks[dict[str, Check]]: ...
    @overload
    def check(self, photos: Iterator[Photo], declared: str | Sequence[str] | Iterator[str]) -> Iterator[Check]: ...
    @overload
    def check(
        self,
        photos: Iterator[Photo],
        declared: Mapping[str, str] | Sequence[Mapping[str, str]] | Iterator[Mapping[str, str]],
    ) -> Iterator[dict[str, Check]]: ...
    def check(self, photos: Any, declared: Any) -> Any:
        """Say whether photos show what was declared; see :func:`goodsight.model.verdicts.compare` for the verdicts.

        Args:
            photos: a photo, a list of them, or an iterator.
            declared: the class of the only attribute, or those of some attributes by their names; of a list or an
                iterator one for all, or one for each.

        Returns:
            The answer, or that for each attribute that something was declared of; of several photos a list or an
            iterator of them.

        Raises:
            CatalogError: the model has no such class or attribute.
            ModelError: the model has several attributes and one class was declared.
            GoodsightError: something is no photo, or not as many classes as photos are declared.

        """
        if is_photo(photos):
            self._require(declared)
            return self._checked(next(self._answers([photos], quiet))[0], declared)
        if isinstance(photos, Iterator):
            each = repeat(declared) if isinstance(declared, str | Mapping) else iter(declared)
            return self._each_checked(photos, each)
        given, album = _list(photos), Album(self.model.limits)
        wanted = [declared] * len(given) if isinstance(declared, str | Mapping) else list(declared)
        if len(wanted) != len(given):
            raise GoodsightError(f"`declared` {len(wanted)}: give one for all, or one for each of {len(given)} photos")
        for one in wanted:
            self._require(one)
        with watched(self._progress) as told:
            said = [prediction for prediction, _ in self._answers(given, told, album, total=len(given))]
        found = [self._checked(prediction, one) for prediction, one in zip(said, wanted, strict=True)]
        return Checks(found, [prediction.row.file_name for prediction in said], album)

    def embed(self, photos: Photo | Iterable[Photo]) -> Array:
        """Embeddings (n, width) of a photo, a list of them, or what an iterator gives; NaN for a bad photo.

        Raises:
            GoodsightError: something is no photo.

        """
        given = _several(photos)
        total = len(given) if isinstance(given, Sequence) else 0
        with watched(self._progress if total > 1 else quiet) as told:
            embedder = self.embedder(cached=False, progress=told)
            found = [each.vector for each in embedder.stream(held.rows(given), total=total, fingerprints=False)]
        return stacked(found, self.model.backbone.width)

    def fit(self, photos: object = None, labels: object = None) -> Ready:
        """Nothing to learn: the network is as it is. For pipelines of scikit-learn."""
        return self

    def transform(self, photos: Photo | Iterable[Photo]) -> Array:
        """As :meth:`embed`, under the name that scikit-learn calls."""
        return self.embed(photos)

    def close(self) -> None:
        """Wait for what is on its way, and free the engine."""
        self.engine.close()

    def __enter__(self) -> Ready:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __sklearn_clone__(self) -> Ready:
        """Scikit-learn copies a pipeline for each fold; there is nothing to copy, and one engine is enough."""
        return self

    @property
    def _streaming(self) -> Progress:
        """Nobody knows when an iterator is put aside, so that no bar is drawn for it unless it was asked for."""
        return quiet if self._progress is usual else self._progress

    def _answers(
        self, photos: Iterable[object], progress: Progress, album: Album | None = None, *, total: int = 0
    ) -> Iterator[tuple[Prediction, Half | None]]:
        """What the model says of each photo, and its embedding."""
        rows: Iterable[Held] = held.rows(photos)
        if album:
            rows = album.keep(rows)
        embedder = self.embedder(cached=False, progress=progress)
        for said, vector in verdicts.embedded(self.model, embedder, rows, total=total):
            yield replace(said, row=said.row.plain()) if isinstance(said.row, Held) else said, vector

    def _each_checked(
        self, photos: Iterator[object], declared: Iterator[Declared]
    ) -> Iterator[Check | dict[str, Check]]:
        for said, _ in self._answers(photos, self._streaming):
            try:
                one = next(declared)
            except StopIteration:
                raise GoodsightError(f"`declared`: ended before the photos, at {said.row.file_name}") from None
            yield self._checked(said, one)

    def _by_attribute(self, declared: Declared) -> Mapping[str, str]:
        if isinstance(declared, str):
            return {self.model.only(f"{self.folder}: one declared class").attribute.name: declared}
        return declared

    def _require(self, declared: Declared) -> None:
        verdicts.require_declared(self.model, self._by_attribute(declared))

    def _checked(self, prediction: Prediction, declared: Declared) -> Check | dict[str, Check]:
        wanted = self._by_attribute(declared)
        verdicts.require_declared(self.model, wanted)
        found = verdicts.checked(self.model, prediction, wanted)
        return found[0] if isinstance(declared, str) else dict(zip(wanted, found, strict=True))


def load(model: str | Path | LoadedModel, *, progress: Progress = usual) -> Ready:
    """A verified model with its engine running: it checks, labels and embeds photos without being loaded again.

    Args:
        model: a model folder, or a model that is loaded already, whose engine is shared.
        progress: told about lists of photos; else there is a bar on a terminal and in a notebook.

    Raises:
        ModelError: the model folder cannot be trusted.

    """
    if isinstance(model, Ready) and progress is usual:
        return model
    loaded = model if isinstance(model, LoadedModel) else model_folder.load(Path(model))
    return Ready(loaded.model, loaded.engine, loaded.folder, progress)


def _several(photos: object) -> Iterable[object]:
    """One photo or several as several.

    Raises:
        GoodsightError: it is neither a photo, nor a list of photos, nor an iterator.

    """
    if is_photo(photos):
        return [photos]
    return photos if isinstance(photos, Iterator) else _list(photos)


def _list(photos: object) -> Sequence[object]:
    """Photos as a list, from whatever holds them: a list, an array or a column of a data frame.

    Raises:
        GoodsightError: it holds nothing.

    """
    if isinstance(photos, list | tuple):
        return photos
    if isinstance(photos, Iterable):
        return list(photos)
    raise GoodsightError(f"photos are of type {type(photos).__name__}: give a photo, a list of photos or an iterator")

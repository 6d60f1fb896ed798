"""What a model that is kept ready said of several photos, for a notebook: a table with small pictures, a data frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np

from goodsight.arrays import Array, Half
from goodsight.catalog.held import Held
from goodsight.display import MOST, Tabular, table
from goodsight.model.record import Model
from goodsight.model.verdicts import Check, Prediction
from goodsight.photos import given
from goodsight.photos.limits import BadPhoto, Limits
from goodsight.photos.places import Address
from goodsight.report import predictions
from goodsight.report.thumbnails import data_uri, small

Answered = TypeVar("Answered", bound=Check | dict[str, Check])


class Album:
    """The photos that a table shows, small: the first :data:`goodsight.display.MOST` that were put in."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held: list[Held] = []
        self._pictures: list[str] | None = None

    def keep(self, rows: Iterable[Held]) -> Iterable[Held]:
        """The same rows; the first are kept as they go by."""
        for row in rows:
            if len(self._held) < MOST:
                self._held.append(row)
            yield row

    @property
    def pictures(self) -> list[str]:
        """Data URIs; '' for a bad photo, and for one behind an address, which is not fetched again."""
        if self._pictures is None:
            self._pictures = [self._picture(row) for row in self._held]
        return self._pictures

    def _picture(self, row: Held) -> str:
        if isinstance(row.path, Address):
            return ""
        try:
            return data_uri(small(*given.read(row.photo, self._limits)))
        except BadPhoto:
            return ""


class Predictions(Tabular, list[Prediction]):
    """Predictions in the order of the photos.

    Args:
        found: the predictions (n).
        vectors: the embedding of each (width,); None for a bad photo.
        model: that made them.
        album: the photos.

    """

    def __init__(self, found: Iterable[Prediction], vectors: Sequence[Half | None], model: Model, album: Album) -> None:
        super().__init__(found)
        self._vectors, self._model, self._album = vectors, model, album

    def summary(self) -> str:
        """How many photos there are of each verdict."""
        bad = sum(1 for each in self if each.problem)
        return f"{len(self)} photos: {_counted([each.verdict for each in self if not each.problem], bad)}"

    def records(self) -> list[dict[str, Any]]:
        """One record for each photo, with the columns of ``goodsight classify --out``."""
        return [predictions.record(each, self._model.judges, 0) for each in self]

    def embeddings(self) -> Array:
        """The embeddings (n, width); NaN for a bad photo."""
        return stacked(self._vectors, self._model.backbone.width)

    def _repr_html_(self) -> str:
        return table(self.records(), title=self.summary(), pictures=self._album.pictures)


class Checks(Tabular, list[Answered]):
    """Answers in the order of the photos: one each, or one by attribute.

    Args:
        found: the answers (n).
        names: of the photos (n).
        album: the photos.

    """

    def __init__(self, found: Iterable[Answered], names: Sequence[str], album: Album) -> None:
        super().__init__(found)
        self._names, self._album = names, album

    def summary(self) -> str:
        """How many answers there are of each verdict."""
        said = [check.verdict for each in self for _, check in _by_attribute(each)]
        return f"{len(self)} photos: {_counted([v for v in said if v], said.count(''))}"

    def records(self) -> list[dict[str, Any]]:
        """One record for each photo and attribute."""
        return [
            {"file_name": name} | ({"attribute": attribute} if attribute else {}) | asdict(check)
            for name, each in zip(self._names, self, strict=True)
            for attribute, check in _by_attribute(each)
        ]

    def _repr_html_(self) -> str:
        pictures: list[str] = []  # beside the first row of each photo
        for uri, each in zip(self._album.pictures, self, strict=False):
            pictures += [uri if number == 0 else "" for number, _ in enumerate(_by_attribute(each))]
        return table(self.records(), title=self.summary(), pictures=pictures)


def stacked(vectors: Sequence[Half | None], width: int) -> Array:
    """Embeddings as one array (n, width); NaN where there is none."""
    found = np.full((len(vectors), width), np.nan, np.float32)
    for row, vector in zip(found, vectors, strict=True):
        if vector is not None:
            row[:] = vector
    return found


def _by_attribute(answer: Check | Mapping[str, Check]) -> list[tuple[str, Check]]:
    return [("", answer)] if isinstance(answer, Check) else list(answer.items())


def _counted(verdicts: Sequence[str], bad: int) -> str:
    """Numbers of verdicts in one phrase, in the order in which they first come."""
    counts = [f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts)]
    return ", ".join([*counts, *[f"{bad} bad"] * (bad > 0)]) or "none"

"""What a model will be worth on photos that nobody has labelled."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from goodsight.arrays import Array
from goodsight.catalog.read import unlabelled
from goodsight.display import Tabular
from goodsight.embedding import twins
from goodsight.errors import CatalogError, ModelError
from goodsight.flow.work import USUAL, Work, drawn, leaks, opened, require_usable
from goodsight.measuring import expected
from goodsight.measuring.expected import Expected, Known
from goodsight.model.record import Judge, LoadedModel
from goodsight.photos import places
from goodsight.training.likeness import nearest, unit_length


@dataclass(frozen=True, repr=False)
class Forecast(Tabular):
    """What to expect of each attribute, by its name.

    Attributes:
        expected: the expectations.
        copies: photos that have a twin in training and were left out: their answers are known.
        bad: photos that could not be decoded and why.

    """

    expected: Mapping[str, Expected]
    copies: int
    bad: tuple[tuple[str, str], ...]

    def summary(self) -> str:
        """What accuracy to expect, a line for each attribute."""
        return "\n".join(
            f"{name}: expect accuracy {each.accuracy.value:.4f} [{each.accuracy.low:.4f}, {each.accuracy.high:.4f}] of "
            f"{each.n} photos, {each.decided:.1%} can be decided without a person"
            for name, each in self.expected.items()
        )

    def records(self) -> list[dict[str, Any]]:
        """One record for each attribute."""
        return [
            {
                "attribute": name,
                "n": each.n,
                "accuracy": each.accuracy.value,
                "accuracy_low": each.accuracy.low,
                "accuracy_high": each.accuracy.high,
                "decided": each.decided,
                "decided_error": each.error.value,
                "decided_error_low": each.error.low,
                "decided_error_high": each.error.high,
                "nearness": each.nearness,
                "known_nearness": each.known_nearness,
            }
            for name, each in self.expected.items()
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        each = {name: found.to_json() for name, found in self.expected.items()}
        return {"expected": each, "copies": self.copies, "bad_photos": [list(pair) for pair in self.bad]}


@drawn
def forecast(model: str | Path | LoadedModel, photos: str | Path, *, work: Work = USUAL) -> Forecast:
    """Say how right a model will be on photos without labels; see :mod:`goodsight.measuring.expected`.

    Args:
        model: a model folder, or a model that :func:`goodsight.load` gave.
        photos: a folder of photos, a list or a tar, from where the model will be used; a path or an address.
        work: how the work is done; photos are read with the limits of the model.

    Raises:
        ModelError: the model folder cannot be trusted, or was made before forecasts.
        CatalogError: there is no such folder, or no photo in it that is not a training photo.

    """
    source = places.of(photos)
    with opened(model) as loaded:
        known = loaded.model
        table = loaded.embedder(cached=work.cache, progress=work.progress).table(list(unlabelled(source)))
        require_usable(source, table)
        copies = leaks(known, table)[1]
        new = table.vectors[~copies]
        if not len(new):
            raise CatalogError(f"{source}: all {len(copies)} photos are copies of training photos; give new ones")
        trained = unit_length(known.training.sketches)
        near = nearest(unit_length(twins.sketch(known.scaler(new))), trained)
        found = {}
        for judge in known.judges:
            answers = _known(loaded, judge, trained)
            probabilities = judge.probabilities(new)
            confidence = probabilities[np.arange(len(new)), judge.given(probabilities)]
            found[judge.attribute.name] = expected.expect(answers, confidence, near, judge.threshold)
    return Forecast(found, int(copies.sum()), tuple((row.file_name, str(bad)) for row, bad in table.bad))


def _known(loaded: LoadedModel, judge: Judge, trained: Array) -> Known:
    """What training said of the photos that it had not seen, from the model folder; ``trained`` are their sketches."""
    path = loaded.folder / "predictions.csv"
    if not path.is_file():
        raise ModelError(f"{path}: is not there, and a forecast rests on it; train the model again")
    with path.open(encoding="utf-8", newline="", errors="surrogateescape") as stream:
        records = list(csv.DictReader(stream))
    training, name = loaded.model.training, judge.attribute.name
    place = {digest: i for i, digest in enumerate(training.sha256)}
    records = [each for each in records if each.get("attribute", name) == name and each["sha256"] in place]
    if len(records) < expected.LEAST:
        raise ModelError(
            f"{loaded.folder}: {len(records)} answers on photos that it had not seen are too few to forecast from; "
            f"{expected.LEAST} are needed"
        )
    folds = np.array([int(record["fold"]) for record in records])
    places = np.array([place[record["sha256"]] for record in records])
    # What is not in the list was trained on, whatever the fold.
    theirs = np.full(len(training.sha256), -1)
    theirs[places] = folds
    return Known(
        np.array([float(record["probability"]) for record in records]),
        nearest(trained[places], trained, folds, theirs),
        np.array([record["label"] == record["predicted"] for record in records]),
        np.array([int(record["twin_group"]) for record in records]),
    )

"""Photos and a model become predictions and verdicts. The only inference path: every command comes through here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
import numpy.typing as npt

from goodsight import embed
from goodsight.backbones import imagenet_names
from goodsight.catalog import Row
from goodsight.errors import CatalogError, did_you_mean
from goodsight.heads import Vectors
from goodsight.model import LoadedModel, Model
from goodsight.progress import Progress, quiet

Trust = Literal["sure", "unsure", "off-topic", ""]
Outcome = Literal["match", "mismatch", "unsure", "off-topic", ""]


@dataclass(frozen=True)
class Prediction:
    """What the model says of one photo.

    Attributes:
        row: the photo.
        label: the most likely class; '' for a bad photo.
        probability: its calibrated probability.
        verdict: ``sure`` when the label can be taken without a person, ``unsure``, ``off-topic``, '' for a bad photo.
        reason: why it is not sure, or what is wrong with the photo.
        probabilities: of each class (classes,), empty for a bad photo.
        p_values: conformal p-value of each class (classes,).

    """

    row: Row
    label: str
    probability: float
    verdict: Trust
    reason: str
    probabilities: npt.NDArray[np.float64]
    p_values: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Check:
    """The answer to "is this photo what was declared?"; ``probability`` and ``p_value`` are of the declared class."""

    verdict: Outcome
    declared: str
    label: str
    probability: float
    p_value: float
    reason: str


def predict(
    loaded: LoadedModel,
    rows: Iterable[Row],
    *,
    cache: embed.Cache | None = None,
    progress: Progress = quiet,
    total: int = 0,
) -> Iterator[Prediction]:
    """Predictions in the order of the photos, in bounded memory."""
    photos = embed.stream(
        rows,
        loaded.model.backbone,
        loaded.engine,
        cache=cache,
        limits=loaded.model.limits,
        progress=progress,
        total=total,
    )
    while batch := list(islice(photos, 4 * embed.BATCH)):
        vectors = [photo.vector for photo in batch if photo.vector is not None]
        answers = iter(
            _answers(loaded.model, [p.row for p in batch if p.bad is None], np.stack(vectors)) if vectors else ()
        )
        for photo in batch:
            if photo.bad is None:
                yield next(answers)
            else:
                nothing = np.empty(0)
                yield Prediction(photo.row, "", float("nan"), "", str(photo.bad), nothing, nothing)


def check(loaded: LoadedModel, row: Row, declared: str) -> Check:
    """Compare a photo with what was declared.

    * ``off-topic``: its on-topic p-value is at most the model's ``off_topic_alpha``;
    * ``mismatch``: the conformal p-value of the declared class is at most ``alpha`` and another class is more likely,
      so an honest photo is wrongly flagged at most ``alpha`` of the time;
    * ``match``: the declared class is the most likely and its probability reaches the model's threshold;
    * ``unsure``: neither can be said.

    Raises:
        CatalogError: the model has no such class.

    """
    classes = loaded.model.classes
    if declared not in classes:
        raise CatalogError(
            f"--declared {declared!r}: the model's classes are {', '.join(classes)}.{did_you_mean(declared, classes)}"
        )
    prediction = next(predict(loaded, [row]))
    if not prediction.label:
        return Check("", declared, "", float("nan"), float("nan"), prediction.reason)
    number = classes.index(declared)
    probability, p = float(prediction.probabilities[number]), float(prediction.p_values[number])
    verdict: Outcome = "unsure"
    reason = prediction.reason
    if prediction.verdict == "off-topic":
        verdict = "off-topic"
    elif p <= loaded.model.alpha and prediction.label != declared:
        verdict, reason = "mismatch", f"looks like {prediction.label}"
    elif prediction.label == declared and prediction.verdict == "sure":
        verdict, reason = "match", ""
    elif prediction.label != declared:
        reason = f"may be {prediction.label}, but {declared} cannot be ruled out"
    return Check(verdict, declared, prediction.label, probability, p, reason)


def _answers(model: Model, rows: list[Row], vectors: npt.NDArray[np.float16]) -> Iterator[Prediction]:
    probabilities = model.probabilities(vectors)
    p_values = model.p_values(probabilities)
    off_topic = model.on_topic_p(vectors) <= model.off_topic_alpha
    names = common_names(model, vectors)
    for i, row in enumerate(rows):
        best = int(probabilities[i].argmax())
        probability = float(probabilities[i, best])
        verdict: Trust = "sure"
        reason = ""
        if off_topic[i]:
            verdict, reason = "off-topic", f"looks like: {names[i]}" if names[i] else "looks like none of the classes"
        elif probability < model.threshold:
            verdict, reason = "unsure", f"may be {' or '.join(_candidates(model, probabilities[i], p_values[i]))}"
        yield Prediction(row, model.classes[best], probability, verdict, reason, probabilities[i], p_values[i])


def _candidates(
    model: Model, probabilities: npt.NDArray[np.float64], p_values: npt.NDArray[np.float64], most: int = 3
) -> list[str]:
    order = np.argsort(-probabilities)
    credible = [c for c in order if p_values[c] > model.alpha or c == order[0]]
    return [model.classes[c] for c in credible[:most]]


def common_names(model: Model, vectors: Vectors) -> list[str]:
    """What the network itself would call each photo, '' when it has no names."""
    columns = model.backbone.columns("imagenet")
    if columns is None:
        return [""] * len(vectors)
    return [imagenet_names()[i] for i in vectors[:, columns].argmax(axis=1)]

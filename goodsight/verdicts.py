"""Photos and a model become predictions and verdicts. The only inference path: every command comes through here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Literal

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from goodsight import embed
from goodsight.backbones import common_names
from goodsight.catalog import Row
from goodsight.errors import CatalogError, did_you_mean
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
        on_topic: p-value of being a photo like the training photos; NaN for a bad photo.

    """

    row: Row
    label: str
    probability: float
    verdict: Trust
    reason: str
    probabilities: npt.NDArray[np.float64]
    p_values: npt.NDArray[np.float64]
    on_topic: float


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
        fingerprints=False,
        limits=loaded.model.limits,
        progress=progress,
        total=total,
    )
    while batch := list(islice(photos, 4 * embed.BATCH)):
        vectors = [photo.vector for photo in batch if photo.vector is not None]
        good = iter(
            answers(loaded.model, [p.row for p in batch if p.bad is None], np.stack(vectors)) if vectors else ()
        )
        for photo in batch:
            if photo.bad is None:
                yield next(good)
            else:
                nothing = np.empty(0)
                yield Prediction(photo.row, "", float("nan"), "", str(photo.bad), nothing, nothing, float("nan"))


def check(loaded: LoadedModel, row: Row, declared: str) -> Check:
    """Compare a photo with what was declared; :func:`judge` says how.

    Raises:
        CatalogError: the model has no such class.

    """
    require_class(loaded.model, declared)
    prediction = next(predict(loaded, [row]))
    if not prediction.label:
        return Check("", declared, "", float("nan"), float("nan"), prediction.reason)
    return judge(loaded.model, prediction, declared)


def require_class(model: Model, declared: str) -> None:
    """Refuse what the model does not know.

    Raises:
        CatalogError: the model has no such class.

    """
    if declared not in model.classes:
        raise CatalogError(
            f"--declared {declared!r}: the model's classes are {', '.join(model.classes)}."
            f"{did_you_mean(declared, model.classes)}"
        )


def judge(model: Model, prediction: Prediction, declared: str) -> Check:
    """The verdict on a good photo.

    * ``off-topic``: its on-topic p-value is at most the model's ``off_topic_alpha``;
    * ``mismatch``: the conformal p-value of the declared class is at most ``alpha`` and another class is more likely,
      so an honest photo is wrongly flagged at most ``alpha`` of the time;
    * ``match``: the declared class is the most likely and its probability reaches the model's threshold;
    * ``unsure``: neither can be said.
    """
    number = model.classes.index(declared)
    probability, p = float(prediction.probabilities[number]), float(prediction.p_values[number])
    verdict: Outcome = "unsure"
    reason = prediction.reason
    if prediction.verdict == "off-topic":
        verdict = "off-topic"
    elif p <= model.alpha and prediction.label != declared:
        verdict, reason = "mismatch", f"looks like {prediction.label}"
    elif prediction.label == declared and prediction.verdict == "sure":
        verdict, reason = "match", ""
    elif prediction.label != declared:
        reason = f"may be {prediction.label}, but {declared} cannot be ruled out"
    return Check(verdict, declared, prediction.label, probability, p, reason)


def answers(model: Model, rows: Sequence[Row], vectors: npt.NDArray[np.float16]) -> list[Prediction]:
    """Predictions of good photos from their embeddings (n, width), in order."""
    # The network keeps all processors busy meanwhile: a second thread here would only spin and wait for its turn.
    with _threads().limit(limits=1, user_api="blas"):
        return list(_answers(model, rows, vectors))


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _answers(model: Model, rows: Sequence[Row], vectors: npt.NDArray[np.float16]) -> Iterator[Prediction]:
    probabilities = model.probabilities(vectors)
    p_values = model.p_values(probabilities)
    on_topic = model.on_topic_p(vectors)
    names = common_names(model.backbone, vectors)
    for i, row in enumerate(rows):
        best = int(probabilities[i].argmax())
        probability = float(probabilities[i, best])
        verdict: Trust = "sure"
        reason = ""
        if on_topic[i] <= model.off_topic_alpha:
            verdict, reason = "off-topic", f"looks like: {names[i]}" if names[i] else "looks like none of the classes"
        elif probability < model.threshold:
            verdict, reason = "unsure", f"may be {' or '.join(_candidates(model, probabilities[i], p_values[i]))}"
        yield Prediction(
            row, model.classes[best], probability, verdict, reason, probabilities[i], p_values[i], float(on_topic[i])
        )


def _candidates(
    model: Model, probabilities: npt.NDArray[np.float64], p_values: npt.NDArray[np.float64], most: int = 3
) -> list[str]:
    order = np.argsort(-probabilities)
    credible = [c for c in order if p_values[c] > model.alpha or c == order[0]]
    return [model.classes[c] for c in credible[:most]]

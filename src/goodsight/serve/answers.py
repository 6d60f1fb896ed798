"""The shapes of the API's answers, for the OpenAPI document and for clients made from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from goodsight.model.verdicts import Prediction
from goodsight.serve.memory import Sighting
from goodsight.serve.pipeline import Shown
from goodsight.serve.problems import MEDIA_TYPE
from goodsight.store import Checked, QueueStatistics


class ProblemDocument(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str


class SeenAnswer(BaseModel):
    """An earlier check whose photo is the same or a near copy; ``similarity`` is 0 to 1, and 1 for the same bytes."""

    id: str
    time: float
    similarity: float
    seller: str
    ad: str


class SearchAnswer(BaseModel):
    """The checks whose photos are most like one, the likest first."""

    photos: list[SeenAnswer]


class PostedAnswer(BaseModel):
    """An answer about a photo of a cluster, and where reviewers see the photo."""

    id: str
    time: float
    seller: str
    ad: str
    photo: str


class ClustersAnswer(BaseModel):
    """Photos that were posted again as near copies, the newest first."""

    clusters: list[list[PostedAnswer]]


class CheckAnswer(BaseModel):
    """Is the photo what was declared? ``probability`` and ``p_value`` are of the declared class."""

    id: str
    class_: str = Field(alias="class", description="The most likely class.")
    categories_matched: bool = Field(description="Whether the verdict is match.")
    verdict: str = Field(description="match, mismatch, unsure, off-topic or blocked.")
    declared: str
    probability: float
    p_value: float
    on_topic_p_value: float
    probabilities: dict[str, float]
    reason: str
    model: str
    model_id: str
    evidence: list[list[float]] | None = Field(
        description="With explain: where in the upright photo the class is seen, as rows from the top, 0 to 1; null "
        "without it, and for a network that does not say."
    )
    seen: list[SeenAnswer] = Field(description="Earlier checks of the same photo or a near copy, the likest first.")
    box: list[float] | None = Field(
        description="With explain, for a model of brands: left, top, right and bottom of what was seen, in fractions "
        "of the upright photo."
    )


class PredictionAnswer(BaseModel):
    """What one photo shows; ``problem`` says why it could not be used."""

    id: str
    class_: str = Field(alias="class")
    verdict: str = Field(description="sure, unsure, off-topic, blocked, or '' for a photo with a problem.")
    probability: float
    on_topic_p_value: float
    probabilities: dict[str, float]
    reason: str
    seen: list[SeenAnswer] = Field(description="Earlier checks of the same photo or a near copy, the likest first.")
    problem: ProblemDocument | None


class ClassifyAnswer(BaseModel):
    """Predictions in the order of the photos."""

    predictions: list[PredictionAnswer]
    model: str
    model_id: str


class ModelAnswer(BaseModel):
    """A model that is served; ``refused`` says why a newer version on disk is not."""

    name: str
    model_id: str
    classes: list[str]
    alpha: float
    precision: float
    loaded: float
    refused: str | None


class ModelsAnswer(BaseModel):
    """All models, the default first."""

    models: list[ModelAnswer]


class LineAnswer(BaseModel):
    """Something that was done: by whom, to what, and how it was decided or why."""

    number: int
    time: float
    who: str
    what: str
    about: str
    detail: str


class LogAnswer(BaseModel):
    """Who did what, oldest first; ask again after the last number for more."""

    lines: list[LineAnswer]


class AppealRequest(BaseModel):
    """Contest an answer."""

    id: str = Field(max_length=64, description="The id of the check.")
    note: str = Field("", max_length=2000, description="What the person who decides should know.")


class AppealAnswer(BaseModel):
    """The appeal was put in the queue."""

    id: str
    time: float


class DecisionRequest(BaseModel):
    """What a person decided: a class, or '' for none of these."""

    decision: str = Field(max_length=500)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Problem documents for the OpenAPI document."""
    return {s: {"model": ProblemDocument, "content": {MEDIA_TYPE: {}}, "description": "problem"} for s in statuses}


def check(checked: Checked, prediction: Prediction, seen: Sequence[Sighting], shown: Shown | None) -> dict[str, Any]:
    """A :class:`CheckAnswer`."""
    return {
        "id": checked.id,
        "class": checked.label,
        "categories_matched": checked.verdict == "match",
        "verdict": checked.verdict,
        "declared": checked.declared,
        "probability": checked.probabilities[checked.declared],
        "p_value": checked.p_value,
        "on_topic_p_value": prediction.on_topic,
        "probabilities": dict(checked.probabilities),
        "reason": checked.reason,
        "model": checked.model,
        "model_id": checked.model_id,
        "seen": sightings(seen),
        "evidence": shown and shown.evidence,
        "box": shown and shown.box,
    }


def prediction(checked: Checked, found: Prediction, seen: Sequence[Sighting]) -> dict[str, Any]:
    """A :class:`PredictionAnswer`."""
    return {
        "id": checked.id,
        "class": checked.label,
        "verdict": checked.verdict,
        "probability": checked.probability,
        "on_topic_p_value": found.on_topic,
        "probabilities": dict(checked.probabilities),
        "reason": checked.reason,
        "seen": sightings(seen),
        "problem": None,
    }


def no_prediction(problem: dict[str, Any]) -> dict[str, Any]:
    """A :class:`PredictionAnswer` for a photo that cannot be used."""
    nothing = {"id": "", "class": "", "verdict": "", "probability": 0.0, "on_topic_p_value": 0.0}
    return {**nothing, "probabilities": {}, "reason": "", "seen": [], "problem": problem}


def sightings(seen: Sequence[Sighting]) -> list[dict[str, Any]]:
    """Some :class:`SeenAnswer`."""
    return [dict(vars(each)) for each in seen]


def queue(found: QueueStatistics) -> dict[str, Any]:
    """The length and the agreement of the review queue."""
    return dict(vars(found))

"""The shapes of the API's answers, for the OpenAPI document and for clients made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from goodsight.serve.answered import Answered
from goodsight.serve.memory import Sighting
from goodsight.serve.models import Served
from goodsight.serve.pipeline import Shown
from goodsight.serve.problems import MEDIA_TYPE
from goodsight.serve.texts import Id, Line, Lines
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
    policy: str = Field(description="The policy that decided; '' for the model's own way.")
    action: str = Field(description="What is to be done: accept, refuse, or review (a person looks).")
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


class AttributeCheck(BaseModel):
    """Is one attribute of the photo what was declared? ``id`` contests this answer alone."""

    id: str
    class_: str = Field(alias="class", description="The most likely class; of a tag yes or no.")
    categories_matched: bool
    verdict: str = Field(description="match, mismatch, unsure, off-topic or blocked.")
    declared: str
    probability: float
    p_value: float
    probabilities: dict[str, float]
    reason: str
    policy: str = Field(description="The policy that decided; '' for the model's own way.")
    action: str = Field(description="What is to be done: accept, refuse, or review (a person looks).")
    evidence: list[list[float]] | None


class AttributesCheckAnswer(BaseModel):
    """The answer of a model of several attributes: is each that was declared so?"""

    id: str = Field(description="Of the check: it contests all answers that are no match.")
    categories_matched: bool = Field(description="Whether every verdict is match.")
    verdict: str = Field(description="The worst of all: blocked, off-topic, mismatch, unsure or match.")
    action: str = Field(description="The strictest of all: refuse, review or accept.")
    attributes: dict[str, AttributeCheck]
    trained: bool = Field(
        description="Whether the combination of labels that the photo seems to show was trained; where it was not, no "
        "verdict is match."
    )
    on_topic_p_value: float
    reason: str
    model: str
    model_id: str
    seen: list[SeenAnswer] = Field(description="Earlier checks of the same photo or a near copy, the likest first.")
    box: list[float] | None


class AttributePrediction(BaseModel):
    """What one photo shows of one attribute."""

    id: str
    class_: str = Field(alias="class", description="The most likely class; of a tag yes or no.")
    verdict: str = Field(description="sure, unsure, off-topic or blocked.")
    probability: float
    probabilities: dict[str, float]
    reason: str
    policy: str = Field(description="The policy that decided; '' for the model's own way.")
    action: str = Field(description="What is to be done: accept, refuse, or review (a person looks).")


class PredictionAnswer(BaseModel):
    """What one photo shows; ``problem`` says why it could not be used."""

    id: str
    class_: str = Field(alias="class")
    verdict: str = Field(description="sure, unsure, off-topic, blocked, or '' for a photo with a problem.")
    probability: float
    on_topic_p_value: float
    probabilities: dict[str, float]
    reason: str
    policy: str = Field(description="The policy that decided; '' for the model's own way.")
    action: str = Field(description="What is to be done: accept, refuse, review, or '' for a photo with a problem.")
    seen: list[SeenAnswer] = Field(description="Earlier checks of the same photo or a near copy, the likest first.")
    problem: ProblemDocument | None


class AttributesPredictionAnswer(BaseModel):
    """What one photo shows, by a model of several attributes; ``problem`` says why it could not be used."""

    id: str
    class_: str = Field(alias="class", description="All labels and the tags that hold, with spaces between.")
    verdict: str = Field(description="The worst of all, or '' for a photo with a problem.")
    action: str = Field(description="The strictest of all: refuse, review or accept; '' for a photo with a problem.")
    attributes: dict[str, AttributePrediction]
    trained: bool = Field(description="Whether this combination of labels was trained; where it was not, none is sure.")
    on_topic_p_value: float
    reason: str
    seen: list[SeenAnswer] = Field(description="Earlier checks of the same photo or a near copy, the likest first.")
    problem: ProblemDocument | None


class ClassifyAnswer(BaseModel):
    """Predictions in the order of the photos."""

    predictions: list[PredictionAnswer | AttributesPredictionAnswer]
    model: str
    model_id: str


class ModelAnswer(BaseModel):
    """A model that is served; ``refused`` says why a newer version on disk is not."""

    name: str
    model_id: str
    classes: list[str] | dict[str, list[str]] = Field(description="Of each attribute, where there are several.")
    tags: list[str] = Field(description="Which of the attributes are tags: their classes are yes and no.")
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

    id: Id = Field(description="The id of the check, or of the answer about one attribute.")
    note: Lines = Field("", max_length=2000, description="What the person who decides should know.")


class AppealAnswer(BaseModel):
    """The appeal was put in the queue."""

    id: str
    time: float


class DecisionRequest(BaseModel):
    """What a person decided: a class, or '' for none of these."""

    decision: Line = Field(max_length=500)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Problem documents for the OpenAPI document."""
    return {s: {"model": ProblemDocument, "content": {MEDIA_TYPE: {}}, "description": "problem"} for s in statuses}


def check(served: Served, answered: Answered, shown: Mapping[str, Shown]) -> dict[str, Any]:
    """A :class:`CheckAnswer`, or an :class:`AttributesCheckAnswer`."""
    whole = {
        "on_topic_p_value": answered.prediction.on_topic,
        "model": served.name,
        "model_id": served.model_id,
        "seen": sightings(answered.seen),
        "box": next((one.box for one in shown.values()), None),
    }
    parts = {one.attribute: _check(one, shown.get(one.attribute)) for one in answered.checked}
    if not served.several:
        return parts[""] | whole
    return whole | {
        "id": answered.id,
        "categories_matched": answered.verdict == "match",
        "verdict": answered.verdict,
        "action": answered.action,
        "attributes": parts,
        "trained": answered.prediction.trained,
        "reason": answered.reason,
    }


def _check(checked: Checked, shown: Shown | None) -> dict[str, Any]:
    return {
        "id": checked.id,
        "class": checked.label,
        "categories_matched": checked.verdict == "match",
        "verdict": checked.verdict,
        "declared": checked.declared,
        "probability": checked.probabilities[checked.declared],
        "p_value": checked.p_value,
        "probabilities": dict(checked.probabilities),
        "reason": checked.reason,
        "policy": checked.policy,
        "action": checked.action,
        "evidence": shown and shown.evidence,
    }


def prediction(served: Served, answered: Answered) -> dict[str, Any]:
    """A :class:`PredictionAnswer`, or an :class:`AttributesPredictionAnswer`."""
    found = answered.prediction
    whole = {"on_topic_p_value": found.on_topic, "seen": sightings(answered.seen), "problem": None}
    parts = {one.attribute: _prediction(one) for one in answered.checked}
    if not served.several:
        return parts[""] | whole
    said = {"id": answered.id, "class": found.label, "verdict": answered.verdict, "reason": answered.reason}
    return whole | said | {"action": answered.action, "attributes": parts, "trained": found.trained}


def _prediction(checked: Checked) -> dict[str, Any]:
    return {
        "id": checked.id,
        "class": checked.label,
        "verdict": checked.verdict,
        "probability": checked.probability,
        "probabilities": dict(checked.probabilities),
        "reason": checked.reason,
        "policy": checked.policy,
        "action": checked.action,
    }


def no_prediction(served: Served, problem: dict[str, Any]) -> dict[str, Any]:
    """What :func:`prediction` gives, for a photo that cannot be used."""
    nothing = {"id": "", "class": "", "verdict": "", "on_topic_p_value": 0.0, "reason": "", "action": "", "seen": []}
    one: dict[str, Any] = {"probability": 0.0, "probabilities": {}, "policy": ""}
    rest = {"attributes": {}, "trained": False} if served.several else one
    return nothing | rest | {"problem": problem}


def model(served: Served, refused: str | None) -> dict[str, Any]:
    """A :class:`ModelAnswer`."""
    classes = {served.attribute(judge): list(judge.classes) for judge in served.model.judges}
    return {
        "name": served.name,
        "model_id": served.model_id,
        "classes": classes if served.several else classes[""],
        "tags": [attribute.name for attribute in served.model.attributes if attribute.tag],
        "alpha": served.model.alpha,
        "precision": served.model.precision,
        "loaded": served.version.loaded,
        "refused": refused,
    }


def sightings(seen: Sequence[Sighting]) -> list[dict[str, Any]]:
    """Some :class:`SeenAnswer`."""
    return [dict(vars(each)) for each in seen]


def queue(found: QueueStatistics) -> dict[str, Any]:
    """The length and the agreement of the review queue."""
    return dict(vars(found))

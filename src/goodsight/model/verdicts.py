"""Photos and a model become predictions and verdicts. The only inference path: every command comes through here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from typing import Literal

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from goodsight.backbones.names import common_names
from goodsight.catalog.rows import LABEL, YES, Attribute, Row
from goodsight.embedding import stream
from goodsight.embedding.cache import Cache
from goodsight.errors import CatalogError, did_you_mean
from goodsight.model.record import LoadedModel, Model
from goodsight.progress import Progress, quiet

Trust = Literal["sure", "unsure", "off-topic", ""]


Outcome = Literal["match", "mismatch", "unsure", "off-topic", ""]


WORST_FIRST: tuple[Trust, ...] = ("", "off-topic", "unsure", "sure")


@dataclass(frozen=True)
class Answer:
    """What the model says of one attribute of a photo.

    Attributes:
        attribute: which.
        label: the most likely class; of a tag, "yes" when its probability reaches the tag's cut.
        probability: of that label, calibrated.
        verdict: ``sure`` when the label can be taken without a person, ``unsure`` or ``off-topic``.
        reason: why it is not sure.
        probabilities: of each class (classes,).
        p_values: conformal p-value of each class (classes,).

    """

    attribute: Attribute
    label: str
    probability: float
    verdict: Trust
    reason: str
    probabilities: npt.NDArray[np.float64]
    p_values: npt.NDArray[np.float64]

    @property
    def given(self) -> str:
        """The label in words: of a tag its name, or '' when it is not given."""
        if self.attribute.tag:
            return self.attribute.name if self.label == YES else ""
        return self.label


_NOTHING = np.empty(0)


_NO_ANSWER = Answer(LABEL, "", float("nan"), "", "", _NOTHING, _NOTHING)


@dataclass(frozen=True)
class Prediction:
    """What the model says of one photo.

    The properties say it in one word each; of a model with one attribute they are those of the only answer.

    Attributes:
        row: the photo.
        answers: one for each attribute; none for a bad photo.
        on_topic: p-value of being a photo like the training photos; NaN for a bad photo.
        problem: what is wrong with a bad photo.
        trained: whether this combination of labels was trained; only then is "sure" known to hold.
        place: where the answer is seen: left, top, right and bottom in fractions of the square that the network is
            given; None when the network does not say.

    """

    row: Row
    answers: tuple[Answer, ...]
    on_topic: float
    problem: str = ""
    trained: bool = True
    place: tuple[float, float, float, float] | None = None

    @property
    def label(self) -> str:
        """The labels and tags, with spaces between; '' for a bad photo."""
        return " ".join(answer.given for answer in self.answers if answer.given) or ("-" if self.answers else "")

    @property
    def probability(self) -> float:
        """Of the least likely of the labels; NaN for a bad photo."""
        return min((answer.probability for answer in self.answers), default=float("nan"))

    @property
    def verdict(self) -> Trust:
        """The worst of all verdicts; '' for a bad photo."""
        return min((answer.verdict for answer in self.answers), key=WORST_FIRST.index, default="")

    @property
    def reason(self) -> str:
        """Why it is not sure, or what is wrong with a bad photo."""
        several = len(self.answers) > 1 and self.verdict != "off-topic"
        # What is said of the combination is said once, and of no attribute.
        whole = "" if self.trained else _never_trained(self.answers)
        said = (
            f"{a.attribute.name}: {a.reason}" if several and a.reason != whole else a.reason
            for a in self.answers
            if a.reason
        )
        return self.problem or "; ".join(dict.fromkeys(said))

    @property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """Of each class of the first attribute (classes,), empty for a bad photo."""
        return self._first.probabilities

    @property
    def p_values(self) -> npt.NDArray[np.float64]:
        """Conformal p-value of each class of the first attribute (classes,)."""
        return self._first.p_values

    @property
    def _first(self) -> Answer:
        return self.answers[0] if self.answers else _NO_ANSWER


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
    cache: Cache | None = None,
    progress: Progress = quiet,
    total: int = 0,
) -> Iterator[Prediction]:
    """Predictions in the order of the photos, in bounded memory."""
    shared = loaded.models[0]
    photos = stream.stream(
        rows,
        shared.backbone,
        loaded.engine,
        cache=cache,
        fingerprints=False,
        limits=shared.limits,
        progress=progress,
        total=total,
    )
    while batch := list(islice(photos, 4 * stream.BATCH)):
        vectors = [photo.vector for photo in batch if photo.vector is not None]
        good = iter(answers(loaded, [p.row for p in batch if p.bad is None], np.stack(vectors)) if vectors else ())
        for photo in batch:
            yield next(good) if photo.bad is None else Prediction(photo.row, (), float("nan"), str(photo.bad))


def check(loaded: LoadedModel, row: Row, declared: Mapping[str, str]) -> list[Check]:
    """Compare a photo with what was declared of some attributes, one answer each; :func:`judge` says how.

    Raises:
        CatalogError: the model has no such attribute or class.

    """
    models = {model.attribute.name: model for model in loaded.models}
    for attribute, label in declared.items():
        if attribute not in models:
            raise CatalogError(
                f"--declared {attribute}={label}: the model answers for {', '.join(models)}."
                f"{did_you_mean(attribute, models)}"
            )
        require_class(models[attribute], label)
    prediction = next(predict(loaded, [row]))
    if prediction.problem:
        nothing = float("nan")
        return [Check("", label, "", nothing, nothing, prediction.problem) for label in declared.values()]
    answered = {answer.attribute.name: answer for answer in prediction.answers}
    return [judge(models[attribute], answered[attribute], label) for attribute, label in declared.items()]


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


def judge(model: Model, prediction: Prediction | Answer, declared: str) -> Check:
    """The verdict on a good photo: what was answered against what was declared.

    * ``off-topic``: its on-topic p-value is at most the model's ``off_topic_alpha``, and no class means "none";
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


def answers(loaded: LoadedModel, rows: Sequence[Row], vectors: npt.NDArray[np.float16]) -> list[Prediction]:
    """Predictions of good photos from their embeddings (n, width), in order."""
    # The network keeps all processors busy meanwhile: a second thread here would only spin and wait for its turn.
    with _threads().limit(limits=1, user_api="blas"):
        shared = loaded.models[0]
        on_topic = shared.on_topic_p(vectors)
        names = common_names(shared.backbone, vectors)
        columns = [list(_answers(model, vectors, on_topic, names)) for model in loaded.models]
        found = zip(rows, zip(*columns, strict=True), on_topic.tolist(), _places(shared, vectors), strict=True)
        return [_prediction(loaded, *each) for each in found]


def _places(model: Model, vectors: npt.NDArray[np.float16]) -> list[tuple[float, float, float, float] | None]:
    """Where the network saw what it answers, if it says so in a block called ``place``."""
    columns = model.backbone.columns("place")
    if columns is None:
        return [None] * len(vectors)
    return [(left, top, right, bottom) for left, top, right, bottom in vectors[:, columns].astype(float).tolist()]


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _prediction(
    loaded: LoadedModel,
    row: Row,
    answered: tuple[Answer, ...],
    on_topic: float,
    place: tuple[float, float, float, float] | None,
) -> Prediction:
    labels = _labels(answered)
    if len(labels) < 2 or labels in loaded.combinations:
        # Where there is nothing, there is no place either.
        nothing = loaded.models[0].none and labels[:1] == (loaded.models[0].none,)
        return Prediction(row, answered, on_topic, place=None if nothing else place)
    reason = _never_trained(answered)
    doubted = (replace(a, verdict="unsure", reason=reason) if a.verdict == "sure" else a for a in answered)
    return Prediction(row, tuple(doubted), on_topic, trained=False)


def _labels(answered: Sequence[Answer]) -> tuple[str, ...]:
    """The combination of labels that is answered, without tags."""
    return tuple(answer.label for answer in answered if not answer.attribute.tag)


def _never_trained(answered: Sequence[Answer]) -> str:
    return f"{' '.join(_labels(answered))} was never trained"


def _answers(
    model: Model, vectors: npt.NDArray[np.float16], on_topic: npt.NDArray[np.float64], names: Sequence[str]
) -> Iterator[Answer]:
    probabilities = model.probabilities(vectors)
    p_values = model.p_values(probabilities)
    for i, best in enumerate(model.given(probabilities).tolist()):
        probability = float(probabilities[i, best])
        verdict: Trust = "sure"
        reason = ""
        # Where "none of these" is an answer of its own, a photo that is like no training photo gets an answer too.
        if not model.none and on_topic[i] <= model.off_topic_alpha:
            verdict, reason = "off-topic", f"looks like: {names[i]}" if names[i] else "looks like none of the classes"
        elif probability < model.threshold:
            verdict, reason = "unsure", f"may be {' or '.join(_candidates(model, best, probabilities[i], p_values[i]))}"
        yield Answer(model.attribute, model.classes[best], probability, verdict, reason, probabilities[i], p_values[i])


def _candidates(
    model: Model, best: int, probabilities: npt.NDArray[np.float64], p_values: npt.NDArray[np.float64], most: int = 3
) -> list[str]:
    """The answer and what else is credible, the likelier first."""
    order = np.argsort(-probabilities)
    credible = [best, *(c for c in order if p_values[c] > model.alpha and c != best)]
    return [model.classes[c] for c in credible[:most]]

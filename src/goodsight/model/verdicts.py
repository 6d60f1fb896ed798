"""Embeddings and a model become predictions and verdicts: :func:`answers` is the only way to an answer.

Commands and the Python API come through :func:`predict` or :func:`check`; the service, which decodes in processes of
its own, gives its embeddings to :func:`answers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import islice
from typing import Any, Literal

import numpy as np
from threadpoolctl import ThreadpoolController

from goodsight.arrays import Bools, Doubles, Half
from goodsight.backbones.names import common_names
from goodsight.catalog.rows import LABEL, YES, Attribute, Row
from goodsight.display import Tabular
from goodsight.embedding.embedder import BATCH, Embedder
from goodsight.errors import CatalogError, did_you_mean
from goodsight.model.record import Judge, Model

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
    probabilities: Doubles
    p_values: Doubles

    def __repr__(self) -> str:
        said = f"{self.attribute.name}: {self.label} {self.probability:.3f}, {self.verdict}"
        return f"Answer({said}, {self.reason})" if self.reason else f"Answer({said})"

    @property
    def given(self) -> str:
        """The label in words: of a tag its name, or '' when it is not given."""
        if self.attribute.tag:
            return self.attribute.name if self.label == YES else ""
        return self.label


_NOTHING = np.empty(0)


_NO_ANSWER = Answer(LABEL, "", float("nan"), "", "", _NOTHING, _NOTHING)


@dataclass(frozen=True, repr=False)
class Prediction(Tabular):
    """What the model says of one photo.

    The properties say it in one word each.

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

    def summary(self) -> str:
        """The photo, what it shows, and why that is not sure."""
        said = "" if self.problem else f"{self.label} {self.probability:.3f}, {self.verdict}"
        return f"{self.row.file_name!r}: {', '.join(part for part in (said, self.reason) if part)}"

    def records(self) -> list[dict[str, Any]]:
        """One record for each attribute, or one for a bad photo."""
        name = {"file_name": self.row.file_name}
        if self.problem:
            return [name | {"problem": self.problem}]
        return [
            name
            | {"attribute": each.attribute.name, "label": each.label, "probability": each.probability}
            | {"verdict": each.verdict, "reason": each.reason}
            for each in self.answers
        ]

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


@dataclass(frozen=True, repr=False)
class Check(Tabular):
    """The answer to "is this photo what was declared?"; ``probability`` and ``p_value`` are of the declared class."""

    verdict: Outcome
    declared: str
    label: str
    probability: float
    p_value: float
    reason: str

    def summary(self) -> str:
        """The verdict, why, and the figures of what was declared."""
        said = [self.verdict or "no answer", *([self.reason] if self.reason else [])]
        figures = f"declared {self.declared}: probability {self.probability:.3f}, p-value {self.p_value:.3f}"
        return "; ".join([*said, figures] if self.verdict else said)

    def records(self) -> list[dict[str, Any]]:
        """One record."""
        return [asdict(self)]


def predict(model: Model, embedder: Embedder, rows: Iterable[Row], *, total: int = 0) -> Iterator[Prediction]:
    """Predictions in the order of the photos, in bounded memory.

    Args:
        model: what answers.
        embedder: of its network.
        rows: the photos; read lazily.
        total: how many there are, 0 when that is not known.

    """
    return (said for said, _ in embedded(model, embedder, rows, total=total))


def embedded(
    model: Model, embedder: Embedder, rows: Iterable[Row], *, total: int = 0
) -> Iterator[tuple[Prediction, Half | None]]:
    """As :func:`predict`, each with the embedding (width,) that it was made of; None for a bad photo."""
    photos = embedder.stream(rows, total=total, fingerprints=False)
    while batch := list(islice(photos, 4 * BATCH)):
        vectors = [photo.vector for photo in batch if photo.vector is not None]
        good = iter(answers(model, [p.row for p in batch if p.bad is None], np.stack(vectors)) if vectors else ())
        for photo in batch:
            bad = Prediction(photo.row, (), float("nan"), str(photo.bad))
            yield (next(good) if photo.bad is None else bad), photo.vector


def check(model: Model, embedder: Embedder, row: Row, declared: Mapping[str, str]) -> list[Check]:
    """Compare a photo with what was declared of some attributes, one answer each; :func:`compare` says how.

    Raises:
        CatalogError: the model has no such attribute or class.

    """
    require_declared(model, declared)
    return checked(model, next(predict(model, embedder, [row])), declared)


def require_declared(model: Model, declared: Mapping[str, str]) -> None:
    """The model can compare what was declared, class by attribute.

    Raises:
        CatalogError: it has no such attribute or class.

    """
    judges = {judge.attribute.name: judge for judge in model.judges}
    for attribute, label in declared.items():
        if attribute not in judges:
            raise CatalogError(
                f"`declared` {attribute}={label}: the model answers for {', '.join(judges)}."
                f"{did_you_mean(attribute, judges)}"
            )
        _require_class(judges[attribute], label)


def checked(model: Model, prediction: Prediction, declared: Mapping[str, str]) -> list[Check]:
    """What was said of a photo against what was declared of some attributes, which the model has, one answer each."""
    judges = {judge.attribute.name: judge for judge in model.judges}
    if prediction.problem:
        nothing = float("nan")
        return [Check("", label, "", nothing, nothing, prediction.problem) for label in declared.values()]
    answered = {answer.attribute.name: answer for answer in prediction.answers}
    return [compare(model, judges[name], answered[name], label) for name, label in declared.items()]


def _require_class(judge: Judge, declared: str) -> None:
    if declared not in judge.classes:
        raise CatalogError(
            f"`declared` {declared!r}: the model's classes are {', '.join(judge.classes)}."
            f"{did_you_mean(declared, judge.classes)}"
        )


def compare(model: Model, judge: Judge, answer: Answer, declared: str) -> Check:
    """The verdict on a good photo: what was answered of one attribute against what was declared.

    * ``off-topic``: its on-topic p-value is at most the model's ``off_topic_alpha``, and no class means "none";
    * ``mismatch``: the conformal p-value of the declared class is at most ``alpha`` and another class is more likely,
      so an honest photo is wrongly flagged at most ``alpha`` of the time;
    * ``match``: the declared class is the most likely and its probability reaches the judge's threshold;
    * ``unsure``: neither can be said.
    """
    number = judge.classes.index(declared)
    probability, p = float(answer.probabilities[number]), float(answer.p_values[number])
    verdict: Outcome = "unsure"
    reason = answer.reason
    if answer.verdict == "off-topic":
        verdict = "off-topic"
    elif p <= model.alpha and answer.label != declared:
        verdict, reason = "mismatch", f"looks like {answer.label}"
    elif answer.label == declared and answer.verdict == "sure":
        verdict, reason = "match", ""
    elif answer.label != declared:
        reason = f"may be {answer.label}, but {declared} cannot be ruled out"
    return Check(verdict, declared, answer.label, probability, p, reason)


def answers(model: Model, rows: Sequence[Row], vectors: Half) -> list[Prediction]:
    """Predictions of good photos from their embeddings (n, width), in order."""
    # The network keeps all processors busy meanwhile: a second thread here would only spin and wait for its turn.
    with _threads().limit(limits=1, user_api="blas"):
        on_topic = model.on_topic_p(vectors)
        names = common_names(model.backbone, vectors)
        columns = [list(_answers(model, judge, vectors, on_topic, names)) for judge in model.judges]
        found = zip(rows, zip(*columns, strict=True), on_topic.tolist(), _places(model, vectors), strict=True)
        return [_prediction(model, *each) for each in found]


def _places(model: Model, vectors: Half) -> list[tuple[float, float, float, float] | None]:
    """Where the network saw what it answers, if it says so in a block called ``place``."""
    columns = model.backbone.columns("place")
    if columns is None:
        return [None] * len(vectors)
    return [(left, top, right, bottom) for left, top, right, bottom in vectors[:, columns].astype(float).tolist()]


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _prediction(
    model: Model,
    row: Row,
    answered: tuple[Answer, ...],
    on_topic: float,
    place: tuple[float, float, float, float] | None,
) -> Prediction:
    labels = _labels(answered)
    if len(labels) < 2 or labels in model.combinations:
        # Where there is nothing, there is no place either.
        nothing = any(j.none and a.label == j.none for j, a in zip(model.judges, answered, strict=True))
        return Prediction(row, answered, on_topic, place=None if nothing else place)
    reason = _never_trained(answered)
    doubted = (replace(a, verdict="unsure", reason=reason) if a.verdict == "sure" else a for a in answered)
    return Prediction(row, tuple(doubted), on_topic, trained=False)


def _labels(answered: Sequence[Answer]) -> tuple[str, ...]:
    """The combination of labels that is answered, without tags."""
    return tuple(answer.label for answer in answered if not answer.attribute.tag)


def _never_trained(answered: Sequence[Answer]) -> str:
    return f"{' '.join(_labels(answered))} was never trained"


def _answers(model: Model, judge: Judge, vectors: Half, on_topic: Doubles, names: Sequence[str]) -> Iterator[Answer]:
    probabilities = judge.probabilities(vectors)
    p_values = judge.p_values(probabilities)
    for i, best in enumerate(judge.given(probabilities).tolist()):
        probability = float(probabilities[i, best])
        verdict: Trust
        # Where "none of these" is an answer of its own, a photo that is like no training photo gets an answer too.
        if not judge.none and on_topic[i] <= model.off_topic_alpha:
            verdict, reason = "off-topic", f"looks like: {names[i]}" if names[i] else "looks like none of the classes"
        else:
            verdict, reason = trusted(judge, best, probabilities[i], p_values[i], model.alpha)
        yield Answer(judge.attribute, judge.classes[best], probability, verdict, reason, probabilities[i], p_values[i])


def trusted(judge: Judge, best: int, probabilities: Doubles, p_values: Doubles, alpha: float) -> tuple[Trust, str]:
    """Whether an answer can be taken without a person, by the judge's threshold, and why not.

    Args:
        judge: what answered.
        best: the class number of the answer.
        probabilities: of each class (classes,).
        p_values: conformal p-value of each class (classes,).
        alpha: classes of a higher p-value are named beside the answer.

    """
    if probabilities[best] >= judge.threshold:
        return "sure", ""
    return "unsure", f"may be {' or '.join(_candidates(judge, best, probabilities, p_values > alpha))}"


def _candidates(judge: Judge, best: int, probabilities: Doubles, credible: Bools, most: int = 3) -> list[str]:
    """The answer and what else is credible, the likelier first."""
    order = np.argsort(-probabilities)
    shown = [best, *(c for c in order if credible[c] and c != best)]
    return [judge.classes[c] for c in shown[:most]]

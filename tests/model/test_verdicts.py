"""Every verdict at its boundary, on probabilities and p-values that are made up."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from goodsight.catalog.rows import LABEL, Row
from goodsight.errors import CatalogError
from goodsight.model import verdicts
from goodsight.model.record import LoadedModel, Model
from goodsight.model.verdicts import Answer, Prediction, Trust


def _answer(likely: str, verdict: Trust, p: dict[str, float]) -> Answer:
    names = ("bag", "lamp", "mug", "shoe")
    probabilities = np.array([0.7 if name == likely else 0.1 for name in names])
    p_values = np.array([p.get(name, 0.5) for name in names])
    return Answer(LABEL, likely, 0.7, verdict, "why", probabilities, p_values)


@pytest.mark.parametrize(
    ("likely", "trust", "p", "outcome", "reason"),
    [
        ("bag", "sure", 0.5, "match", ""),
        ("bag", "sure", 0.0, "match", ""),  # the most likely class is no mismatch, however unusual the photo
        ("bag", "unsure", 0.5, "unsure", "why"),
        ("mug", "sure", 0.05, "mismatch", "looks like mug"),
        ("mug", "unsure", 0.05, "mismatch", "looks like mug"),
        ("mug", "sure", 0.0501, "unsure", "may be mug, but bag cannot be ruled out"),
        ("mug", "off-topic", 0.0, "off-topic", "why"),
        ("bag", "off-topic", 0.5, "off-topic", "why"),
    ],
)
def test_what_was_declared_against_what_is_seen(
    loaded: LoadedModel, likely: str, trust: Trust, p: float, outcome: str, reason: str
) -> None:
    model = replace(loaded.model, alpha=0.05)
    check = verdicts.compare(model, model.judges[0], _answer(likely, trust, {"bag": p}), "bag")
    assert (check.verdict, check.reason, check.label) == (outcome, reason, likely)
    assert check.p_value == p
    assert check.probability == (0.7 if likely == "bag" else 0.1)


def _predict(loaded: LoadedModel, model: Model, photo: Path) -> Prediction:
    (found,) = verdicts.predict(model, loaded.embedder(), [Row("x", photo)])
    return found


def test_the_threshold_and_the_off_topic_level_decide(loaded: LoadedModel, sound: dict[str, list[Path]]) -> None:
    photo, (judge,) = sound["bag"][0], loaded.model.judges
    found = _predict(loaded, loaded.model, photo)

    def verdict(*, threshold: float, off_topic_alpha: float) -> Trust:
        changed = (replace(judge, threshold=threshold),)
        return _predict(loaded, replace(loaded.model, judges=changed, off_topic_alpha=off_topic_alpha), photo).verdict

    assert verdict(threshold=found.probability, off_topic_alpha=0.0) == "sure"
    assert verdict(threshold=found.probability + 1e-9, off_topic_alpha=0.0) == "unsure"
    assert verdict(threshold=0.0, off_topic_alpha=found.on_topic) == "off-topic"


@pytest.mark.parametrize(("none", "expected"), [("", "off-topic"), ("lamp", "sure")])
def test_where_none_is_an_answer_nothing_is_off_topic(
    loaded: LoadedModel, sound: dict[str, list[Path]], none: str, expected: str
) -> None:
    judge = replace(loaded.model.judges[0], none=none, threshold=0.0)
    found = _predict(loaded, replace(loaded.model, judges=(judge,), off_topic_alpha=1.0), sound["bag"][0])
    assert (found.verdict, found.answers[0].label) == (expected, "bag")


def test_an_unknown_class_is_said_with_what_was_meant(loaded: LoadedModel) -> None:
    with pytest.raises(
        CatalogError, match=r"'bagg': the model's classes are bag, lamp, mug, shoe\. Did you mean 'bag'"
    ):
        verdicts.check(loaded.model, loaded.embedder(), Row("x", Path("x.jpg")), {"label": "bagg"})


def test_an_unknown_attribute_is_said_with_what_was_meant(loaded: LoadedModel) -> None:
    with pytest.raises(
        CatalogError, match=r"^`declared` lable=bag: the model answers for label\. Did you mean 'label'\?$"
    ):
        verdicts.check(loaded.model, loaded.embedder(), Row("x", Path("x.jpg")), {"lable": "bag"})


def test_an_answer_is_the_same_whatever_its_neighbours(loaded: LoadedModel, sound: dict[str, list[Path]]) -> None:
    """The same bits alone, among a few, and at any place among a thousand."""
    photos = [Row(path.name, path) for paths in sound.values() for path in paths[:4]]
    vectors = np.stack([photo.vector for photo in loaded.embedder().stream(photos) if photo.vector is not None])
    several = vectors[np.random.default_rng(0).integers(len(vectors), size=1000)]

    def said(chosen: slice) -> list[tuple[bytes, bytes, float]]:
        rows = [Row(str(i), Path(str(i))) for i in range(1000)][chosen]
        found = verdicts.answers(loaded.model, rows, several[chosen])
        return [(p.answers[0].probabilities.tobytes(), p.answers[0].p_values.tobytes(), p.on_topic) for p in found]

    every = said(slice(0, 1000))
    assert len({probabilities for probabilities, _, _ in every}) == len(vectors)
    for count in (1, 7, 64):
        for start in (0, 5, 333):
            assert said(slice(start, start + count)) == every[start : start + count]

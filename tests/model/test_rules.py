"""Policies decide answers that are made up, and their thresholds rest on answers that are written by hand."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from goodsight.catalog.rows import Attribute, Row
from goodsight.errors import GoodsightError, ModelError
from goodsight.heads.calibrate import threshold_for
from goodsight.model import rules
from goodsight.model.policy import Policies, Policy
from goodsight.model.record import LoadedModel
from goodsight.model.rules import Ruled, Rules
from goodsight.model.verdicts import Answer, Prediction, Trust

CLASSES = ("bag", "lamp", "mug", "shoe")


def _policies(*each: Policy) -> Policies:
    return Policies(Path("p.toml"), each)


def _own(loaded: LoadedModel, folder: Path, wrong: Mapping[str, int], n: int = 100) -> LoadedModel:
    """The model in a folder of its own: n answers of each class, the least sure ones wrong, from 0.5 to 1."""
    lines = ["file_name,sha256,label,predicted,probability,fold,twin_group"]
    for kind in CLASSES:
        for i in range(n):
            label = "other" if i < wrong.get(kind, 0) else kind
            lines.append(f"{kind}{i},,{label},{kind},{0.5 + i / (2 * n):.6f},0,0")
    folder.mkdir(exist_ok=True)
    (folder / "predictions.csv").write_text("\n".join(lines), encoding="utf-8")
    (judge,) = loaded.model.judges
    model = replace(loaded.model, judges=(replace(judge, threshold=0.9),), alpha=0.05)
    return replace(loaded, model=model, folder=folder)


def _said(
    loaded: LoadedModel, likely: str, chance: float, verdict: Trust, p: float = 0.5, trained: bool = True
) -> Prediction:
    (judge,) = loaded.model.judges
    rest = (1 - chance) / 3
    probabilities = np.array([chance if name == likely else rest for name in judge.classes])
    p_values = np.array([0.5 if name == likely else p for name in judge.classes])
    answer = Answer(judge.attribute, likely, chance, verdict, "why" * (verdict != "sure"), probabilities, p_values)
    return Prediction(Row("x", Path()), (answer,), 0.5, trained=trained)


def _one(made: Rules, prediction: Prediction, declared: str = "") -> Ruled:
    (judge,) = made.model.judges
    (found,) = made.ruled(prediction, {judge.attribute.name: declared} if declared else None)
    return found


def test_without_policies_the_model_has_its_way(loaded: LoadedModel, tmp_path: Path) -> None:
    own = Rules(_own(loaded, tmp_path, {}).model)
    said = _said(loaded, "bag", 0.95, "sure")
    assert (_one(own, said).answer, _one(own, said).policy, _one(own, said).action) == (said.answers[0], "", "accept")
    assert _one(own, _said(loaded, "bag", 0.5, "unsure")).action == "review"
    assert _one(own, _said(loaded, "mug", 0.95, "sure", p=0.01), "bag").action == "refuse"
    assert _one(own, said, "bag").check == replace(_one(own, said, "bag").check, verdict="match")  # type: ignore[type-var]


def test_a_threshold_rests_on_the_answers_that_the_policy_decides(loaded: LoadedModel, tmp_path: Path) -> None:
    model = _own(loaded, tmp_path, {"bag": 60, "mug": 2})
    each = (Policy("all", "m", precision=0.95), Policy("bags", "m", category="bag", precision=0.9))
    made = rules.fit(_policies(*each, Policy("not mine", "n", category="nonsense")), "m", model)
    name = model.model.judges[0].attribute.name
    chances = np.array([0.5 + i / 200 for i in range(100)]) - 5e-7
    bags = threshold_for(chances, np.arange(100) >= 60, 0.9)
    others = threshold_for(np.tile(chances, 3), np.concatenate([np.arange(100) >= n for n in (0, 2, 0)]), 0.95)
    assert 0.75 < bags < 0.81
    assert others < 0.52
    found = {kind: made.rule(name, kind) for kind in CLASSES}
    thresholds = [rule.judge.threshold for rule in found.values() if rule]
    assert thresholds == pytest.approx([bags, others, others, others], abs=1e-9)
    # What the model calls unsure is sure under a policy that wants less, and the other way round.
    assert _one(made, _said(loaded, "bag", 0.85, "unsure")).action == "accept"
    assert _one(made, _said(loaded, "bag", 0.85, "unsure")).answer.verdict == "sure"
    assert _one(made, _said(loaded, "bag", 0.6, "unsure")).answer.reason.startswith("may be bag or")
    assert (_one(made, _said(loaded, "lamp", 0.6, "unsure")).policy) == "all"
    assert _one(made, _said(loaded, "lamp", 0.6, "unsure"), "lamp").check.verdict == "match"  # type: ignore[union-attr]
    strict = rules.fit(_policies(Policy("bags", "m", category="bag", precision=0.97)), "m", model)
    tight = strict.rule(name, "bag")
    assert tight is not None
    assert _one(strict, _said(loaded, "bag", tight.judge.threshold - 1e-6, "sure")).action == "review"


def test_the_declared_class_says_which_policy_decides(loaded: LoadedModel, tmp_path: Path) -> None:
    model = _own(loaded, tmp_path, {})
    each = (Policy("bags", "m", category="bag", alpha=0.2), Policy("mugs", "m", category="mug", unsure="refuse"))
    made = rules.fit(_policies(*each), "m", model)
    said = _said(loaded, "mug", 0.95, "sure", p=0.1)
    bag, lamp = _one(made, said, "bag"), _one(made, said, "lamp")
    assert (bag.policy, bag.check and bag.check.verdict, bag.action) == ("bags", "mismatch", "refuse")
    assert (lamp.policy, lamp.check and lamp.check.verdict, lamp.action) == ("", "unsure", "review")
    assert (_one(made, said).policy, _one(made, said).action) == ("mugs", "accept")
    assert _one(made, _said(loaded, "mug", 0.6, "unsure")).action == "refuse"


def test_no_policy_makes_sure_what_is_off_topic_or_was_never_trained(loaded: LoadedModel, tmp_path: Path) -> None:
    made = rules.fit(_policies(Policy("all", "m", precision=0.6, off_topic="refuse")), "m", _own(loaded, tmp_path, {}))
    foreign = _one(made, _said(loaded, "bag", 0.99, "off-topic"))
    assert (foreign.answer.verdict, foreign.answer.reason, foreign.action) == ("off-topic", "why", "refuse")
    untrained = _one(made, _said(loaded, "bag", 0.99, "unsure", trained=False))
    assert (untrained.answer.verdict, untrained.action, untrained.policy) == ("unsure", "review", "all")


def test_attributes_have_policies_of_their_own(loaded: LoadedModel, tmp_path: Path) -> None:
    (judge,) = loaded.model.judges
    judges = (replace(judge, attribute=Attribute("type")), replace(judge, attribute=Attribute("other")))
    model = replace(loaded, model=replace(loaded.model, judges=judges))
    each = (
        Policy("whole", "m"),
        Policy("types", "m", "type"),
        Policy("bags", "m", "type", "bag"),
        Policy("mugs", "m", "other", "mug"),
    )
    made = rules.fit(_policies(*each), "m", model)
    names = [(a, c) for a in ("type", "other") for c in CLASSES]
    found = [rule.policy.name if (rule := made.rule(*key)) else "" for key in names]
    assert found == ["bags", "types", "types", "types", "whole", "whole", "mugs", "whole"]
    with pytest.raises(GoodsightError, match=r"category 'bag': of which attribute\? One of type, other"):
        rules.fit(_policies(Policy("x", "m", category="bag")), "m", model)
    with pytest.raises(GoodsightError, match=r"attribute 'typ' is none of type, other\. Did you mean 'type'"):
        rules.fit(_policies(Policy("x", "m", "typ")), "m", model)


def test_what_does_not_fit_the_model_is_told(loaded: LoadedModel, tmp_path: Path) -> None:
    model = _own(loaded, tmp_path, {"bag": 100, "lamp": 10})

    def told(*each: Policy) -> str:
        with pytest.raises(GoodsightError) as raised:
            rules.fit(_policies(*each), "m", model)
        return str(raised.value)

    start = "p.toml: [policies.x]"
    unknown = told(Policy("x", "m", category="bagg"))
    assert unknown == f"{start}: category 'bagg' is none of bag, lamp, mug, shoe. Did you mean 'bag'?"
    twice = told(Policy("y", "m", category="bag"), Policy("x", "m", category="bag", alpha=0.1))
    assert twice == f"{start}: is about the same as [policies.y]"
    name = model.model.judges[0].attribute.name
    named = told(Policy("y", "m", category="bag"), Policy("x", "m", name, "bag"))
    assert named == twice
    high = told(Policy("x", "m", category="lamp", precision=0.999))
    assert high.startswith(f"{start}: precision 0.999 cannot be promised of {name}: its 100 answers on photos")
    assert "allow up to 0.989; ask for less" in high
    (tmp_path / "predictions.csv").unlink()
    rules.fit(_policies(Policy("x", "m", category="bag", alpha=0.1)), "m", model)
    with pytest.raises(ModelError, match="is not there, and thresholds rest on it"):
        rules.fit(_policies(Policy("x", "m", precision=0.9)), "m", model)

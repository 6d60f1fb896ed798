"""The policies of one model with its thresholds, applied to what the model said.

A policy's threshold for a wanted precision rests on the same answers as the model's own: those on training photos that
it had not seen, here of the classes that the policy decides (see :func:`goodsight.heads.calibrate.threshold_for`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from goodsight.errors import GoodsightError, did_you_mean
from goodsight.model import surety, verdicts
from goodsight.model.policy import Action, Policies, Policy, usual
from goodsight.model.record import Judge, LoadedModel, Model
from goodsight.model.verdicts import Answer, Check, Prediction


@dataclass(frozen=True)
class Rule:
    """A policy for some classes of one attribute; ``judge`` and ``model`` have its threshold and its alpha."""

    policy: Policy
    judge: Judge
    model: Model

    def answer(self, prediction: Prediction, answer: Answer) -> Answer:
        """An answer as this rule has it: sure from another probability on.

        What is off-topic stays so, and so does a combination of labels that was never trained.
        """
        if answer.verdict == "off-topic" or not prediction.trained:
            return answer
        best = self.judge.classes.index(answer.label)
        verdict, reason = verdicts.trusted(self.judge, best, answer.probabilities, answer.p_values, self.model.alpha)
        return replace(answer, verdict=verdict, reason=reason)


@dataclass(frozen=True)
class Ruled:
    """What is kept of an answer.

    Attributes:
        answer: what the photo shows.
        check: that, against what was declared; None where nothing was.
        policy: the name of the policy that decided, '' for the model's own way.
        action: what is to be done.

    """

    answer: Answer
    check: Check | None
    policy: str
    action: Action


@dataclass(frozen=True)
class Rules:
    """What decides each class of each attribute of a model; classes without a rule are decided as the model does."""

    model: Model
    rules: Mapping[tuple[str, str], Rule] = field(default_factory=dict)

    def rule(self, attribute: str, category: str) -> Rule | None:
        """What decides a class of an attribute."""
        return self.rules.get((attribute, category))

    def ruled(self, prediction: Prediction, declared: Mapping[str, str] | None = None) -> list[Ruled]:
        """What is to be done with a photo, for each attribute that was declared, or for all where nothing was.

        Args:
            prediction: of a good photo.
            declared: the class by attribute, which the model has; None where nothing was asked.

        """
        return [
            self._ruled(prediction, judge, answer, None if declared is None else declared[judge.attribute.name])
            for judge, answer in zip(self.model.judges, prediction.answers, strict=True)
            if declared is None or judge.attribute.name in declared
        ]

    def _ruled(self, prediction: Prediction, judge: Judge, answer: Answer, declared: str | None) -> Ruled:
        rule = self.rule(judge.attribute.name, answer.label if declared is None else declared)
        model = rule.model if rule else self.model
        answer = rule.answer(prediction, answer) if rule else answer
        check = None if declared is None else verdicts.compare(model, judge, answer, declared)
        verdict = check.verdict if check else answer.verdict
        action = rule.policy.action(verdict) if rule else usual(verdict)
        return Ruled(answer, check, rule.policy.name if rule else "", action)


def fit(policies: Policies, name: str, loaded: LoadedModel) -> Rules:
    """The rules of one model, which is served under a name.

    Args:
        policies: of any models.
        name: of this one.
        loaded: it; its folder has the answers on photos that it had not seen, for policies that want a precision.

    Raises:
        GoodsightError: the model has no such attribute or category, two policies are about the same, or a precision
            cannot be promised.
        ModelError: the folder lacks the answers that a threshold rests on.

    """
    mine, model = policies.of(name), loaded.model
    for policy in mine.each:
        _require_fits(mine.where(policy), policy, model)
    rules: dict[tuple[str, str], Rule] = {}
    for judge in model.judges:
        for policy, classes in _dealt(mine, judge, alone=len(model.judges) == 1):
            known = surety.of_classes(loaded.folder, judge, classes) if policy.precision is not None else None
            rule = Rule(policy, *_set(mine.where(policy), policy, model, judge, known))
            rules |= {(judge.attribute.name, category): rule for category in classes}
    return Rules(model, rules)


def _require_fits(where: str, policy: Policy, model: Model) -> None:
    judges = {judge.attribute.name: judge for judge in model.judges}
    if policy.attribute and policy.attribute not in judges:
        raise GoodsightError(
            f"{where}: attribute {policy.attribute!r} is none of {', '.join(judges)}."
            f"{did_you_mean(policy.attribute, judges)}"
        )
    if not policy.category:
        return
    if not policy.attribute and len(judges) > 1:
        raise GoodsightError(f"{where}: category {policy.category!r}: of which attribute? One of {', '.join(judges)}")
    classes = judges[policy.attribute or model.judges[0].attribute.name].classes
    if policy.category not in classes:
        raise GoodsightError(
            f"{where}: category {policy.category!r} is none of {', '.join(classes)}."
            f"{did_you_mean(policy.category, classes)}"
        )


def _dealt(policies: Policies, judge: Judge, *, alone: bool) -> Iterator[tuple[Policy, tuple[str, ...]]]:
    """The classes of an attribute that each policy decides: what says most of them goes first."""
    name, several = judge.attribute.name, dict[tuple[str, str], Policy]()
    for policy in policies.each:
        if policy.attribute not in ("", name):
            continue
        # A model's only attribute need not be named.
        key = (policy.category, name if alone else policy.attribute)
        if key in several:
            raise GoodsightError(f"{policies.where(policy)}: is about the same as [policies.{several[key].name}]")
        several[key] = policy
    chosen: dict[str, list[str]] = {}
    for category in judge.classes:
        keys = [(category, name), (category, ""), ("", name), ("", "")]
        if found := next((several[key] for key in keys if key in several), None):
            chosen.setdefault(found.name, []).append(category)
    by_name = {policy.name: policy for policy in policies.each}
    for policy_name, classes in chosen.items():
        yield by_name[policy_name], tuple(classes)


def _set(where: str, policy: Policy, model: Model, judge: Judge, known: surety.Surety | None) -> tuple[Judge, Model]:
    """A judge with the threshold of a policy, and a model with its alpha."""
    model = model if policy.alpha is None else replace(model, alpha=policy.alpha)
    if known is None or policy.precision is None:
        return judge, model
    threshold = known.threshold(policy.precision)
    if np.isinf(threshold):
        most = np.floor(known.most * 1000) / 1000 if len(known.right) else 0.0
        raise GoodsightError(
            f"{where}: precision {policy.precision:g} cannot be promised of {judge.attribute.name}: its "
            f"{len(known.right)} answers on photos that it had not seen allow up to {most:g}; ask for less"
        )
    return replace(judge, threshold=threshold), model

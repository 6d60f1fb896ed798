"""What is promised and done with answers, by model, attribute and category: a small TOML file.

A model decides for all its classes alike. A policy says otherwise for some of them: phones with fewer mistakes, an
off-topic photo refused instead of shown to a person. :mod:`goodsight.model.rules` applies it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from goodsight.errors import GoodsightError, did_you_mean
from goodsight.files import read_toml

Action = Literal["accept", "refuse", "review"]
"""What is to be done with an answer; ``review``: a person looks."""


ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class Policy:
    """What holds for some answers; it decides them alone, and what it does not say is as the model has it.

    Attributes:
        name: its own.
        model: whose answers, by the name under which the model is served.
        attribute: whose, '' for all of them.
        category: of which declared class, or answered one where nothing is declared; '' for all that have no policy of
            their own.
        precision: the share of right answers wanted where no person looks; None for the model's own threshold.
        alpha: the share of honest photos that may be flagged as a mismatch; None for the model's own.
        unsure: what is to be done with answers that are not sure.
        off_topic: what is to be done with off-topic photos.

    """

    name: str
    model: str
    attribute: str = ""
    category: str = ""
    precision: float | None = None
    alpha: float | None = None
    unsure: Action = "review"
    off_topic: Action = "review"

    def action(self, verdict: str) -> Action:
        """What is to be done with an answer of some verdict."""
        return {"unsure": self.unsure, "off-topic": self.off_topic}.get(verdict) or usual(verdict)


def usual(verdict: str) -> Action:
    """What is to be done with an answer where no policy says otherwise."""
    if verdict in ("sure", "match"):
        return "accept"
    return "refuse" if verdict in ("mismatch", "blocked") else "review"


@dataclass(frozen=True)
class Policies:
    """Those of a file; ``source`` begins every message about one of them."""

    source: Path
    each: tuple[Policy, ...]

    def of(self, model: str) -> Policies:
        """Those about one model."""
        return Policies(self.source, tuple(policy for policy in self.each if policy.model == model))

    def where(self, policy: Policy) -> str:
        """How a message about a policy begins."""
        return f"{self.source}: [policies.{policy.name}]"

    def require_known(self, models: Mapping[str, object]) -> None:
        """Every policy is about one of some models.

        Raises:
            GoodsightError: one is not.

        """
        for policy in self.each:
            if policy.model not in models:
                raise GoodsightError(
                    f"{self.where(policy)}: model {policy.model!r} is none of {', '.join(models)}."
                    f"{did_you_mean(policy.model, models)}"
                )


def read_policies(path: Path) -> Policies:
    """Read a file of ``[policies.NAME]`` entries.

    Raises:
        GoodsightError: it cannot be read, or an entry has a key or value that it cannot have.

    """
    record = read_toml(path)
    if other := [key for key in record if key != "policies"]:
        raise GoodsightError(f"{path}: {other[0]!r} is no part of it; write [policies.NAME]")
    entries = record.get("policies")
    if not isinstance(entries, dict) or not entries:
        raise GoodsightError(f"{path}: has no [policies.NAME] entry; give at least its model")
    return Policies(path, tuple(_policy(f"{path}: [policies.{name}]", name, e) for name, e in entries.items()))


def _policy(where: str, name: str, entry: Any) -> Policy:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name):
        raise GoodsightError(f"{where}: the name must be letters, digits, ., - and _, at most 100")
    if not isinstance(entry, dict):
        raise GoodsightError(f"{where}: must be a table with model, and may have {', '.join(_CHECKS)}")
    for key, value in entry.items():
        if key not in _CHECKS:
            raise GoodsightError(f"{where}: {key!r} is none of {', '.join(_CHECKS)}.{did_you_mean(key, _CHECKS)}")
        if wrong := _CHECKS[key](value):
            raise GoodsightError(f"{where}: {key} {value!r}: {wrong}")
    if "model" not in entry:
        raise GoodsightError(f"{where}: has no model; give the name under which it is served")
    return Policy(name, **entry)


def _text(value: object) -> str:
    return "" if isinstance(value, str) and value else "must be a name in quotes"


def _within(low: float, high: float) -> Any:
    def wrong(value: object) -> str:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        said = f"must be a number between {low:g} and {high:g}, both excluded"
        return "" if number and low < float(value) < high else said  # type: ignore[arg-type]

    return wrong


def _action(value: object) -> str:
    return "" if value in ACTIONS else f"must be one of {', '.join(ACTIONS)}.{did_you_mean(str(value), ACTIONS)}"


_CHECKS = {
    "model": _text,
    "attribute": _text,
    "category": _text,
    "precision": _within(0.5, 1),
    "alpha": _within(0, 1),
    "unsure": _action,
    "off_topic": _action,
}
"""What is wrong with the value of each key, in words; '' for nothing."""

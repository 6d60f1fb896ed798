"""What policies would do on labelled photos, before a service is run with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from goodsight.arrays import Half, Ints
from goodsight.catalog.labels import UNSAID, Labels
from goodsight.catalog.read import read_catalog
from goodsight.catalog.rows import Row
from goodsight.display import Tabular
from goodsight.embedding.filed import pieces
from goodsight.embedding.table import Table
from goodsight.errors import CatalogError, GoodsightError
from goodsight.flow.evaluation import in_order, labels_for
from goodsight.flow.work import USUAL, Work, drawn, leaks, opened, require_usable
from goodsight.measuring import metrics
from goodsight.measuring.metrics import Estimate
from goodsight.model import rules, verdicts
from goodsight.model.policy import Policies, read_policies
from goodsight.model.record import Judge
from goodsight.model.rules import Ruled, Rules
from goodsight.photos import places
from goodsight.training.groups import units_of


@dataclass(frozen=True)
class Outcome:
    """What becomes of some answers.

    Attributes:
        accepted: how many are accepted without a person.
        error: the share of wrong labels among those; NaN when there is none.
        refused: how many are refused without a person.
        review: how many a person looks at.

    """

    accepted: int
    error: Estimate
    refused: int
    review: int


@dataclass(frozen=True)
class CategoryTest:
    """The photos that the model took for one category, under a policy and in the model's own way."""

    attribute: str
    category: str
    policy: str
    n: int
    now: Outcome
    own: Outcome


@dataclass(frozen=True)
class PolicyTest:
    """All photos of one attribute that a policy decides, and what it wants; None for the model's own precision."""

    policy: str
    attribute: str
    precision: float | None
    n: int
    now: Outcome

    @property
    def missed(self) -> bool:
        """Whether fewer of the accepted answers are right than is wanted."""
        return self.precision is not None and self.now.error.value > 1 - self.precision + 1e-9


@dataclass(frozen=True, repr=False)
class PoliciesTest(Tabular):
    """What :func:`policy_test` found.

    Attributes:
        categories: one for each category that was answered, of each attribute.
        policies: one for each policy, of each attribute that it decides.
        copies: photos that have a twin in training and were left out: their answers are known.
        bad: photos that could not be decoded and why.

    """

    categories: tuple[CategoryTest, ...]
    policies: tuple[PolicyTest, ...]
    copies: int
    bad: tuple[tuple[str, str], ...]

    @property
    def missed(self) -> bool:
        """Whether any wanted precision is missed."""
        return any(each.missed for each in self.policies)

    def summary(self) -> str:
        """A line for each policy."""
        return "\n".join(
            f"{each.policy}, {each.attribute}: {each.now.accepted} of {each.n} accepted, "
            f"error among them {each.now.error.value:.4f}"
            for each in self.policies
        )

    def records(self) -> list[dict[str, Any]]:
        """One record for each category."""
        return [
            {"attribute": each.attribute, "category": each.category, "policy": each.policy, "n": each.n}
            | _columns("", each.now)
            | _columns("own_", each.own)
            for each in self.categories
        ]


def _columns(start: str, found: Outcome) -> dict[str, Any]:
    error = {"error": found.error.value, "error_low": found.error.low, "error_high": found.error.high}
    whole = {"accepted": found.accepted} | error | {"refused": found.refused, "review": found.review}
    return {f"{start}{key}": value for key, value in whole.items()}


@drawn
def policy_test(
    policy: str | Path,
    model: str | Path,
    photos: str | Path,
    *,
    name: str = "",
    labels: Labels = UNSAID,
    work: Work = USUAL,
) -> PoliciesTest:
    """Say what policies do with labelled photos, beside what the model does by itself.

    Nothing is declared of the photos: each is answered, and counts with the category that it is taken for.

    Args:
        policy: the file of policies, see :func:`goodsight.model.policy.read_policies`.
        model: a model folder.
        photos: labelled photos, in any form that :func:`goodsight.train` reads; a split in it is ignored.
        name: under which the model is served; '' for the folder's own.
        labels: where the labels are; under the names of the model's attributes when nothing is said.
        work: how the work is done; photos are read with the limits of the model.

    Raises:
        GoodsightError: the file cannot be read, does not fit the model, or says nothing of it.
        ModelError: the model folder cannot be trusted.
        CatalogError: the photos cannot be read, or all are copies of training photos.

    """
    name = name or Path(model).resolve().name
    policies = read_policies(Path(policy)).of(name)
    if not policies.each:
        raise GoodsightError(f"{policy}: no policy is about the model {name}; give the model as name=folder")
    with opened(model) as loaded:
        known, source = loaded.model, places.of(photos)
        fitted = rules.fit(policies, name, loaded)
        given = in_order(read_catalog(source, labels=labels_for(loaded, labels), ignore_split=True), known)
        table = loaded.embedder(cached=work.cache, progress=work.progress).table(given.rows)
        require_usable(source, table)
        twins, copies = leaks(known, table)
        new = np.flatnonzero(~copies)
        if not len(new):
            raise CatalogError(f"{source}: all {len(copies)} photos are copies of training photos; give new ones")
        units = units_of(table.rows, twins.groups)[new]
        found = [one for some in pieces(new) for one in verdicts.answers(known, *_photos(table, some))]
        now = [fitted.ruled(one) for one in found]
        own = [Rules(known).ruled(one) for one in found]
    categories: list[CategoryTest] = []
    totals: list[PolicyTest] = []
    for number, judge in enumerate(known.judges):
        truths = [table.rows[i].labels[number] for i in new]
        labelled = np.array([truth in judge.classes for truth in truths])
        if not labelled.any():
            raise CatalogError(f"{source}: no label of {judge.attribute.name} is one of {', '.join(judge.classes)}")
        some = _Answers(judge, truths, [one[number] for one in now], [one[number] for one in own], units)
        categories += some.by_category(np.flatnonzero(labelled))
        totals += some.by_policy(policies, np.flatnonzero(labelled))
    return PoliciesTest(
        tuple(categories), tuple(totals), int(copies.sum()), tuple((row.file_name, str(bad)) for row, bad in table.bad)
    )


def _photos(table: Table, chosen: Ints) -> tuple[list[Row], Half]:
    """Some photos and their embeddings."""
    return [table.rows[i] for i in chosen], table.filed[chosen].astype(np.float16)


@dataclass(frozen=True)
class _Answers:
    """What is done with the answers of one attribute (n), under policies and in the model's own way."""

    judge: Judge
    truths: Sequence[str]
    now: Sequence[Ruled]
    own: Sequence[Ruled]
    units: Ints

    def by_category(self, chosen: Ints) -> Iterator[CategoryTest]:
        for category in self.judge.classes:
            its = np.array([i for i in chosen if self.now[i].answer.label == category], np.int64)
            if len(its):
                policy, name = self.now[its[0]].policy, self.judge.attribute.name
                yield CategoryTest(name, category, policy, len(its), self._of(self.now, its), self._of(self.own, its))

    def by_policy(self, policies: Policies, chosen: Ints) -> Iterator[PolicyTest]:
        for policy in policies.each:
            its = np.array([i for i in chosen if self.now[i].policy == policy.name], np.int64)
            if len(its):
                name = self.judge.attribute.name
                yield PolicyTest(policy.name, name, policy.precision, len(its), self._of(self.now, its))

    def _of(self, ruled: Sequence[Ruled], chosen: Ints) -> Outcome:
        accepted = np.array([i for i in chosen if ruled[i].action == "accept"], np.int64)
        wrong = np.array([ruled[i].answer.label != self.truths[i] for i in accepted], bool)
        refused = sum(ruled[i].action == "refuse" for i in chosen)
        error = metrics.share(wrong, self.units[accepted])
        return Outcome(len(accepted), error, refused, len(chosen) - len(accepted) - refused)

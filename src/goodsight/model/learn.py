"""Fitted heads become a model: calibrated probabilities, p-values, thresholds, and what is on topic."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from goodsight.arrays import Doubles, Floats, Ints
from goodsight.backbones.backbone import Backbone
from goodsight.embedding.filed import taken
from goodsight.embedding.photoset import trained_rows
from goodsight.embedding.table import Table
from goodsight.heads import calibrate, offtopic
from goodsight.heads.offtopic import OffTopic
from goodsight.model.record import Judge, Model, log_odds
from goodsight.photos.limits import Limits
from goodsight.training.fitted import Fitted
from goodsight.training.wishes import Wishes


@dataclass(frozen=True)
class Topic:
    """What is on topic: the scorer, and the score (t,) of each of the photos ``rows`` (t,) against the others."""

    scorer: OffTopic
    rows: Ints
    scores: Doubles


@dataclass(frozen=True)
class Learned:
    """A judge, and the evidence behind it.

    Attributes:
        fitted: the head and the photos.
        judge: what answers.
        probabilities: of the photos that the head did not see (s, classes), calibrated.

    """

    fitted: Fitted
    judge: Judge
    probabilities: Doubles

    @property
    def guesses(self) -> Ints:
        """The class number that was answered for each of these photos (s,)."""
        return self.judge.given(self.probabilities)


def topic(fitted: Sequence[Fitted], backbone: Backbone, negatives: Table) -> Topic:
    """Learn what is on topic, whatever the labels.

    Args:
        fitted: the photos, with those that are trained on.
        backbone: what embedded them.
        negatives: photos that show none of the classes; may be empty.

    """
    shared = fitted[0]
    rows = trained_rows([each.photo_set for each in fitted])
    columns = backbone.columns("head") or backbone.columns("features") or slice(0, backbone.width)
    others = negatives.filed[: offtopic.MOST] if negatives.rows else None
    scorer, scores = offtopic.fit(taken(shared.photo_set.table.filed, rows), shared.groups[rows], columns, others)
    return Topic(scorer, rows, scores)


def learn(fitted: Sequence[Fitted], precision: float, none: str, lap: Callable[[str], None]) -> tuple[Learned, ...]:
    """Calibrate heads on what they say of photos that they did not see.

    Args:
        fitted: a head for each attribute.
        precision: the wanted share of right answers among photos that no person looks at.
        none: the class that means none of the others; '' when there is none.
        lap: told each step that is done.

    """
    learned = []
    for each in fitted:
        learned.append(_learn(each, precision, none))
        lap(f"{each.photo_set.attribute.name}: calibrate" if len(fitted) > 1 else "calibrate")
    return tuple(learned)


def _learn(fitted: Fitted, precision: float, none: str) -> Learned:
    photo_set, scores = fitted.photo_set, fitted.scores
    known = photo_set.labels[photo_set.training][fitted.scored]
    judge = Judge(photo_set.attribute, photo_set.classes, fitted.head, temperature=1.0, none=none)
    judge = calibrated(judge, scores, known)
    probabilities = judge.calibrated(scores)
    conformity = log_odds(probabilities)
    usually = tuple(np.sort(conformity[known == c, c]) for c in range(len(judge.classes)))
    judge = replace(judge, calibration=usually)
    given = judge.given(probabilities)
    confidence = probabilities[np.arange(len(given)), given]
    threshold = calibrate.threshold_for(confidence, given == known, precision)
    return Learned(fitted, replace(judge, threshold=threshold), probabilities)


def calibrated(judge: Judge, scores: Floats, labels: Ints) -> Judge:
    """The judge with what makes probabilities of scores, and with the cut of a tag.

    Args:
        judge: what answers.
        scores: of photos that its head did not see (n, classes).
        labels: what they are (n,).

    """
    temperature, bias = calibrate.fit(scores, labels, judge.yes)
    judge = replace(judge, temperature=temperature, bias=bias)
    if judge.yes is None:
        return judge
    return replace(judge, cut=calibrate.cut_for(judge.calibrated(scores)[:, judge.yes], labels == judge.yes))


def model_of(
    learned: Sequence[Learned],
    on: Topic,
    wishes: Wishes,
    limits: Limits,
    combinations: Collection[tuple[str, ...]],
    source: str,
) -> Model:
    """A model of some judges.

    Args:
        learned: the judges and the evidence behind them.
        on: what is on topic.
        wishes: what the user wants.
        limits: that photos were read with.
        combinations: of labels that were trained.
        source: where the photos came from, for ``model.json``.

    """
    shared = learned[0].fitted
    # Scores of photos that the network was trained on would be too good.
    watched = np.concatenate([each.fitted.photo_set.training[each.fitted.scored] for each in learned])
    usual = on.scores[np.isin(on.rows, watched)]
    return Model(
        judges=tuple(each.judge for each in learned),
        backbone=shared.backbone,
        scaler=shared.scaler,
        off_topic=on.scorer,
        on_topic=np.sort(usual).astype(np.float32),
        alpha=wishes.alpha,
        off_topic_alpha=wishes.off_topic_alpha,
        precision=wishes.precision,
        training=shared.fingerprints.take(on.rows),
        limits=limits,
        combinations=frozenset(combinations),
        info={"catalog": shared.photo_set.catalog_hash(), "photos": len(on.rows), "source": source},
    )

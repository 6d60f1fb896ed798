"""Embedded photos become a model: twins, folds, the head, calibrated probabilities, thresholds, the off-topic score."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Ints, Vectors
from goodsight.backbones.backbone import Backbone
from goodsight.catalog.rows import YES
from goodsight.embedding.photoset import PhotoSet
from goodsight.embedding.table import Table
from goodsight.heads import calibrate, offtopic, search
from goodsight.heads.examples import Examples
from goodsight.heads.network import Network
from goodsight.heads.offtopic import OffTopic
from goodsight.heads.scaler import Scaler
from goodsight.heads.search import Trial
from goodsight.model.record import Model, log_odds
from goodsight.photos.limits import Limits
from goodsight.progress import Progress
from goodsight.training.groups import Grouped, fingerprints_of, trained_rows
from goodsight.training.recipe import Trained


@dataclass(frozen=True)
class Wishes:
    """What the user wants of a model.

    Attributes:
        precision: the share of right answers among photos that no person looks at.
        alpha: the share of honest photos that may be flagged as a mismatch, per class.
        off_topic_alpha: the share of honest photos that may be called off-topic.
        budget: seconds for choosing the head.
        limits: on bytes and pixels of a photo.
        none: the class that means none of the others; '' when there is none.

    """

    precision: float
    alpha: float
    off_topic_alpha: float
    budget: float
    limits: Limits
    none: str = ""


@dataclass(frozen=True)
class Topic:
    """What is on topic: the scorer, and the score (t,) of each of the photos ``rows`` (t,) against the others."""

    scorer: OffTopic
    rows: Ints
    scores: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Learned:
    """A model and the evidence behind it, for the ``t`` training photos of its attribute in their order.

    Attributes:
        model: the model.
        grouped: twins and folds.
        scored: which training photos have an answer from a training that did not see them (s,): all, or those that
            a network trained here was only watched on.
        probabilities: those answers, calibrated (s, classes).
        trials: the candidate heads.
        folds: which fold's training answered for each training photo (t,).
        others: what the other attributes of the training photos are (t,), as numbers; None when there are none.
        copies: embeddings of the training photos without their colours (t, width), if the head was trained on these.

    """

    model: Model
    grouped: Grouped
    scored: Ints
    probabilities: npt.NDArray[np.float64]
    trials: tuple[Trial, ...]
    folds: Ints
    others: Ints | None = None
    copies: Vectors | None = None

    @property
    def scored_as(self) -> str:
        """What a result on the scored photos is called: a network trained here may only be watched on some."""
        return "out-of-fold" if len(self.scored) == len(self.folds) else "held-out"

    def examples(self, photo_set: PhotoSet) -> Examples:
        """What the head learned from: the training photos of its photo set, without copies if it does not use them."""
        rows, folds = photo_set.training, self.grouped.folds
        return Examples(photo_set.table.vectors[rows], photo_set.labels[rows], folds, self.others, self.copies)

    @property
    def guesses(self) -> Ints:
        """The class number that was answered for each scored photo (s,)."""
        return self.model.given(self.probabilities)


def topic(sets: Sequence[PhotoSet], backbone: Backbone, groups: Ints, negatives: Table) -> Topic:
    """Learn what is on topic, whatever the labels.

    Args:
        sets: the photos, with those that are trained on.
        backbone: what embedded them.
        groups: twin groups of all photos (n,).
        negatives: photos that show none of the classes; may be empty.

    """
    rows = trained_rows(sets)
    columns = backbone.columns("head") or backbone.columns("features") or slice(0, backbone.width)
    others = negatives.vectors if negatives.rows else None
    scorer, scores = offtopic.fit(sets[0].table.vectors[rows], groups[rows], columns, others)
    return Topic(scorer, rows, scores)


def learn(
    photo_set: PhotoSet,
    backbone: Backbone,
    grouped: Grouped,
    on: Topic,
    wishes: Wishes,
    source: str,
    *,
    beside: Ints | None = None,
    copies: Vectors | None = None,
    own: Trained | None = None,
    lap: Callable[[str], None],
    progress: Progress,
) -> Learned:
    """Learn a model of one attribute from a photo set.

    Args:
        photo_set: the photos, with those that are trained on.
        backbone: what embedded them.
        grouped: their twins and folds.
        on: what is on topic.
        wishes: what the user wants.
        source: where the photos came from, for ``model.json``.
        beside: what the other attributes of all photos are (n,), see :func:`goodsight.measuring.combinations.beside`.
        copies: embeddings of the training photos without their colours (t, width), for an attribute beside others.
        own: for a network that was trained here, what it says of photos that it did not see.
        lap: told each step that is done.
        progress: told about the choice of the head.

    """
    training = photo_set.training
    labels = photo_set.labels[training]
    others = None if beside is None else beside[training]
    trials: tuple[Trial, ...] = ()
    if own is None:
        beside_others = search.BESIDE_OTHERS if copies is None else search.WITH_COPIES
        candidates = search.CANDIDATES if others is None else beside_others
        fit = search.fit(
            Examples(photo_set.table.vectors[training], labels, grouped.folds, others, copies),
            grouped.views,
            search.SMALL if photo_set.attribute.tag else candidates,
            budget=wishes.budget,
            progress=progress,
        )
        head, scores, trials, scored = fit.head, fit.scores, fit.trials, np.arange(len(labels))
        scaler, fingerprints = grouped.views[""], grouped.fingerprints
        lap("choose and train the head")
    else:
        scaler = Scaler.fit(photo_set.table.vectors[training], backbone.blocks)
        head = Network.of(scaler, backbone.columns("classes") or slice(0, 0))
        scored = np.flatnonzero(np.isfinite(own.scores).all(axis=1))
        scores = own.scores[scored]
        fingerprints = fingerprints_of(photo_set, scaler)
    known = labels[scored]
    yes = photo_set.classes.index(YES) if photo_set.attribute.tag else None
    temperature, bias = calibrate.fit(scores, known, yes)
    usual = on.scores if own is None else on.scores[scored]
    model = Model(
        classes=photo_set.classes,
        backbone=backbone,
        scaler=scaler,
        head=head,
        off_topic=on.scorer,
        temperature=temperature,
        calibration=(),
        on_topic=np.sort(usual).astype(np.float32),
        alpha=wishes.alpha,
        off_topic_alpha=wishes.off_topic_alpha,
        precision=wishes.precision,
        threshold=float("inf"),
        training=fingerprints.take(on.rows),
        limits=wishes.limits,
        info={"catalog": photo_set.catalog_hash(), "photos": len(on.rows), "source": source},
        attribute=photo_set.attribute,
        bias=bias,
        none=wishes.none,
    )
    probabilities = model.calibrated(scores)
    conformity = log_odds(probabilities)
    usually = tuple(np.sort(conformity[known == c, c]) for c in range(len(photo_set.classes)))
    cut = model.cut if yes is None else calibrate.cut_for(probabilities[:, yes], known == yes)
    model = replace(model, calibration=usually, cut=cut)
    given = model.given(probabilities)
    confidence = probabilities[np.arange(len(given)), given]
    model = replace(model, threshold=calibrate.threshold_for(confidence, given == known, wishes.precision))
    lap("calibrate")
    folds = grouped.folds if own is None else own.folds
    return Learned(model, grouped, scored, probabilities, trials, folds, others, copies if head.setting.grey else None)


def canaries(learned: Learned, count: int) -> Ints:
    """Training photos over the range of confidence: a doubtful one shows a difference that a sure one hides."""
    order = np.argsort(learned.probabilities.max(axis=1), kind="stable")
    spread = np.unique(np.linspace(0, len(order) - 1, count).astype(int))
    return np.asarray(learned.scored[order[spread]])


def write_predictions(path: Path, sets: Sequence[PhotoSet], learned: Sequence[Learned]) -> None:
    """What the models said of training photos without having seen them: of all, or of those only watched on.

    One row for each photo and attribute; the column ``attribute`` is there only when there are several.
    """
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        writer = csv.writer(stream)
        several = len(sets) > 1
        first = ["attribute"] if several else []
        writer.writerow([*first, "file_name", "sha256", "label", "predicted", "probability", "fold", "twin_group"])
        for photo_set, found in zip(sets, learned, strict=True):
            table, groups = photo_set.table, found.grouped.found.groups
            first = [photo_set.attribute.name] if several else []
            rows, folds = photo_set.training[found.scored], found.folds[found.scored]
            for i, fold, p, best in zip(rows, folds, found.probabilities, found.guesses, strict=True):
                row, answer = table.rows[i], [photo_set.classes[best], f"{p[best]:.6f}"]
                writer.writerow([*first, row.file_name, table.sha256[i], row.label, *answer, fold, groups[i]])

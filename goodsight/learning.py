"""Embedded photos become a model: twins, folds, the head, calibrated probabilities, thresholds, the off-topic score."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from goodsight import calibrate, heads, offtopic, twins
from goodsight.backbones import Backbone
from goodsight.calibrate import Ints
from goodsight.embed import Table
from goodsight.errors import CatalogError
from goodsight.folds import deal
from goodsight.heads import Scaler, Trial
from goodsight.model import Model, log_odds
from goodsight.photos import Limits
from goodsight.photoset import PhotoSet
from goodsight.progress import Progress
from goodsight.training import Trained
from goodsight.twins import Fingerprints, Twins

FOLDS = 5


@dataclass(frozen=True)
class Wishes:
    """What the user wants of a model.

    Attributes:
        precision: the share of right answers among photos that no person looks at.
        alpha: the share of honest photos that may be flagged as a mismatch, per class.
        off_topic_alpha: the share of honest photos that may be called off-topic.
        budget: seconds for choosing the head.
        limits: on bytes and pixels of a photo.

    """

    precision: float
    alpha: float
    off_topic_alpha: float
    budget: float
    limits: Limits


@dataclass(frozen=True)
class Grouped:
    """Twins among all photos of a set, and what keeps the ``t`` training photos' twins together.

    Attributes:
        scaler: learnt from the training photos.
        fingerprints: of all photos.
        found: the twins among all photos.
        folds: fold numbers (t,).

    """

    scaler: Scaler
    fingerprints: Fingerprints
    found: Twins
    folds: Ints


@dataclass(frozen=True)
class Learned:
    """A model and the evidence behind it, for the ``t`` training photos in their order.

    Attributes:
        model: the model.
        grouped: twins and folds.
        scored: which training photos have an answer from a training that did not see them (s,): all, or those that
            a network trained here was only watched on.
        probabilities: those answers, calibrated (s, classes).
        on_topic: the on-topic score of each training photo against the others (t,).
        trials: the candidate heads.
        folds: which fold's training answered for each training photo (t,).

    """

    model: Model
    grouped: Grouped
    scored: Ints
    probabilities: npt.NDArray[np.float64]
    on_topic: npt.NDArray[np.float64]
    trials: tuple[Trial, ...]
    folds: Ints

    @property
    def scored_as(self) -> str:
        """What a result on the scored photos is called: a network trained here may only be watched on some."""
        return "out-of-fold" if len(self.scored) == len(self.folds) else "held-out"


def group(photo_set: PhotoSet, backbone: Backbone) -> Grouped:
    """Find twins, and deal the training photos into folds.

    Raises:
        CatalogError: all training photos are copies of one.

    """
    table, training = photo_set.table, photo_set.training
    scaler = Scaler.fit(table.vectors[training], backbone.blocks)
    fingerprints = _fingerprints(photo_set, scaler)
    found = fingerprints.twins()
    if len(np.unique(found.groups[training])) < 2:
        raise CatalogError("all training photos are copies of one photo; training needs different ones")
    return Grouped(scaler, fingerprints, found, deal(photo_set.labels[training], found.groups[training], FOLDS))


def learn(
    photo_set: PhotoSet,
    backbone: Backbone,
    grouped: Grouped,
    negatives: Table,
    wishes: Wishes,
    source: str,
    *,
    own: Trained | None = None,
    lap: Callable[[str], None],
    progress: Progress,
) -> Learned:
    """Learn a model from a photo set.

    Args:
        photo_set: the photos, with those that are trained on.
        backbone: what embedded them.
        grouped: their twins and folds.
        negatives: photos that show none of the classes; may be empty.
        wishes: what the user wants.
        source: where the photos came from, for ``model.json``.
        own: for a network that was trained here, what it says of photos that it did not see.
        lap: told each step that is done.
        progress: told about the choice of the head.

    """
    training = photo_set.training
    vectors, labels, groups = (
        photo_set.table.vectors[training],
        photo_set.labels[training],
        grouped.found.groups[training],
    )
    trials: tuple[Trial, ...] = ()
    if own is None:
        fit = heads.fit(vectors, labels, grouped.folds, grouped.scaler, budget=wishes.budget, progress=progress)
        head, scores, trials, scored = fit.head, fit.scores, fit.trials, np.arange(len(labels))
        fingerprints = grouped.fingerprints
        lap("choose and train the head")
    else:
        scaler = Scaler.fit(vectors, backbone.blocks)
        head = heads.of_network(scaler, backbone.columns("classes") or slice(0, 0))
        scored = np.flatnonzero(np.isfinite(own.scores).all(axis=1))
        scores = own.scores[scored]
        fingerprints = _fingerprints(photo_set, scaler)
    known = labels[scored]
    temperature = calibrate.fit_temperature(scores, known)
    probabilities = calibrate.softmax(scores, temperature)
    conformity = log_odds(probabilities)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == known
    topic = backbone.columns("head") or backbone.columns("features") or slice(0, backbone.width)
    scorer, on_topic = offtopic.fit(vectors, groups, topic, negatives.vectors if negatives.rows else None)
    model = Model(
        classes=photo_set.classes,
        backbone=backbone,
        head=head,
        off_topic=scorer,
        temperature=temperature,
        calibration=tuple(np.sort(conformity[known == c, c]) for c in range(len(photo_set.classes))),
        on_topic=np.sort(on_topic[scored]).astype(np.float32),
        alpha=wishes.alpha,
        off_topic_alpha=wishes.off_topic_alpha,
        precision=wishes.precision,
        threshold=calibrate.threshold_for(confidence, right, wishes.precision),
        training=fingerprints.take(training),
        limits=wishes.limits,
        info={"catalog": photo_set.catalog_hash(), "photos": len(training), "source": source},
    )
    lap("calibrate")
    return Learned(model, grouped, scored, probabilities, on_topic, trials, grouped.folds if own is None else own.folds)


def _fingerprints(photo_set: PhotoSet, scaler: Scaler) -> Fingerprints:
    table = photo_set.table
    return Fingerprints(table.sha256, table.thumbnails, twins.sketch(scaler(table.vectors)))


def canaries(learned: Learned, count: int) -> Ints:
    """Training photos over the range of confidence: a doubtful one shows a difference that a sure one hides."""
    order = np.argsort(learned.probabilities.max(axis=1), kind="stable")
    spread = np.unique(np.linspace(0, len(order) - 1, count).astype(int))
    return np.asarray(learned.scored[order[spread]])


def write_predictions(path: Path, photo_set: PhotoSet, learned: Learned) -> None:
    """What the model said of training photos without having seen them: of all, or of those it was only watched on."""
    table = photo_set.table
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file_name", "sha256", "label", "predicted", "probability", "fold", "twin_group"])
        rows, folds = photo_set.training[learned.scored], learned.folds[learned.scored]
        for i, fold, p in zip(rows, folds, learned.probabilities, strict=True):
            row, best = table.rows[i], int(p.argmax())
            answer = [photo_set.classes[best], f"{p[best]:.6f}"]
            writer.writerow([row.file_name, table.sha256[i], row.label, *answer, fold, learned.grouped.found.groups[i]])

"""Embedded photos become a model: twins, folds, the head, calibrated probabilities, thresholds, the off-topic score."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from goodsight import calibrate, heads, offtopic, split, twins
from goodsight.backbones import Backbone
from goodsight.calibrate import Ints
from goodsight.embed import Table
from goodsight.heads import Trial
from goodsight.model import Model, log_odds
from goodsight.photos import Limits
from goodsight.photoset import PhotoSet
from goodsight.progress import Progress
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
class Learned:
    """A model and the evidence behind it, for the ``t`` training photos in their order.

    Attributes:
        model: the model.
        found: the twins among all photos.
        folds: fold numbers (t,).
        probabilities: out-of-fold, calibrated (t, classes).
        on_topic: the on-topic score of each training photo against the others (t,).
        trials: the candidate heads.

    """

    model: Model
    found: Twins
    folds: Ints
    probabilities: npt.NDArray[np.float64]
    on_topic: npt.NDArray[np.float64]
    trials: tuple[Trial, ...]


def learn(
    photo_set: PhotoSet,
    backbone: Backbone,
    negatives: Table,
    wishes: Wishes,
    source: str,
    *,
    lap: Callable[[str], None],
    progress: Progress,
) -> Learned:
    """Learn a model from a photo set.

    Args:
        photo_set: the photos, with those that are trained on.
        backbone: what embedded them.
        negatives: photos that show none of the classes; may be empty.
        wishes: what the user wants.
        source: where the photos came from, for ``model.json``.
        lap: told each step that is done.
        progress: told about the choice of the head.

    """
    table, training = photo_set.table, photo_set.training
    vectors = table.vectors[training]
    scaler = heads.Scaler.fit(vectors, backbone.blocks)
    fingerprints = Fingerprints(table.sha256, table.thumbnails, twins.sketch(scaler(table.vectors)))
    found = fingerprints.twins()
    lap("find twins")
    labels, groups = photo_set.labels[training], found.groups[training]
    folds = split.folds(labels, groups, FOLDS)
    fit = heads.fit(vectors, labels, folds, scaler, budget=wishes.budget, progress=progress)
    lap("choose and train the head")
    temperature = calibrate.fit_temperature(fit.scores, labels)
    probabilities = calibrate.softmax(fit.scores, temperature)
    conformity = log_odds(probabilities)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    topic = backbone.columns("head") or slice(0, backbone.width)
    scorer, on_topic = offtopic.fit(vectors, groups, topic, negatives.vectors if negatives.rows else None)
    model = Model(
        classes=photo_set.classes,
        backbone=backbone,
        head=fit.head,
        off_topic=scorer,
        temperature=temperature,
        calibration=tuple(np.sort(conformity[labels == c, c]) for c in range(len(photo_set.classes))),
        on_topic=np.sort(on_topic).astype(np.float32),
        alpha=wishes.alpha,
        off_topic_alpha=wishes.off_topic_alpha,
        precision=wishes.precision,
        threshold=calibrate.threshold_for(confidence, right, wishes.precision),
        training=fingerprints.take(training),
        limits=wishes.limits,
        info={"catalog": photo_set.catalog_hash(), "photos": len(training), "source": source},
    )
    lap("calibrate")
    return Learned(model, found, folds, probabilities, on_topic, fit.trials)


def canaries(learned: Learned, count: int) -> Ints:
    """Training photos over the range of confidence: a doubtful one shows a difference that a sure one hides."""
    order = np.argsort(learned.probabilities.max(axis=1), kind="stable")
    spread = np.unique(np.linspace(0, len(order) - 1, count).astype(int))
    return np.asarray(order[spread])


def write_predictions(path: Path, photo_set: PhotoSet, learned: Learned) -> None:
    """The out-of-fold answer for every training photo: what the model said of it without having seen it."""
    table = photo_set.table
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file_name", "sha256", "label", "predicted", "probability", "fold", "twin_group"])
        for i, fold, p in zip(photo_set.training, learned.folds, learned.probabilities, strict=True):
            row, best = table.rows[i], int(p.argmax())
            answer = [photo_set.classes[best], f"{p[best]:.6f}"]
            writer.writerow([row.file_name, table.sha256[i], row.label, *answer, fold, learned.found.groups[i]])

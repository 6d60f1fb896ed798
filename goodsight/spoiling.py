"""Which photos the robustness card is made on, and which model answers for them: one that has not seen them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from goodsight import heads, robustness
from goodsight.backbones import Backbone
from goodsight.calibrate import Ints
from goodsight.embed import Cache
from goodsight.engine import Engine, start
from goodsight.heads import Head
from goodsight.learning import Learned
from goodsight.model import Model
from goodsight.photos import Limits
from goodsight.photoset import PhotoSet
from goodsight.progress import Progress
from goodsight.robustness import Card
from goodsight.training import Trained


def of_photos(
    count: int,
    which: str,
    model: Model,
    engine: Engine,
    cache: Cache | None,
    photo_set: PhotoSet,
    rows: Ints,
    groups: Ints,
    progress: Progress,
) -> Card | None:
    """The card of a model on photos that it was not trained on; None without any.

    Args:
        count: of photos to try, drawn from ``rows``.
        which: photos they are, for the report.
        model: the model.
        engine: runs its network.
        cache: of its embeddings, read and filled when given.
        photo_set: the photos (n).
        rows: indices of photos with a class of the model, without those that leaked (k,).
        groups: twin groups (n,).
        progress: told the photos.

    """
    rows = _drawn(rows, count)
    guesses = model.given(model.probabilities(photo_set.table.vectors[rows]))
    tried = _Tried(model.backbone, engine, model.head, cache)
    return _card(which, photo_set, rows, guesses, groups, tried, model.limits, progress)


def of_training(
    count: int,
    which: str,
    photo_set: PhotoSet,
    learned: Learned,
    engine: Engine,
    cache: Cache | None,
    own: Trained | None,
    progress: Progress,
) -> Card | None:
    """The card of a training: on the user's own split ``which``, or else on training photos of one fold.

    Args:
        count: of photos to try.
        which: the user's split to try, or the name of the result on training photos.
        photo_set: the photos.
        learned: the model and its evidence.
        engine: runs its network.
        cache: of its embeddings, read and filled when given.
        own: how the network was trained, if it was trained here.
        progress: told the photos.

    """
    if not count:
        return None
    model, grouped, trained = learned.model, learned.grouped, photo_set.training
    groups = grouped.found.groups
    unleaked = ~np.isin(groups, groups[trained])
    rows = np.flatnonzero((photo_set.splits == which) & (photo_set.labels >= 0) & unleaked)
    if len(rows):
        return of_photos(count, which, model, engine, cache, photo_set, rows, groups, progress)
    tried = _Tried(model.backbone, engine, model.head, cache)
    if own is None:
        watched: Ints = np.flatnonzero(grouped.folds == 0)
        rest = np.flatnonzero(grouped.folds != 0)
        vectors, labels = photo_set.table.vectors[trained[rest]], photo_set.labels[trained[rest]]
        others = None if learned.others is None else learned.others[rest]
        copies = None if learned.copies is None else learned.copies[rest]
        setting, scaler = model.head.setting, model.head.scaler
        head, _ = heads.train(setting, scaler, vectors, labels, grouped.folds[rest], others=others, copies=copies)
        tried = replace(tried, head=head)
    else:
        watched = own.watched
        tried = replace(tried, backbone=own.witness, engine=start(own.witness.network), cache=None)
    said = np.zeros(len(trained), np.int64)
    said[learned.scored] = learned.guesses
    watched = _drawn(watched, count)
    return _card(learned.scored_as, photo_set, trained[watched], said[watched], groups, tried, model.limits, progress)


def _drawn(rows: Ints, count: int) -> Ints:
    """At most ``count`` of some rows, the same every time."""
    return rows[np.sort(np.random.default_rng(0).permutation(len(rows))[:count])]


@dataclass(frozen=True)
class _Tried:
    """What answers for spoilt photos."""

    backbone: Backbone
    engine: Engine
    head: Head
    cache: Cache | None


def _card(
    which: str,
    photo_set: PhotoSet,
    rows: Ints,
    guesses: Ints,
    groups: Ints,
    tried: _Tried,
    limits: Limits,
    progress: Progress,
) -> Card | None:
    if not len(rows):
        return None
    return robustness.measure(
        which,
        [photo_set.table.rows[i] for i in rows],
        photo_set.labels[rows],
        groups[rows],
        guesses,
        tried.backbone,
        tried.engine,
        tried.head,
        limits,
        cache=tried.cache,
        progress=progress,
    )

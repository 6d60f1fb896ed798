"""Where every road ends: a head for one attribute, what it says of photos that it did not see, what can be asked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from goodsight.arrays import Array, Ints
from goodsight.backbones.backbone import Backbone
from goodsight.embedding.photoset import PhotoSet
from goodsight.embedding.table import Table
from goodsight.embedding.twins import Fingerprints, Twins
from goodsight.heads import kinds
from goodsight.heads.examples import Examples
from goodsight.heads.head import Head
from goodsight.heads.scaler import Scaler
from goodsight.heads.search import Trial
from goodsight.training.recipe import Trained

OUT_OF_FOLD, HELD_OUT = "out-of-fold", "held-out"
ELSEWHERE, LIKE_THESE = "photos from elsewhere", "photos like these"
"""What results on training photos are called."""


@dataclass(frozen=True)
class Witness:
    """What answers for photos that it has not seen: a network, a head, and the places of the photos in the training."""

    backbone: Backbone
    head: Head
    watched: Ints


@dataclass(frozen=True)
class Fitted:
    """A head for one attribute, whichever road led to it, for the ``t`` training photos of its set in their order.

    Attributes:
        photo_set: the photos, embedded by the network whose embeddings the head reads.
        backbone: that network.
        scaler: standardises its embeddings where photos are compared with each other.
        fingerprints: what twins of all photos are found by.
        found: the twins among all photos.
        groups: what was never torn apart (n,): twins, and photos of one group.
        head: the head.
        scores: what it, or one trained like it, says of photos that it did not see (s, classes).
        scored: which training photos those are (s,): all, or those that a network trained here was only watched on.
        folds: which fold's training answered for each training photo (t,).
        trials: the candidate heads, if there was a choice.
        examples: what the head learned from; None for a network that is itself trained for the classes.
        network: how that one was trained.
        apart: the folds keep groups apart, so that the scored photos are photos from elsewhere.
        near: scores (t, classes) from folds that keep only twins together, so of photos like those that were trained
            on; None where no groups are known, or for a network that is itself trained for the classes.
        undone: photos that a ledger dropped, embedded likewise, with copies without their colours if the head learned
            from such.

    """

    photo_set: PhotoSet
    backbone: Backbone
    scaler: Scaler
    fingerprints: Fingerprints
    found: Twins
    groups: Ints
    head: Head
    scores: Array
    scored: Ints
    folds: Ints
    trials: tuple[Trial, ...] = ()
    examples: Examples | None = None
    network: Trained | None = None
    undone: Undone | None = field(default=None, repr=False)
    apart: bool = False
    near: Array | None = field(default=None, repr=False)

    @property
    def scored_as(self) -> str:
        """What a result on the scored photos is called: a network trained here may only be watched on some.

        Where groups are known, none of a photo's group was trained on: it is a photo from elsewhere.
        """
        if len(self.scored) < len(self.folds):
            return HELD_OUT
        return ELSEWHERE if self.apart else OUT_OF_FOLD

    def witness(self) -> Witness:
        """The network or head of one fold, which has not seen the photos of it."""
        if self.network is not None:
            return Witness(self.network.witness, self.head, self.network.watched)
        assert self.examples is not None
        rest = np.flatnonzero(self.folds != 0)
        # One fold: nobody asks what it says out-of-fold.
        examples = replace(self.examples.take(rest), folds=np.zeros(len(rest), np.int64), apart=False)
        scaler = self.head.scaler.learnt_anew(examples.filed) if self.examples.apart else self.head.scaler
        head, _ = kinds.train(self.head.setting, scaler, examples)
        return Witness(self.backbone, head, np.flatnonzero(self.folds == 0))

    def without(self, hidden: Ints, rows: Ints) -> Array | None:
        """Scores (k, classes) of some training photos ``rows`` (k,), each from a head that saw none of its number.

        Where groups are known, it saw none of the photo's fold either, and so nothing of its group.

        Args:
            hidden: numbers of what is hidden together (k,).
            rows: which training photos (k,).

        Returns:
            None for a network that is itself trained for the classes: it would have to be trained again.

        """
        if self.examples is None:
            return None
        examples = self.examples.take(rows)
        examples = replace(examples, hidden=hidden) if self.apart else replace(examples, folds=hidden, apart=False)
        return kinds.train(self.head.setting, self.head.scaler, examples)[1]


@dataclass(frozen=True)
class Undone:
    """Photos that would be trained on without a ledger (d), and copies of them without their colours (d, width)."""

    table: Table
    grey: Array | None = None

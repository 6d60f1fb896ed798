"""What a ledger gained: the same head with and without it, on the training photos that it does not touch.

Photos that were dropped or relabelled do not count: on those, a training that believes the ledger is right by design.
The others have the same label either way, and each is scored by a head that saw neither it nor its twins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from goodsight.arrays import Bools, Doubles, Ints
from goodsight.catalog.replay import Replayed
from goodsight.embedding.filed import joined
from goodsight.embedding.table import Table
from goodsight.embedding.twins import Fingerprints
from goodsight.heads import kinds
from goodsight.heads.examples import Examples
from goodsight.heads.folds import deal
from goodsight.heads.scaler import scalers, sketched
from goodsight.measuring.comparison import Comparison, Outcome, compare
from goodsight.model.learn import Learned, calibrated
from goodsight.model.record import Judge
from goodsight.training.fitted import Fitted, Undone
from goodsight.training.groups import FOLDS, units_of


@dataclass(frozen=True)
class Gain:
    """With the ledger (the comparison's candidate) and without it (its current), or the reason why there is none.

    ``losses`` are the mean log losses without and with the ledger.
    """

    comparison: Comparison | None = None
    losses: tuple[float, float] = (float("nan"), float("nan"))
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """For ``metrics.json``."""
        if self.comparison is None:
            return {"not_measured": self.reason}
        found = self.comparison
        return {
            "n": found.n,
            "twin_groups": found.groups,
            "accuracy_without": round(found.current_accuracy, 5),
            "accuracy_with": round(found.candidate_accuracy, 5),
            "accuracy_gain": found.gain.to_json(),
            "log_loss_without": round(self.losses[0], 5),
            "log_loss_with": round(self.losses[1], 5),
            "log_loss_gain": found.loss_gain.to_json(),
        }


def measure(replayed: Replayed, learned: Learned) -> Gain:
    """Train the chosen head once more without the ledger, and compare out-of-fold.

    Touched photos get their old label and dropped ones are put back. All keep their folds; a dropped photo joins the
    fold of its twins. Photos that it would bind to twins of another fold do not count, since no fold would then keep
    their twins away. The interval is a bootstrap over twin groups; see
    :func:`goodsight.measuring.comparison.compare`.

    Args:
        replayed: what the ledger did.
        learned: the judge and its out-of-fold probabilities with the ledger (t, classes), and the dropped photos (d).

    """
    fitted, photo_set = learned.fitted, learned.fitted.photo_set
    if fitted.examples is None or fitted.undone is None:
        return Gain(reason="the network that is trained here would have to be trained again")
    before, put_back = replayed.before(photo_set.number), fitted.undone.table
    rows = [photo_set.table.rows[i] for i in photo_set.training]
    touched = np.array([row.file_name in before for row in rows])
    old_labels = [before.get(row.file_name, photo_set.label(row)) for row in (*rows, *put_back.rows)]
    classes = tuple(sorted(set(old_labels) - {""}))
    if not touched.any() and not any(photo_set.label(row) for row in put_back.rows):
        return Gain(reason="it changes no photo that is trained on")
    if len(classes) < 2:
        return Gain(reason="without it there is one class only")
    folds, groups, clean = _dealt(fitted, put_back)
    fair = np.flatnonzero(~touched & clean)
    if not len(fair):
        return Gain(reason="it leaves no photo untouched")
    every = tuple(sorted({*classes, *photo_set.classes}))
    judge, without = _without(learned, fitted.examples, fitted.undone, _numbers(old_labels, classes), folds)
    labels = _numbers([photo_set.label(rows[i]) for i in fair], every)
    current = _outcome(replace(judge, classes=classes), without[fair], labels, every)
    candidate = _outcome(learned.judge, learned.probabilities[fair], labels, every)
    losses = (float(current.loss.mean()), float(candidate.loss.mean()))
    return Gain(compare(current, candidate, groups[fair]), losses)


def _dealt(fitted: Fitted, put_back: Table) -> tuple[Ints, Ints, Bools]:
    """Folds (t + d,) and twin groups (t,), and which of the training photos have all their twins in their fold (t,)."""
    trained, rows = fitted.photo_set.training, fitted.photo_set.table.rows
    if not put_back.rows:
        return fitted.folds, fitted.groups[trained], np.ones(len(trained), bool)
    more = Fingerprints(put_back.sha256, put_back.thumbnails, sketched(fitted.scaler, put_back.filed))
    every = units_of([*rows, *put_back.rows], (fitted.fingerprints + more).twins().groups)
    groups, new = every[trained], every[len(rows) :]
    home = dict(zip(groups[::-1].tolist(), fitted.folds[::-1].tolist(), strict=True))
    lone = np.flatnonzero(~np.isin(new, groups))
    numbers = np.unique([fitted.photo_set.label(row) for row in put_back.rows], return_inverse=True)[1]
    if len(lone):
        home |= dict(zip(new[lone].tolist(), deal(numbers[lone], new[lone], FOLDS).tolist(), strict=True))
    folds = np.concatenate([fitted.folds, [home[group] for group in new.tolist()]])
    return folds, groups, np.array([home[g] for g in groups.tolist()]) == fitted.folds


def _without(learned: Learned, given: Examples, undone: Undone, labels: Ints, folds: Ints) -> tuple[Judge, Doubles]:
    """The chosen head calibrated as in any training, and its out-of-fold probabilities (t + d, classes).

    Photos that have no label without the ledger (-1) are not trained on, and have no probabilities.
    """
    vectors, others, copies = given.filed, given.others, given.grey
    if undone.table.rows:
        vectors = joined([vectors, undone.table.filed])
    if others is not None:
        # What else a photo shows that was put back is not known here; it is no reason to take it for the same.
        others = np.concatenate([others, np.full(len(undone.table.rows), others.max() + 1)])
    if copies is not None and undone.grey is not None:
        copies = joined([copies, undone.grey])
    known = np.flatnonzero(labels >= 0)
    examples = Examples(vectors, labels, folds, others, copies, apart=given.apart).take(known)
    setting = learned.judge.head.setting
    scaler = scalers(examples.filed, learned.fitted.backbone.blocks)[setting.view]
    scores = kinds.train(setting, scaler, examples)[1]
    found = np.full((len(labels), scores.shape[1]), np.nan)
    judge = calibrated(learned.judge, scores, examples.labels)
    found[known] = judge.calibrated(scores)
    return judge, found


def _outcome(judge: Judge, probabilities: Doubles, labels: Ints, every: Sequence[str]) -> Outcome:
    """How a judge did on photos (n) whose labels are places in ``every``: a tag is given by its cut."""
    answers = _numbers(judge.classes, every)[judge.given(probabilities)]
    return Outcome.of(_widened(probabilities, judge.classes, every), labels, answers)


def _numbers(names: Sequence[str], classes: Sequence[str]) -> Ints:
    number = {name: i for i, name in enumerate(classes)} | {"": -1}
    return np.array([number[name] for name in names], np.int64)


def _widened(probabilities: Doubles, classes: Sequence[str], every: Sequence[str]) -> Doubles:
    """Probabilities over some classes as those over all (n, every); a class that a head does not know gets none."""
    wide = np.zeros((len(probabilities), len(every)))
    wide[:, _numbers(classes, every)] = probabilities
    return wide

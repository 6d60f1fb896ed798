"""Embeddings and labels become a head, chosen on grouped folds among settings of the kinds that can be learned.

Settings are compared on a part of many photos; then the best of each kind that is close is trained on all, and of these
the best is taken. Where groups are known, the mean of the best kernel head and the best cosine head is one of them. Of
more than :data:`COMPARED` photos a part is all that kinds are compared on, and the best is trained on all.

When photos have several attributes, a head may read one off the other: a model that saw only black jeans and no black
dress takes what is black for jeans. So heads may set aside what the other attributes say, see
:mod:`goodsight.heads.discriminant`, look at a part of the columns, a *view*, or learn from copies of the photos without
their colours as well; and all are chosen on folds that hide one combination each.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from goodsight.arrays import Array, Doubles, Ints
from goodsight.heads import kinds, sample
from goodsight.heads.calibrate import fit_temperature, log_loss, softmax
from goodsight.heads.examples import Examples
from goodsight.heads.folds import strangers
from goodsight.heads.head import Head, Kind, Setting
from goodsight.heads.mixed import PARTS
from goodsight.heads.ridge import ease
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen
from goodsight.progress import Progress, quiet

AT_LEAST = 3
"""So many candidates are tried whatever the budget."""


SEARCH = 1000
"""About so many photos are enough to find the best setting of a kind."""


CLOSE = 1.15
"""A kind whose log loss on the part is up to so many times the best one's is trained on all photos as well: with more
photos kinds pass each other, kernels most. On clothing they moved by 8 %, on the Pokedex by 3 %."""


COMPARED = 20_000
"""So many photos show which kind is best: of more, whole groups of each class are drawn."""


HIDDEN = 60
"""Folds that hide combinations: each costs a training of every candidate."""


SEARCH_BESIDE = 2500
"""More, because each combination that is hidden has few photos."""


@dataclass(frozen=True)
class Trial:
    """What one candidate scored out-of-fold, on so many photos: a part of them, or all."""

    setting: Setting
    log_loss: float
    accuracy: float
    photos: int


@dataclass(frozen=True)
class Chosen:
    """The chosen head, its out-of-fold scores (n, classes), and every candidate that was tried."""

    head: Head
    scores: Array
    trials: tuple[Trial, ...]


CANDIDATES = (
    Setting("kernel", 0.5, 0.06),
    Setting("linear", 0.0, 1.0),
    Setting("cosine", 0.0, 0.1),
    Setting("kernel", 0.25, 0.06),
    Setting("kernel", 0.5, 0.02),
    Setting("linear", 0.0, 0.3),
    Setting("cosine", 0.0, 0.03),
)
"""One of each kind first, so that even a budget of nothing compares the kinds."""


GROUPED = (
    Setting("kernel", 0.25, 0.06),
    Setting("linear", 0.0, 1.0),
    Setting("cosine", 0.0, 0.4),
    Setting("kernel", 0.25, 0.2),
    Setting("cosine", 0.0, 0.1),
    Setting("kernel", 0.5, 0.06),
    Setting("linear", 0.0, 0.3),
)
"""Where groups are known: photos from elsewhere want larger penalties."""


SMALL = tuple(setting for setting in CANDIDATES if setting.kind == "linear")
"""For tags, of which there may be many: heads that keep no photos and are learnt in a second."""


BESIDE_OTHERS = (
    Setting("curved", 0.5, 0.03, "colour", aside=1.0),
    Setting("cosine", 0.0, 0.3, aside=64.0),
    Setting("kernel", 0.5, 0.06),
    Setting("curved", 0.5, 0.1, "colour", aside=4.0),
    Setting("cosine", 0.0, 0.2, aside=64.0),
    Setting("cosine", 0.0, 0.1),
)
"""For an attribute beside others. No linear one: it knows the mean of all photos, and so where a hidden combination
lies."""


WITH_COPIES = (
    Setting("cosine", 0.0, 0.2, aside=64.0, grey=True),
    *(setting for setting in BESIDE_OTHERS if setting.view or not setting.aside),
    Setting("cosine", 0.0, 0.2, aside=64.0),
)
"""The same when there are copies without colours. One penalty only: with a larger one a head knows combinations that it
never saw a little better, so that it would be chosen, and those that it saw worse."""


def fit(
    examples: Examples,
    views: Mapping[str, Scaler],
    candidates: Sequence[Setting] = CANDIDATES,
    *,
    mixed: bool = False,
    budget: float = 60.0,
    progress: Progress = quiet,
) -> Chosen:
    """Choose and train a head.

    Candidates are compared by the log loss of their temperature-scaled out-of-fold scores, on all photos or, when
    there are more than :data:`SEARCH`, on whole folds of a part of them. The best of each kind that is close is then
    trained on all photos, or on about :data:`COMPARED`, and the choice among these is by the same measure. Classes are
    weighted by the inverse square root of their size. With ``others``, candidates are compared on folds that hide one
    combination each, to choose a head that knows combinations it never saw, and only the best is trained; where folds
    are to be kept apart as well, nothing is learned from a photo's fold either.

    Args:
        examples: the photos (n), at least one of each class.
        views: scalers of the views of the embeddings, '' among them; see :func:`goodsight.heads.scaler.scalers`.
        candidates: what to choose from; those of a view that is not there, and those of copies when there are none,
            are left out.
        mixed: whether to try the mean of the best of each kind of :data:`goodsight.heads.mixed.PARTS` as well.
        budget: seconds for comparing candidates, and as many for training the best of each kind on all photos; at
            least one candidate of each kind is compared, and the best is trained.
        progress: called as ``progress("choose the head", done, total)``.

    Raises:
        ValueError: no candidate is left.
        numpy.linalg.LinAlgError: the embeddings are not finite.

    """
    candidates = [s for s in candidates if s.view in views and (examples.grey is not None or not s.grey)]
    some = _many(examples)
    trials = _compared(some, views, candidates, budget, progress)
    finals = _finals(trials, PARTS if mixed else ())
    if examples.others is not None:
        head, scores = kinds.train(finals[0], views[finals[0].view], examples)
        return Chosen(head, scores, tuple(trials))
    trained = _trained(some, views, finals, budget)
    if mixed:
        trained += _mixed(trained, some)
    share = _shares(some)
    last = [_judge(head.setting, scores, some.labels, share) for head, scores in trained]
    head, scores = trained[min(range(len(last)), key=lambda i: last[i].log_loss)]
    if len(some) < len(examples):
        del trained
        head, scores = kinds.train(head.setting, views[head.setting.view], examples)
        last.append(_judge(head.setting, scores, examples.labels, _shares(examples)))
    # Where the part is all photos, what was trained has the figures that it was found by.
    every = {(trial.setting, trial.photos): trial for trial in (*trials, *last)}
    return Chosen(head, scores, tuple(every.values()))


def _many(examples: Examples) -> Examples:
    """What kinds are compared on: all photos or, of very many, a part of them with whole groups."""
    if len(examples) <= COMPARED:
        return examples
    return examples.take(sample.part(examples.labels, examples.groups, COMPARED))


def _trained(
    examples: Examples, views: Mapping[str, Scaler], finals: Sequence[Setting], budget: float
) -> list[tuple[Head, Array]]:
    """Heads of some settings with their out-of-fold scores (n, classes): the first, others while there is time."""
    seen = {view: Seen.of(scaler, examples) for view, scaler in views.items()}
    trained: list[tuple[Head, Array]] = []
    start = time.monotonic()
    for setting in finals:
        if trained and time.monotonic() - start > budget:
            break
        trained.append(kinds.learn(setting, seen[setting.view], examples))
    return trained


def _compared(
    examples: Examples, views: Mapping[str, Scaler], candidates: Sequence[Setting], budget: float, progress: Progress
) -> list[Trial]:
    """What candidates score on a part of the photos, until the time is over."""
    start = time.monotonic()
    part = _part(examples)
    known = examples.take(part).held()
    share = _shares(known)
    seen = _seen(known, ease(examples)[part], views)
    trials: list[Trial] = []
    for done, setting in enumerate(candidates):
        if done >= AT_LEAST and time.monotonic() - start > budget:
            break
        scores = kinds.out_of_fold(setting, seen[setting.view, setting.grey])[: len(known)]
        trials.append(_judge(setting, scores, known.labels, share))
        progress("choose the head", done + 1, len(candidates))
    return trials


def _finals(trials: Sequence[Trial], kinds: Collection[Kind]) -> list[Setting]:
    """The best setting of each kind that is close to the best of all, or one of these ``kinds``; the best first.

    Raises:
        ValueError: none was tried.

    """
    if not trials:
        raise ValueError("no candidate is left")
    best: dict[Kind, Trial] = {}
    for trial in sorted(trials, key=lambda t: t.log_loss):
        best.setdefault(trial.setting.kind, trial)
    first = next(iter(best.values())).log_loss
    return [t.setting for kind, t in best.items() if t.log_loss <= CLOSE * first or kind in kinds]


def _mixed(trained: Sequence[tuple[Head, Array]], examples: Examples) -> list[tuple[Head, Array]]:
    """The mean of what the heads of the kinds that are mixed say, if they are all there, and its out-of-fold scores."""
    parts = [pair for kind in PARTS for pair in trained if pair[0].setting.kind == kind]
    if len(parts) < len(PARTS):
        return []
    weights = [1 / (len(parts) * fit_temperature(scores, examples.labels)) for _, scores in parts]
    settings = (replace(head.setting, weight=weight) for (head, _), weight in zip(parts, weights, strict=True))
    return [kinds.mix(Setting("mixed", 0.0, 0.0, parts=tuple(settings)), parts)]


def _seen(known: Examples, easy: Array, views: Mapping[str, Scaler]) -> dict[tuple[str, bool], Seen]:
    """What candidates look at, by view and by whether they learn from copies, on folds that hide what there is to."""
    if known.others is not None and known.apart:
        # Each part of the combinations costs a training for each fold.
        combined = np.stack([known.labels, known.others], axis=1)
        parts = strangers(combined, max(2, HIDDEN // len(np.unique(known.folds))))
        known = replace(known, hidden=parts, apart=False)
    elif known.others is not None:
        known = replace(known, folds=_hidden(known.cells))
    seen = {(view, False): Seen(scaler, known, easy) for view, scaler in views.items()}
    if known.grey is None:
        return seen
    both, twice = known.with_grey(), np.tile(easy, 2)
    return seen | {(view, True): Seen(scaler, both, twice) for view, scaler in views.items()}


def _part(examples: Examples) -> Ints:
    """Indices of the photos that candidates are compared on, sorted."""
    cells = examples.cells
    if examples.others is None:
        return _some(cells, SEARCH)
    return _some(cells, SEARCH_BESIDE, min(5, max(1, SEARCH_BESIDE // (int(cells.max()) + 1))))


def _some(labels: Ints, most: int, least: int = 5) -> Ints:
    """Indices of about ``most`` photos, sorted; every class keeps its share, rare classes up to ``least`` photos."""
    if len(labels) <= most:
        return np.arange(len(labels))
    rng = np.random.default_rng(0)
    share = most / len(labels)
    kept = []
    for c in np.unique(labels):
        rows = np.flatnonzero(labels == c)
        kept.append(rng.permutation(rows)[: max(min(least, len(rows)), round(share * len(rows)))])
    return np.sort(np.concatenate(kept))


def _hidden(cells: Ints) -> Ints:
    """Fold numbers (n,) that hide each cell whole: one cell each or, of very many, several at once."""
    count = int(cells.max()) + 1
    return cells if count <= HIDDEN else np.random.default_rng(0).permutation(count)[cells] % HIDDEN


def _shares(known: Examples) -> Doubles:
    """How much each photo (n,) counts: the same or, beside others, every cell the same, however few photos it has.

    A cell that is all there is of its label does not count then, as long as others do.
    """
    if known.others is None:
        return np.full(len(known), 1 / len(known))
    cells, labels = known.cells, known.labels
    share = 1 / np.bincount(cells)[cells]
    counts = np.bincount(labels[np.unique(cells, return_index=True)[1]])
    if (counts > 1).any() and cells.any():
        share = np.where(counts[labels] > 1, share, 0.0)
    return np.asarray(share / share.sum())


def _judge(setting: Setting, scores: Array, labels: Ints, share: Doubles) -> Trial:
    probabilities = softmax(scores, fit_temperature(scores, labels))
    right = scores.argmax(axis=1) == labels
    return Trial(setting, float(log_loss(probabilities, labels) @ share), float(right @ share), len(labels))

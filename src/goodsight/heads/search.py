"""Embeddings and labels become a head, chosen on grouped folds: linear ridge, RBF kernel ridge, or whitened cosine.

The cosine head compares a photo with the mean of each class by angle, in a space where the spread *within* classes is
made equal in all directions (linear discriminant analysis, Fisher 1936, with a shrunk covariance): it wins when there
are many classes of few photos.

When photos have several attributes, a head may read one off the other: a model that saw only black jeans and no black
dress takes what is black for jeans. So the other attributes' values divide each class into cells: the cosine head then
weighs cells instead of photos, and the spread of cell means counts as spread within the class, many times over, so
that directions in which the other attribute differs are not looked at. Heads may also look at a part of the columns, a
*view*, or learn from copies of the photos without their colours as well; and all are chosen on folds that hide one
combination each.

The ridge heads are least-squares classifiers (Rifkin et al. 2003, Regularized Least-Squares Classification), because
their scores for every fold follow from one factorisation: with ``H = (K + penalty)^-1`` and ``A = H Y``, the residual
of a fold ``B`` under the head trained without it is ``H[B, B]^-1 A[B]`` (Pahikkala et al. 2006; the block form of
leave-one-out). So cross-validation costs hardly more than one fit, and the head and its out-of-fold scores come
together. Above :data:`EXACT` photos the RBF kernel is kept to landmarks (Nystroem; Williams and Seeger 2001).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import linalg

from goodsight.arrays import Array, Ints, Vectors
from goodsight.heads.calibrate import fit_temperature, log_loss, softmax
from goodsight.heads.cosine import BENT, PRINCIPAL, bent, cells_of, fit_cosine, principal, with_copies
from goodsight.heads.head import Head, Setting
from goodsight.heads.kernels import rbf, squared_distances
from goodsight.heads.ridge import DOUBT, one_hot, penalty_ease, solve_dual, solve_primal
from goodsight.heads.scaler import Scaler
from goodsight.progress import Progress, quiet

EXACT = 6000


SEARCH = 1000


HIDDEN = 60
"""Folds that hide combinations: each costs a training of every candidate."""


SEARCH_BESIDE = 2500
"""More, because each combination that is hidden has few photos."""


@dataclass(frozen=True)
class Trial:
    """What one candidate scored on the search photos."""

    setting: Setting
    log_loss: float
    accuracy: float


@dataclass(frozen=True)
class Fit:
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
    vectors: Vectors,
    labels: Ints,
    folds: Ints,
    scaler: Scaler,
    candidates: Sequence[Setting] = CANDIDATES,
    *,
    views: Mapping[str, Scaler] | None = None,
    others: Ints | None = None,
    copies: Vectors | None = None,
    budget: float = 60.0,
    progress: Progress = quiet,
) -> Fit:
    """Choose and train a head.

    Candidates are compared by the log loss of their temperature-scaled out-of-fold scores, on all photos or, when
    there are more than :data:`SEARCH`, on whole folds of a part of them; the best is then trained on all photos.
    Classes are weighted by the inverse square root of their size. With ``others``, candidates are compared on folds
    that hide one combination each, to choose a head that knows combinations it never saw.

    Args:
        vectors: embeddings (n, width).
        labels: class numbers (n,), 0 to C - 1, each with at least one photo.
        folds: fold numbers (n,) that keep twins together.
        scaler: standardises the embeddings.
        candidates: what to choose from; those of a view that is not there, and those of copies when there are none,
            are left out.
        views: scalers of other views of the embeddings, see :func:`scalers`.
        others: numbers (n,) of what the photos' other attributes are, if they have any.
        copies: embeddings (n, width) of the photos without their colours.
        budget: seconds for the search; at least one candidate of each kind is tried.
        progress: called as ``progress("choose the head", done, total)``.

    """
    start = time.monotonic()
    looks = {**(views or {}), "": scaler}
    candidates = tuple(s for s in candidates if s.view in looks and (copies is not None or not s.grey))
    if others is None:
        part = _part(labels, SEARCH)
    else:
        pairs = cells_of(labels, others)
        part = _part(pairs, SEARCH_BESIDE, min(5, max(1, SEARCH_BESIDE // (int(pairs.max()) + 1))))
    known = labels[part]
    targets, ease = one_hot(labels)[part], penalty_ease(labels)[part]
    # Of photos with several attributes every combination counts the same, however few photos it has.
    cells = np.zeros(len(part), np.int64) if others is None else cells_of(known, others[part])
    away = folds[part] if others is None else _hidden(cells)
    share = _shares(cells, known)
    seen = {(view, False): _Seen(own, vectors[part]) for view, own in looks.items()}
    known_of = {False: (known, away, None if others is None else others[part])}
    if copies is not None:
        both = np.concatenate([vectors[part], copies[part]])
        seen |= {(view, True): _Seen(own, both) for view, own in looks.items()}
        known_of[True] = with_copies(*known_of[False])
    trials: list[Trial] = []
    for done, setting in enumerate(candidates):
        if done >= 3 and time.monotonic() - start > budget:
            break
        look = seen[setting.view, setting.grey]
        if setting.kind in {"cosine", "curved"}:
            every, apart, beside = known_of[setting.grey]
            low = look.x @ look.basis if setting.kind == "cosine" else bent(look.x, setting.gamma, BENT)[2]
            scores = fit_cosine(low, every, apart, setting, np.ones(len(every), bool), beside)[2][: len(part)]
        else:
            kernel = rbf(look.squared, setting.gamma) if setting.kind == "kernel" else look.x @ look.x.T
            scores = solve_dual(kernel, targets, away, setting.penalty * ease)[1]
        trials.append(_judge(setting, scores, known, share))
        progress("choose the head", done + 1, len(candidates))
    best = min(trials, key=lambda t: t.log_loss).setting
    head, scores = train(best, looks[best.view], vectors, labels, folds, others=others, copies=copies)
    return Fit(head, scores, tuple(trials))


@dataclass(frozen=True)
class _Seen:
    """The photos that candidates are compared on, in one view; each part is made when it is first wanted."""

    scaler: Scaler
    vectors: Vectors

    @cached_property
    def x(self) -> Array:
        return self.scaler(self.vectors)

    @cached_property
    def squared(self) -> Array:
        return squared_distances(self.x, self.x)

    @cached_property
    def basis(self) -> Array:
        return principal(self.x, PRINCIPAL // 2)


def train(
    setting: Setting,
    scaler: Scaler,
    vectors: Vectors,
    labels: Ints,
    folds: Ints,
    doubted: npt.NDArray[np.bool_] | None = None,
    others: Ints | None = None,
    copies: Vectors | None = None,
) -> tuple[Head, Array]:
    """One candidate on photos: the head, and its out-of-fold scores (n, classes).

    Labels of ``doubted`` photos (n,) hardly count, or not at all for the cosine head; they are answered like the rest.
    ``scaler`` is that of the setting's view; ``others`` as for :func:`fit`, without them nothing is set aside.
    ``copies`` (n, width) are wanted if the setting is grey: each lies in its photo's fold, and is not answered.
    """
    if setting.grey and copies is not None:
        both, (every, apart, beside) = np.concatenate([vectors, copies]), with_copies(labels, folds, others)
        unsure = None if doubted is None else np.tile(doubted, 2)
        head, scores = train(setting, scaler, both, every, apart, unsure, beside)
        return head, scores[: len(labels)]
    none, targets, ease = np.empty((0, vectors.shape[1]), np.float32), one_hot(labels), penalty_ease(labels)
    if doubted is not None:
        ease = np.where(doubted, ease * DOUBT, ease).astype(np.float32)
    if setting.kind == "cosine":
        x = scaler(vectors)
        basis = principal(x, PRINCIPAL)
        sure = np.ones(len(labels), bool) if doubted is None else ~doubted
        whiten, means, scores = fit_cosine(x @ basis, labels, folds, setting, sure, others)
        return Head(setting, scaler, np.ascontiguousarray((basis @ whiten).T), means), scores
    if setting.kind == "curved":
        landmarks, mix, low = bent(scaler(vectors), setting.gamma, BENT)
        sure = np.ones(len(labels), bool) if doubted is None else ~doubted
        whiten, means, scores = fit_cosine(low, labels, folds, setting, sure, others)
        return Head(setting, scaler, landmarks, means, mix=np.asarray(mix @ whiten)), scores
    if len(vectors) <= EXACT:
        x = scaler(vectors)
        kernel = rbf(squared_distances(x, x), setting.gamma) if setting.kind == "kernel" else x @ x.T
        dual, scores = solve_dual(kernel, targets, folds, setting.penalty * ease)
        if setting.kind == "kernel":
            return Head(setting, scaler, x, dual), scores
        return Head(setting, scaler, none, np.asarray(x.T @ dual)), scores
    if setting.kind == "linear":
        weights, scores = solve_primal(lambda rows: scaler(vectors[rows]), targets, folds, setting.penalty * ease)
        return Head(setting, scaler, none, weights), scores
    landmarks = scaler(vectors[np.random.default_rng(0).permutation(len(vectors))[: EXACT // 2]])
    root = linalg.cholesky(
        rbf(squared_distances(landmarks, landmarks), setting.gamma) + 1e-3 * np.eye(len(landmarks), dtype=np.float32),
        lower=True,
    )

    def features(rows: Ints) -> Array:
        near = rbf(squared_distances(landmarks, scaler(vectors[rows])), setting.gamma)
        return np.asarray(linalg.solve_triangular(root, near, lower=True, overwrite_b=True).T)

    weights, scores = solve_primal(features, targets, folds, setting.penalty * ease)
    return Head(setting, scaler, landmarks, linalg.solve_triangular(root, weights, lower=True, trans=1)), scores


def _part(labels: Ints, most: int, least: int = 5) -> Ints:
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


def _shares(cells: Ints, labels: Ints) -> npt.NDArray[np.float64]:
    """How much each photo (n,) counts: every cell the same, but not one that is all there is of its label."""
    share = 1 / np.bincount(cells)[cells]
    counts = np.bincount(labels[np.unique(cells, return_index=True)[1]])
    if (counts > 1).any() and cells.any():
        share = np.where(counts[labels] > 1, share, 0.0)
    return np.asarray(share / share.sum())


def _judge(setting: Setting, scores: Array, labels: Ints, share: npt.NDArray[np.float64]) -> Trial:
    probabilities = softmax(scores, fit_temperature(scores, labels))
    right = scores.argmax(axis=1) == labels
    return Trial(setting, float(log_loss(probabilities, labels) @ share), float(right @ share))

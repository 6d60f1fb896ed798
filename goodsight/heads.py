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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import linalg

from goodsight.backbones import Block
from goodsight.calibrate import Ints, fit_temperature, log_loss, softmax
from goodsight.progress import Progress, quiet

EXACT = 6000
SEARCH = 1000
HIDDEN = 60
"""Folds that hide combinations: each costs a training of every candidate."""
SEARCH_BESIDE = 2500
"""More, because each combination that is hidden has few photos."""
PRINCIPAL = 800
CURVED = 800
"""How many landmarks the curved cosine head has."""
BENT = 200
"""How many main directions of the RBF features it looks at."""
_CLIP = 6.0
_DOUBT = 50.0
"""How much less a doubted label is fitted."""
_FEW = 5.0
"""The mean of a cell of so many photos is half as sure as that of a cell of very many."""
VIEWS: Mapping[str, Mapping[str, float]] = {"colour": {"colour": 1.0}}
"""What a head may look at instead of all blocks by their own weights: the blocks of each view, with their weights."""
Array = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float16] | npt.NDArray[np.float32]
Kind = Literal["linear", "kernel", "cosine", "curved", "network"]


@dataclass(frozen=True)
class Scaler:
    """Brings embedding columns to zero mean, clips outliers at 6 sigma and weighs blocks; mean squared length is 1."""

    mean: Array
    scale: Array
    bound: Array

    @classmethod
    def fit(cls, vectors: Vectors, blocks: Sequence[Block]) -> Scaler:
        """Learn the statistics of vectors (n, width)."""
        # In chunks, summed up in double precision: a big catalog is not held a second time, and nothing is lost.
        chunks = [vectors[i : i + 1024] for i in range(0, len(vectors), 1024)]
        mean = sum(c.sum(axis=0, dtype=np.float32).astype(np.float64) for c in chunks) / len(vectors)
        away = (c.astype(np.float32) - mean.astype(np.float32) for c in chunks)
        spread = np.sqrt(sum(np.einsum("ij,ij->j", a, a).astype(np.float64) for a in away) / len(vectors)) + 1e-6
        weight = np.concatenate([np.full(b.width, b.weight / np.sqrt(b.width)) for b in blocks])
        weight /= np.sqrt(sum(b.weight**2 for b in blocks))
        return cls(mean.astype(np.float32), (weight / spread).astype(np.float32), (weight * _CLIP).astype(np.float32))

    @classmethod
    def none(cls, width: int) -> Scaler:
        """Leaves vectors as they are."""
        one = np.ones(width, np.float32)
        return cls(0 * one, one, np.inf * one)

    def __call__(self, vectors: Vectors) -> Array:
        """Standardised vectors (n, width), float32."""
        x = vectors.astype(np.float32)
        x -= self.mean
        x *= self.scale
        return np.clip(x, -self.bound, self.bound, out=x)


@dataclass(frozen=True)
class Setting:
    """One candidate.

    Attributes:
        kind: of the head.
        gamma: of the RBF kernel; 0 for heads without one.
        penalty: of the ridge, or the shrinkage.
        view: what the head looks at, '' for all blocks or one of :data:`VIEWS`.
        aside: how many times the spread between the cells of a class counts as spread within it, for ``cosine`` and
            ``curved``.
        grey: whether copies of the photos, without their colours, are trained on as well, for the same.

    """

    kind: Kind
    gamma: float
    penalty: float
    view: str = ""
    aside: float = 0.0
    grey: bool = False


@dataclass(frozen=True)
class Head:
    """What turns standardised vectors ``x`` into scores.

    ``linear``: ``x @ weights``. ``kernel``: ``rbf(x, landmarks) @ weights``. ``cosine``: the landmarks are the rows of
    a projection (k, width), the weights unit class means (k, C), and the scores ``unit(x @ landmarks.T) @ weights``.
    ``curved``: as cosine, with ``rbf(x, landmarks) @ mix + shift`` for the projection; the shift is the last row of
    ``mix`` (landmarks + 1, k).
    ``network``: the scores that the network itself gives, which are the columns ``own`` of the vectors.
    """

    setting: Setting
    scaler: Scaler
    landmarks: Array
    weights: Array
    own: slice = field(default_factory=lambda: slice(0, 0))
    mix: Array = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def __call__(self, vectors: Vectors) -> Array:
        """Scores (n, classes) of embeddings (n, width)."""
        if self.setting.kind == "network":
            return np.asarray(vectors[:, self.own], np.float32)
        x = self.scaler(vectors)
        if self.setting.kind == "linear":
            return np.asarray(x @ self.weights)
        if self.setting.kind == "cosine":
            return np.asarray(_unit(x @ self.landmarks.T) @ self.weights)
        near = _rbf(_squared(x, self.landmarks, self._lengths), self.setting.gamma)
        if self.setting.kind == "curved":
            return np.asarray(_unit(near @ self.mix[:-1] + self.mix[-1]) @ self.weights)
        return np.asarray(near @ self.weights)

    @cached_property
    def _lengths(self) -> Array:
        """Squared lengths of the landmarks: for a small batch, working them out would cost as much as the answer."""
        return _lengths(self.landmarks)


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


def scalers(vectors: Vectors, blocks: Sequence[Block]) -> dict[str, Scaler]:
    """The scaler of each view that these blocks allow, learnt from vectors (n, width); '' is the view of all."""
    found = {"": Scaler.fit(vectors, blocks)}
    for view, weights in VIEWS.items():
        if weights.keys() <= {block.name for block in blocks}:
            found[view] = Scaler.fit(vectors, [replace(b, weight=weights.get(b.name, 0.0)) for b in blocks])
    return found


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
        pairs = _cells(labels, others)
        part = _part(pairs, SEARCH_BESIDE, min(5, max(1, SEARCH_BESIDE // (int(pairs.max()) + 1))))
    known = labels[part]
    targets, ease = _targets(labels)[part], _ease(labels)[part]
    # Of photos with several attributes every combination counts the same, however few photos it has.
    cells = np.zeros(len(part), np.int64) if others is None else _cells(known, others[part])
    away = folds[part] if others is None else _hidden(cells)
    share = _shares(cells, known)
    seen = {(view, False): _Seen(own, vectors[part]) for view, own in looks.items()}
    known_of = {False: (known, away, None if others is None else others[part])}
    if copies is not None:
        both = np.concatenate([vectors[part], copies[part]])
        seen |= {(view, True): _Seen(own, both) for view, own in looks.items()}
        known_of[True] = _with_copies(*known_of[False])
    trials: list[Trial] = []
    for done, setting in enumerate(candidates):
        if done >= 3 and time.monotonic() - start > budget:
            break
        look = seen[setting.view, setting.grey]
        if setting.kind in {"cosine", "curved"}:
            every, apart, beside = known_of[setting.grey]
            low = look.x @ look.basis if setting.kind == "cosine" else _bent(look.x, setting.gamma, BENT)[2]
            scores = _cosine(low, every, apart, setting, np.ones(len(every), bool), beside)[2][: len(part)]
        else:
            kernel = _rbf(look.squared, setting.gamma) if setting.kind == "kernel" else look.x @ look.x.T
            scores = _dual(kernel, targets, away, setting.penalty * ease)[1]
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
        return _squared(self.x, self.x)

    @cached_property
    def basis(self) -> Array:
        return principal(self.x, PRINCIPAL // 2)


def of_network(scaler: Scaler, own: slice) -> Head:
    """The head of a network that was trained for the classes: its own scores, in the columns ``own``."""
    none = np.empty((0, 0), np.float32)
    return Head(Setting("network", 0.0, 0.0), scaler, none, none, own)


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
        both, (every, apart, beside) = np.concatenate([vectors, copies]), _with_copies(labels, folds, others)
        unsure = None if doubted is None else np.tile(doubted, 2)
        head, scores = train(setting, scaler, both, every, apart, unsure, beside)
        return head, scores[: len(labels)]
    none, targets, ease = np.empty((0, vectors.shape[1]), np.float32), _targets(labels), _ease(labels)
    if doubted is not None:
        ease = np.where(doubted, ease * _DOUBT, ease).astype(np.float32)
    if setting.kind == "cosine":
        x = scaler(vectors)
        basis = principal(x, PRINCIPAL)
        sure = np.ones(len(labels), bool) if doubted is None else ~doubted
        whiten, means, scores = _cosine(x @ basis, labels, folds, setting, sure, others)
        return Head(setting, scaler, np.ascontiguousarray((basis @ whiten).T), means), scores
    if setting.kind == "curved":
        landmarks, mix, low = _bent(scaler(vectors), setting.gamma, BENT)
        sure = np.ones(len(labels), bool) if doubted is None else ~doubted
        whiten, means, scores = _cosine(low, labels, folds, setting, sure, others)
        return Head(setting, scaler, landmarks, means, mix=np.asarray(mix @ whiten)), scores
    if len(vectors) <= EXACT:
        x = scaler(vectors)
        kernel = _rbf(_squared(x, x), setting.gamma) if setting.kind == "kernel" else x @ x.T
        dual, scores = _dual(kernel, targets, folds, setting.penalty * ease)
        if setting.kind == "kernel":
            return Head(setting, scaler, x, dual), scores
        return Head(setting, scaler, none, np.asarray(x.T @ dual)), scores
    if setting.kind == "linear":
        weights, scores = _primal(lambda rows: scaler(vectors[rows]), targets, folds, setting.penalty * ease)
        return Head(setting, scaler, none, weights), scores
    landmarks = scaler(vectors[np.random.default_rng(0).permutation(len(vectors))[: EXACT // 2]])
    root = linalg.cholesky(
        _rbf(_squared(landmarks, landmarks), setting.gamma) + 1e-3 * np.eye(len(landmarks), dtype=np.float32),
        lower=True,
    )

    def features(rows: Ints) -> Array:
        near = _rbf(_squared(landmarks, scaler(vectors[rows])), setting.gamma)
        return np.asarray(linalg.solve_triangular(root, near, lower=True, overwrite_b=True).T)

    weights, scores = _primal(features, targets, folds, setting.penalty * ease)
    return Head(setting, scaler, landmarks, linalg.solve_triangular(root, weights, lower=True, trans=1)), scores


def _dual(kernel: Array, targets: Array, folds: Ints, penalty: Array) -> tuple[Array, Array]:
    """Dual weights (n, C) and out-of-fold scores (n, C) from a kernel (n, n), which is overwritten."""
    kernel[np.diag_indices_from(kernel)] += penalty
    factor, bad = linalg.lapack.spotrf(kernel.T, lower=0, overwrite_a=1)
    inverse, also_bad = linalg.lapack.spotri(factor, lower=0, overwrite_c=1)
    if bad or also_bad:
        raise np.linalg.LinAlgError("the kernel is not positive definite")
    dual = np.asarray(linalg.blas.ssymm(1.0, inverse, targets, lower=0), np.float32)
    residual = np.empty_like(targets)
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold)
        block = np.triu(inverse[np.ix_(rows, rows)])
        residual[rows] = linalg.solve(block + np.triu(block, 1).T, dual[rows], assume_a="pos")
    return dual, targets - residual


def _primal(features: Callable[[Ints], Array], targets: Array, folds: Ints, penalty: Array) -> tuple[Array, Array]:
    """Weights (m, C) and out-of-fold scores (n, C) from feature rows that are made in pieces of one fold."""
    numbers = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    grams: list[Array] = []
    sides: list[Array] = []
    for rows in numbers:
        pieces = np.array_split(rows, len(rows) // 4096 + 1)
        gram, side = _sums(features(pieces[0]), 1 / penalty[pieces[0], None], targets[pieces[0]])
        for piece in pieces[1:]:
            more_gram, more_side = _sums(features(piece), 1 / penalty[piece, None], targets[piece])
            gram, side = gram + more_gram, side + more_side
        grams.append(gram)
        sides.append(side)
    total, right = np.sum(grams, axis=0), np.sum(sides, axis=0)
    ridge = np.eye(len(total), dtype=np.float32)
    scores = np.empty_like(targets)
    for rows, gram, side in zip(numbers, grams, sides, strict=True):
        weights = linalg.solve(total - gram + ridge, right - side, assume_a="pos")
        for piece in np.array_split(rows, len(rows) // 4096 + 1):
            scores[piece] = features(piece) @ weights
    return np.asarray(linalg.solve(total + ridge, right, assume_a="pos"), np.float32), scores


def _sums(phi: Array, weight: npt.NDArray[np.floating], targets: Array) -> tuple[Array, Array]:
    """Weighted Gram matrix (m, m) and right-hand side (m, C) of some feature rows (n, m)."""
    weighted = np.asarray((phi * weight).T, np.float32)
    return np.asarray(weighted @ phi), np.asarray(weighted @ targets)


def _cosine(
    low: Array, labels: Ints, folds: Ints, setting: Setting, sure: npt.NDArray[np.bool_], others: Ints | None = None
) -> tuple[Array, Array, Array]:
    """Whitening (k, k), unit class means (k, C) from the sure ones of main components (n, k), out-of-fold scores."""
    classes = int(labels.max()) + 1
    cells = labels if others is None or not setting.aside else _cells(labels, others)
    scores = np.empty((len(low), classes), np.float32)
    for fold in np.unique(folds):
        away = folds == fold
        rest = ~away & sure if (~away & sure).any() else ~away
        whiten, means = _discriminant(low[rest], labels[rest], classes, setting, cells[rest])
        scores[away] = _unit(low[away] @ whiten) @ means
    whiten, means = _discriminant(low[sure], labels[sure], classes, setting, cells[sure])
    return whiten, means, scores


def principal(x: Array, most: int) -> Array:
    """An orthonormal basis (width, k) of the main directions (randomised range finder; Halko et al. 2011)."""
    k = min(most, *x.shape)
    start = np.random.default_rng(0).standard_normal((x.shape[1], k), np.float32)
    return np.asarray(linalg.qr(x.T @ (x @ start), mode="economic", overwrite_a=True)[0])


def _bent(x: Array, gamma: float, most: int) -> tuple[Array, Array, Array]:
    """Landmarks, the mix of their nearness that makes the main RBF features, and these features (n, k), mean 0."""
    landmarks = x[np.random.default_rng(0).permutation(len(x))[:CURVED]]
    ridge = 1e-3 * np.eye(len(landmarks), dtype=np.float32)
    root = linalg.cholesky(_rbf(_squared(landmarks, landmarks), gamma) + ridge, lower=True)
    near = _rbf(_squared(x, landmarks), gamma)
    centre = near.mean(axis=0)
    near -= centre
    features = linalg.solve_triangular(root, near.T, lower=True).T
    mix = linalg.solve_triangular(root, principal(features, most), lower=True, trans=1)
    return landmarks, np.vstack([mix, -centre @ mix]).astype(np.float32), np.asarray(near @ mix, np.float32)


def _discriminant(low: Array, labels: Ints, classes: int, setting: Setting, cells: Ints) -> tuple[Array, Array]:
    """A matrix (k, k) that makes the spread within classes even, and unit class means (k, C) in its image.

    If something is set aside, each class is divided into cells: its mean is that of its cells.
    """
    shrink, aside = setting.penalty, setting.aside
    one = np.ones(len(low), np.float32)
    number = np.unique(cells, return_inverse=True)[1]
    size = np.bincount(number)
    means = _means(low, number, len(size), one)
    rest = low - means[number]
    spread = rest.T @ rest / len(low)
    ridge = shrink * np.trace(spread) / len(spread) + 1e-9
    if aside:
        owner = np.empty(len(size), np.int64)
        owner[number] = labels
        sure = (size / (size + _FEW)).astype(np.float32)
        centres = _means(means, owner, classes, sure)
        away = means - centres[owner]
        spread += aside / len(size) * ((away.T * sure) @ away)
    else:
        centres = np.zeros((classes, low.shape[1]), np.float32)
        centres[np.unique(labels)] = means
    spread = (1 - shrink) * spread + ridge * np.eye(len(spread), dtype=np.float32)
    root = linalg.cholesky(spread, lower=True)
    whiten = linalg.solve_triangular(root, np.eye(len(root), dtype=np.float32), lower=True, overwrite_b=True).T
    return np.asarray(whiten), np.ascontiguousarray(_unit(centres @ whiten).T)


def _means(rows: Array, keys: Ints, count: int, weight: Array) -> Array:
    """The weighted mean (count, k) of the rows (n, k) of each key; 0 for a key without rows."""
    share = np.zeros((count, len(rows)), np.float32)
    share[keys, np.arange(len(rows))] = weight
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-9)
    return np.asarray(share @ rows)


def _with_copies(labels: Ints, folds: Ints, others: Ints | None) -> tuple[Ints, Ints, Ints | None]:
    """Labels, folds and others of photos (n,) and their copies (2 n,): without colours, these show one more other."""
    beside = None if others is None else np.append(others, np.full(len(others), others.max() + 1))
    return np.tile(labels, 2), np.tile(folds, 2), beside


def _cells(labels: Ints, others: Ints) -> Ints:
    """The number (n,) of each photo's combination of its label with the others'."""
    return np.asarray(np.unique(np.stack([labels, others]), axis=1, return_inverse=True)[1].reshape(-1), np.int64)


def _targets(labels: Ints) -> Array:
    """One-hot labels around zero, so that no intercept is needed."""
    classes = int(labels.max()) + 1
    return np.asarray(np.eye(classes, dtype=np.float32)[labels] - 1 / classes, np.float32)


def _ease(labels: Ints) -> Array:
    """A factor on each photo's penalty, mean near 1: photos of small classes are fitted harder."""
    size = np.bincount(labels)
    weight = 1 / np.sqrt(size[labels])
    return np.asarray(weight.mean() / weight, np.float32)


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


def _squared(a: Array, b: Array, lengths: Array | None = None) -> Array:
    """Squared distances (len(a), len(b)); ``lengths`` are the squared lengths of ``b`` when they are known."""
    product = a @ b.T
    product *= -2
    product += _lengths(a)[:, None]
    product += _lengths(b) if lengths is None else lengths
    return np.asarray(np.maximum(product, 0, out=product))


def _lengths(rows: Array) -> Array:
    return np.asarray(np.einsum("ij,ij->i", rows, rows))


def _unit(rows: Array) -> Array:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


def _rbf(squared: Array, gamma: float) -> Array:
    kernel = squared * np.float32(-gamma)
    return np.asarray(np.exp(kernel, out=kernel))

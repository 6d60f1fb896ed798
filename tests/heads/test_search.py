"""Closed-form folds equal real refits; every kind of head learns; rare classes survive."""

from collections.abc import Callable

import numpy as np
import pytest

from goodsight.arrays import Array, Ints, Vectors
from goodsight.backbones.backbone import Block
from goodsight.heads import cosine, kernels, ridge, search
from goodsight.heads.head import Setting
from goodsight.heads.scaler import Scaler
from goodsight.heads.search import CANDIDATES, fit

BLOCKS = (Block("a", 24, 2.0), Block("b", 16, 1.0))
RNG = np.random.default_rng(0)


def _data(sizes: list[int], spread: float = 1.0) -> tuple[Array, Ints, Ints]:
    centres = np.random.default_rng(1).normal(size=(len(sizes), 40)) * 1.2
    labels = np.repeat(np.arange(len(sizes)), sizes)
    x = centres[labels] + spread * np.random.default_rng(2).normal(size=(len(labels), 40))
    return x.astype(np.float32), labels, np.random.default_rng(3).integers(0, 5, len(labels))


def test_dual_folds_equal_refits() -> None:
    x, labels, folds = _data([30, 20, 25])
    targets, penalty = ridge.one_hot(labels), np.linspace(0.5, 2, 75).astype(np.float32)
    kernel = x @ x.T
    dual, scores = ridge.solve_dual(kernel.copy(), targets, folds, penalty)
    full = np.linalg.solve(kernel + np.diag(penalty), targets)
    assert np.allclose(dual, full, atol=1e-3)
    for fold in range(5):
        out, rest = folds == fold, folds != fold
        refit = np.linalg.solve(kernel[np.ix_(rest, rest)] + np.diag(penalty[rest]), targets[rest])
        assert np.allclose(scores[out], kernel[np.ix_(out, rest)] @ refit, atol=2e-3)


def test_primal_folds_equal_dual_folds() -> None:
    x, labels, folds = _data([30, 20, 25])
    targets, penalty = ridge.one_hot(labels), np.linspace(0.5, 2, 75).astype(np.float32)
    expected = ridge.solve_dual(x @ x.T, targets, folds, penalty)[1]
    weights, scores = ridge.solve_primal(lambda rows: x[rows], targets, folds, penalty)
    assert np.allclose(scores, expected, atol=2e-3)
    assert weights.shape == (40, 3)


def test_cosine_folds_do_not_see_their_photos() -> None:
    x, labels, folds = _data([30, 20, 25])
    setting = Setting("cosine", 0.0, 0.1, aside=2.0)
    others = np.arange(len(x)) % 2
    scores = cosine.fit_cosine(x, labels, folds, setting, np.ones(len(x), bool), others)[2]
    out = folds == 0
    whiten, means = cosine._discriminant(x[~out], labels[~out], 3, setting, (2 * labels + others)[~out])
    assert np.allclose(scores[out], kernels.unit(x[out] @ whiten) @ means, atol=1e-4)


@pytest.mark.parametrize("setting", CANDIDATES[:3], ids=lambda s: s.kind)
@pytest.mark.parametrize("exact", [6000, 60])
def test_each_kind_learns(setting: Setting, exact: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "EXACT", exact)
    x, labels, folds = _data([60, 50, 40])
    found = fit(x, labels, folds, Scaler.fit(x, BLOCKS), (setting,))
    assert (found.scores.argmax(axis=1) == labels).mean() > 0.9
    assert (found.head(x).argmax(axis=1) == labels).mean() > 0.9
    assert found.head.setting == setting


def test_every_kind_is_tried_with_no_budget() -> None:
    x, labels, folds = _data([30, 30])
    found = fit(x, labels, folds, Scaler.fit(x, BLOCKS), budget=0)
    assert {trial.setting.kind for trial in found.trials} == {"linear", "kernel", "cosine"}
    assert found.head.setting == min(found.trials, key=lambda t: t.log_loss).setting


@pytest.mark.parametrize("sizes", [[300, 15], [60, 40, 2], [1, 1]])
def test_small_classes_survive(sizes: list[int]) -> None:
    x, labels, folds = _data(sizes)
    found = fit(x, labels, folds, Scaler.fit(x, BLOCKS), budget=0)
    assert np.isfinite(found.scores).all()
    assert (found.head(x)[labels == len(sizes) - 1].argmax(axis=1) == len(sizes) - 1).mean() > 0.5


GREY = Setting("cosine", 0.0, 0.1, aside=64.0, grey=True)


def test_a_copy_of_a_hidden_photo_is_not_learned_from() -> None:
    """The photos show nothing of their labels: only a head that saw a photo's copy can know."""
    rng = np.random.default_rng(4)
    x, labels, folds = rng.normal(size=(60, 40)).astype(np.float32), np.arange(60) % 3, np.arange(60) // 12
    others, scaler = np.arange(60) // 3 % 2, Scaler.fit(x, BLOCKS)
    head, scores = search.train(GREY, scaler, x, labels, folds, others=others, copies=x)
    assert scores.shape == (60, 3)
    assert (scores.argmax(axis=1) == labels).mean() < 0.5
    assert (head(x).argmax(axis=1) == labels).mean() > 0.8
    both, elsewhere = np.concatenate([x, x]), np.append(folds, folds + 1)
    leaked = search.train(GREY, scaler, both, np.tile(labels, 2), elsewhere, others=np.append(others, others + 2))[1]
    assert (leaked[:60].argmax(axis=1) == labels).mean() > 0.7
    found = fit(x, labels, folds, scaler, (GREY,), others=others, copies=x)
    assert found.trials[0].accuracy < 0.6
    assert (found.scores == scores).all()


def test_copies_without_colours_help_to_know_a_hidden_combination() -> None:
    rng = np.random.default_rng(0)
    kinds, mixed, kind, other = (
        rng.normal(size=(3, 40)),
        rng.normal(size=(9, 40)),
        np.arange(180) % 3,
        np.arange(180) // 60,
    )
    shown = kinds[kind] + 0.3 * rng.normal(size=(180, 40))
    x, copies = (shown + 2 * mixed[3 * other + kind]).astype(np.float32), shown.astype(np.float32)
    scaler, cells = Scaler.fit(x, BLOCKS), 3 * other + kind
    without = search.train(GREY, scaler, x, kind, cells, others=other)[1].argmax(axis=1) == kind
    found = search.train(GREY, scaler, x, kind, cells, others=other, copies=copies)[1].argmax(axis=1) == kind
    assert found.mean() > without.mean() + 0.1


def test_candidates_with_copies_are_left_out_without_copies() -> None:
    x, labels, folds = _data([30, 30])
    others, scaler = np.arange(60) % 2, Scaler.fit(x, BLOCKS)
    wanted = [setting for setting in search.WITH_COPIES if not setting.view]
    assert wanted[0].grey
    tried = fit(x, labels, folds, scaler, search.WITH_COPIES, others=others).trials
    assert [trial.setting for trial in tried] == wanted[1:]
    tried = fit(x, labels, folds, scaler, search.WITH_COPIES, others=others, copies=x).trials
    assert [trial.setting for trial in tried] == wanted


def test_scaler_brings_blocks_to_their_weights() -> None:
    x = RNG.normal(3, 2, (5000, 40)).astype(np.float16)
    y = Scaler.fit(x, BLOCKS)(x)
    assert np.allclose(y.mean(axis=0), 0, atol=1e-3)
    assert (y**2).sum(axis=1).mean() == pytest.approx(1, abs=0.01)
    assert (y[:, :24] ** 2).sum(axis=1).mean() == pytest.approx(4 / 5, abs=0.01)


def test_scaler_clips_outliers() -> None:
    x = np.zeros((100, 40), np.float32)
    x[:, 0] = RNG.normal(size=100)
    scaler: Callable[[Vectors], Array] = Scaler.fit(x, BLOCKS)
    wild = x[:1].copy()
    wild[0, 0] = 1e6
    assert scaler(wild)[0, 0] == pytest.approx(6 * 2 / np.sqrt(24) / np.sqrt(5), rel=1e-3)


def test_of_very_many_combinations_several_are_hidden_at_once() -> None:
    cells = np.repeat(np.arange(500), 3)
    found = search._hidden(cells)
    assert len(np.unique(found)) == search.HIDDEN
    assert all(len(set(found[cells == cell])) == 1 for cell in range(500))
    assert search._hidden(np.arange(10)).tolist() == list(range(10))

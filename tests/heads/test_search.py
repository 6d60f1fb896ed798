"""Every kind is tried, the best is chosen, rare classes survive, and combinations are hidden whole."""

from dataclasses import replace

import numpy as np
import pytest
from clouds import BLOCKS, clouds

from goodsight.heads import kinds, search
from goodsight.heads.examples import Examples
from goodsight.heads.folds import deal
from goodsight.heads.head import Setting
from goodsight.heads.scaler import Scaler
from goodsight.heads.search import Chosen, fit

GREY = Setting("cosine", 0.0, 0.1, aside=64.0, grey=True)


def _fit(
    photos: Examples,
    candidates: tuple[Setting, ...] = search.CANDIDATES,
    *,
    mixed: bool = False,
    budget: float = 60.0,
) -> Chosen:
    return fit(photos, {"": Scaler.fit(photos.vectors, BLOCKS)}, candidates, mixed=mixed, budget=budget)


def test_the_best_candidate_is_trained_on_all_photos() -> None:
    photos = clouds([60, 50, 40], spread=2.0)
    found = _fit(photos)
    assert found.head.setting == min(found.trials, key=lambda t: t.log_loss).setting
    head, scores = kinds.train(found.head.setting, Scaler.fit(photos.vectors, BLOCKS), photos)
    assert (found.scores == scores).all()
    assert (found.head(photos.vectors) == head(photos.vectors)).all()


def test_what_wins_on_a_part_is_compared_once_more_on_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """One class lies around the other and a little aside: few photos are told best by a line, many by a kernel."""
    rng = np.random.default_rng(0)
    labels, ring = np.arange(1200) % 2, rng.normal(size=(1200, 4))
    x = ring / np.linalg.norm(ring, axis=1, keepdims=True) * (1 + 0.5 * labels[:, None])
    x += 0.1 * rng.normal(size=x.shape)
    x[:, 0] += 1.2 * labels
    photos, scaler = Examples(x.astype(np.float32), labels, np.arange(1200) // 2 % 5), Scaler.none(4)
    candidates = (Setting("kernel", 0.5, 0.06), Setting("linear", 0.0, 1.0))
    monkeypatch.setattr(search, "SEARCH", 30)
    # One that is far behind is not trained.
    found = fit(photos, {"": scaler}, candidates)
    assert [(trial.setting.kind, trial.photos) for trial in found.trials] == [
        ("kernel", 30),
        ("linear", 30),
        ("linear", 1200),
    ]
    monkeypatch.setattr(search, "CLOSE", 2.0)
    found = fit(photos, {"": scaler}, candidates)
    losses = {(trial.setting.kind, trial.photos): trial.log_loss for trial in found.trials}
    assert losses["linear", 30] < losses["kernel", 30]
    assert losses["kernel", 1200] < losses["linear", 1200]
    head, scores = kinds.train(candidates[0], scaler, photos)
    assert found.head.setting == head.setting
    assert (found.scores == scores).all()
    # Without time the first is all there is.
    assert fit(photos, {"": scaler}, candidates, budget=0).head.setting.kind == "linear"


def test_the_mean_of_a_kernel_and_a_cosine_head_is_chosen_where_it_is_better() -> None:
    photos = clouds([150, 120, 100, 80], spread=3.0)
    found = _fit(photos, search.GROUPED, mixed=True)
    (mean,) = (trial for trial in found.trials if trial.setting.kind == "mixed")
    parts = {part.kind: part for part in mean.setting.parts}
    assert parts.keys() == {"kernel", "cosine"}
    best = min(found.trials, key=lambda t: t.log_loss)
    assert found.head.setting == best.setting == mean.setting
    again = kinds.train(mean.setting, Scaler.fit(photos.vectors, BLOCKS), photos)[1]
    assert np.allclose(found.scores, again, atol=1e-4)
    # Each is divided by its temperature, so that they count alike.
    spreads = [
        float(np.std(part.weight * kinds.train(part, Scaler.fit(photos.vectors, BLOCKS), photos)[1]))
        for part in mean.setting.parts
    ]
    assert spreads[0] == pytest.approx(spreads[1], rel=0.3)
    assert all(trial.setting.kind != "mixed" for trial in _fit(photos, search.GROUPED).trials)


def test_every_kind_is_tried_with_no_budget() -> None:
    found = _fit(clouds([30, 30]), budget=0)
    assert {trial.setting.kind for trial in found.trials} == {"linear", "kernel", "cosine"}


@pytest.mark.parametrize("sizes", [[300, 15], [60, 40, 2], [1, 1]])
def test_small_classes_survive(sizes: list[int]) -> None:
    photos, last = clouds(sizes), len(sizes) - 1
    found = _fit(photos, budget=0)
    assert np.isfinite(found.scores).all()
    assert (found.head(photos.vectors)[photos.labels == last].argmax(axis=1) == last).mean() > 0.5


def test_of_many_photos_a_part_is_compared_with_every_class_in_it() -> None:
    photos = clouds([4000, 3])
    part = search._part(photos)
    assert len(part) < 1010
    assert np.bincount(photos.labels[part])[1] == 3
    found = _fit(photos, search.SMALL)
    assert found.scores.shape == (4003, 2)


def test_candidates_are_compared_without_the_copy_of_a_hidden_photo() -> None:
    """The photos show nothing of their labels: only a head that saw a photo's copy can know."""
    x = np.random.default_rng(4).normal(size=(60, 40)).astype(np.float32)
    photos = Examples(x, np.arange(60) % 3, np.arange(60) // 12, np.arange(60) // 3 % 2, x)
    found = _fit(photos, (GREY,))
    assert found.trials[0].accuracy < 0.6
    assert (found.scores == kinds.train(GREY, Scaler.fit(x, BLOCKS), photos)[1]).all()


@pytest.mark.parametrize("setting", search.WITH_COPIES, ids=lambda s: f"{s.kind}-{s.penalty}-{s.grey}")
def test_where_groups_are_known_a_hidden_combination_is_not_known_by_its_seller(setting: Setting) -> None:
    """The photos show nothing of their labels but a seller, who sells one colour of every type."""
    draw = np.random.default_rng(5)
    sellers, types = np.repeat(np.arange(30), 12), np.tile(np.arange(4), 90)
    colours = sellers % 3
    x = (draw.standard_normal((360, 40)) + 3 * draw.standard_normal((30, 40))[sellers]).astype(np.float32)
    photos = Examples(x, colours, deal(colours, sellers, 5), types, x)
    setting = replace(setting, view="")
    near, apart = (_fit(replace(photos, apart=each), (setting,)).trials[0].accuracy for each in (False, True))
    assert near > 0.9
    assert apart < 0.6


def test_candidates_with_copies_are_left_out_without_copies() -> None:
    photos = replace(clouds([30, 30]), others=np.arange(60) % 2)
    wanted = [setting for setting in search.WITH_COPIES if not setting.view]
    assert wanted[0].grey
    tried = _fit(photos, search.WITH_COPIES).trials
    assert [trial.setting for trial in tried] == wanted[1:]
    tried = _fit(replace(photos, grey=photos.vectors), search.WITH_COPIES).trials
    assert [trial.setting for trial in tried] == wanted


def test_every_combination_counts_the_same_but_one_that_is_all_of_its_label() -> None:
    photos = replace(clouds([30, 10]), others=np.append(np.arange(30) >= 20, np.zeros(10)).astype(int))
    share = search._shares(photos)
    assert share[:20].sum() == pytest.approx(0.5)
    assert share[20:30].sum() == pytest.approx(0.5)
    assert not share[30:].any()
    assert search._shares(replace(photos, others=None)) == pytest.approx(np.full(40, 1 / 40))


def test_of_very_many_combinations_several_are_hidden_at_once() -> None:
    cells = np.repeat(np.arange(500), 3)
    found = search._hidden(cells)
    assert len(np.unique(found)) == search.HIDDEN
    assert all(len(set(found[cells == cell])) == 1 for cell in range(500))
    assert search._hidden(np.arange(10)).tolist() == list(range(10))

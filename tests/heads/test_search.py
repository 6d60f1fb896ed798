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


def _fit(photos: Examples, candidates: tuple[Setting, ...] = search.CANDIDATES, budget: float = 60.0) -> Chosen:
    return fit(photos, {"": Scaler.fit(photos.vectors, BLOCKS)}, candidates, budget=budget)


def test_the_best_candidate_is_trained_on_all_photos() -> None:
    photos = clouds([60, 50, 40], spread=2.0)
    found = _fit(photos)
    assert found.head.setting == min(found.trials, key=lambda t: t.log_loss).setting
    head, scores = kinds.train(found.head.setting, Scaler.fit(photos.vectors, BLOCKS), photos)
    assert (found.scores == scores).all()
    assert (found.head(photos.vectors) == head(photos.vectors)).all()


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

"""Every kind of head learns, and survives its tensors; copies are learned from where a setting says so."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from clouds import BLOCKS, clouds
from threadpoolctl import threadpool_limits

from goodsight.heads import kinds, ridge
from goodsight.heads.examples import Examples
from goodsight.heads.head import Head, Kind, Setting
from goodsight.heads.network import Network
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen

SETTINGS = (
    Setting("linear", 0.0, 1.0),
    Setting("kernel", 0.5, 0.06),
    Setting("cosine", 0.0, 0.1),
    Setting("curved", 0.5, 0.1),
)
MIXED = Setting(
    "mixed", 0.0, 0.0, parts=(Setting("kernel", 0.5, 0.06, weight=2.0), Setting("cosine", 0.0, 0.1, weight=3.0))
)
GREY = Setting("cosine", 0.0, 0.1, aside=64.0, grey=True)


def test_every_kind_has_its_class() -> None:
    assert set(kinds.KINDS) == set(get_args(Kind))
    assert [setting.kind for setting in SETTINGS] == list(kinds.LEARNT)


@pytest.mark.parametrize("exact", [6000, 60])
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.kind)
def test_each_kind_learns(setting: Setting, exact: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge, "EXACT", exact)
    photos = clouds([60, 50, 40])
    head, scores = kinds.train(setting, Scaler.fit(photos.vectors, BLOCKS), photos)
    assert type(head) is kinds.KINDS[setting.kind]
    assert head.setting == setting
    assert (scores.argmax(axis=1) == photos.labels).mean() > 0.9
    assert (head(photos.vectors).argmax(axis=1) == photos.labels).mean() > 0.9


@pytest.mark.parametrize("apart", [False, True])
def test_a_mixed_head_is_what_its_parts_are_together(apart: bool) -> None:
    photos = replace(clouds([60, 50, 40], spread=2.0), apart=apart)
    scaler = Scaler.fit(photos.vectors, BLOCKS)
    head, scores = kinds.train(MIXED, scaler, photos)
    (near, first), (angles, second) = (kinds.train(part, scaler, photos) for part in MIXED.parts)
    assert np.allclose(scores, 2 * first + 3 * second, atol=1e-5)
    assert np.allclose(head(photos.vectors), 2 * near(photos.vectors) + 3 * angles(photos.vectors), atol=1e-5)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.kind)
def test_doubted_labels_are_hardly_learned_from(setting: Setting) -> None:
    photos = clouds([60, 50, 40])
    wrong = np.arange(150) % 60 < 25
    misled = replace(photos, labels=np.where(wrong, (photos.labels + 1) % 3, photos.labels))
    scaler = Scaler.fit(photos.vectors, BLOCKS)
    believed, doubted = (
        (kinds.train(setting, scaler, each)[1].argmax(axis=1) == photos.labels).mean()
        for each in (misled, replace(misled, doubted=wrong))
    )
    assert doubted > 0.9
    assert doubted > believed + 0.05


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_every_kind_survives_its_tensors(kind: Kind) -> None:
    photos = clouds([60, 50, 40])
    scaler, own = Scaler.fit(photos.vectors, BLOCKS), slice(3, 6)
    found: dict[Kind, Head] = {s.kind: kinds.train(s, scaler, photos)[0] for s in (*SETTINGS, MIXED) if s.kind == kind}
    head = found.get(kind) or Network.of(scaler, own)
    tensors = head.tensors()
    own_names = ("landmarks", "weights", "mix")
    names = [f"{part.kind}.{name}" for part in head.setting.parts for name in own_names] or own_names
    assert tensors.keys() == {"mean", "scale", "bound", *names}
    again = kinds.of_tensors(head.setting, tensors, own)
    assert type(again) is type(head)
    assert again.setting == head.setting
    # Landmarks lose half their digits, once.
    assert np.allclose(again(photos.vectors), head(photos.vectors), atol=5e-3)
    assert all((tensor == tensors[name]).all() for name, tensor in again.tensors().items())
    once_more = kinds.of_tensors(head.setting, again.tensors(), own)
    assert (once_more(photos.vectors) == again(photos.vectors)).all()


def test_what_is_no_kind_or_not_learned_is_refused() -> None:
    photos, scaler = clouds([5, 5]), Scaler.none(40)
    with pytest.raises(KeyError, match="network"):
        kinds.train(Setting("network", 0.0, 0.0), scaler, photos)
    with pytest.raises(KeyError, match="network"):
        kinds.out_of_fold(Setting("network", 0.0, 0.0), Seen.of(scaler, photos))
    with pytest.raises(KeyError, match="oracle"):
        kinds.of_tensors(Setting("oracle", 0.0, 0.0), {}, slice(0, 0))  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="weights"):
        kinds.of_tensors(SETTINGS[0], scaler.tensors(), slice(0, 0))


def test_a_copy_of_a_hidden_photo_is_not_learned_from() -> None:
    """The photos show nothing of their labels: only a head that saw a photo's copy can know."""
    x = np.random.default_rng(4).normal(size=(60, 40)).astype(np.float32)
    photos = Examples(x, np.arange(60) % 3, np.arange(60) // 12, np.arange(60) // 3 % 2, x)
    scaler = Scaler.fit(x, BLOCKS)
    head, scores = kinds.train(GREY, scaler, photos)
    assert scores.shape == (60, 3)
    assert (scores.argmax(axis=1) == photos.labels).mean() < 0.5
    assert (head(x).argmax(axis=1) == photos.labels).mean() > 0.8
    elsewhere = replace(photos.with_grey(), folds=np.append(photos.folds, photos.folds + 1))
    leaked = kinds.train(GREY, scaler, elsewhere)[1]
    assert (leaked[:60].argmax(axis=1) == photos.labels).mean() > 0.7


def test_copies_without_colours_help_to_know_a_hidden_combination() -> None:
    rng = np.random.default_rng(0)
    places, mixed, kind, other = (
        rng.normal(size=(3, 40)),
        rng.normal(size=(9, 40)),
        np.arange(180) % 3,
        np.arange(180) // 60,
    )
    shown = places[kind] + 0.3 * rng.normal(size=(180, 40))
    x, copies = (shown + 2 * mixed[3 * other + kind]).astype(np.float32), shown.astype(np.float32)
    photos, scaler = Examples(x, kind, 3 * other + kind, other), Scaler.fit(x, BLOCKS)
    without, found = (
        kinds.train(GREY, scaler, each)[1].argmax(axis=1) == kind for each in (photos, replace(photos, grey=copies))
    )
    assert found.mean() > without.mean() + 0.1


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.kind)
def test_every_kind_can_learn_from_copies(setting: Setting) -> None:
    photos = clouds([30, 20])
    grey = replace(photos, grey=photos.vectors)
    head, scores = kinds.train(replace(setting, grey=True), Scaler.fit(photos.vectors, BLOCKS), grey)
    assert scores.shape == (50, 2)
    assert (head(photos.vectors).argmax(axis=1) == photos.labels).mean() > 0.9


@pytest.mark.parametrize("setting", [*SETTINGS, MIXED], ids=lambda s: s.kind)
def test_scores_are_the_same_whatever_is_scored_beside(setting: Setting) -> None:
    photos = clouds([600, 50, 40])
    head, _ = kinds.train(setting, Scaler.fit(photos.vectors, BLOCKS), photos)
    with threadpool_limits(1, "blas"):
        every = head(photos.vectors)
        for count in (1, 7, 64):
            for start in (0, 5, 333):
                assert (head(photos.vectors[start : start + count]) == every[start : start + count]).all()

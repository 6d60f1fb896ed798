"""A curved head tells apart what no plane divides, by features that have the mean 0."""

import numpy as np
import pytest
from clouds import BLOCKS, clouds

from goodsight.heads import curved
from goodsight.heads.cosine import Cosine
from goodsight.heads.curved import Curved
from goodsight.heads.examples import Examples
from goodsight.heads.head import Setting
from goodsight.heads.kernels import rbf, squared_distances
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen

SETTING = Setting("curved", 0.5, 0.1)
PHOTOS = clouds([60, 50, 40])
SCALER = Scaler.fit(PHOTOS.vectors, BLOCKS)


def test_a_class_around_another_is_told_from_it() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    ring = rng.normal(size=(200, 2))
    x = (ring / np.linalg.norm(ring, axis=1, keepdims=True) * (1 + 2 * labels[:, None])).astype(np.float32)
    photos, plain = Examples(x, labels, np.arange(200) // 2 % 5), Scaler.none(2)
    bent, straight = (
        kind.learn(setting, Seen.of(plain, photos))[1].argmax(axis=1) == labels
        for kind, setting in ((Curved, SETTING), (Cosine, Setting("cosine", 0.0, 0.1)))
    )
    assert bent.mean() > 0.95
    assert straight.mean() < 0.7


def test_the_mix_of_nearness_makes_the_features() -> None:
    x = SCALER(PHOTOS.vectors)
    landmarks, mix, low = curved.bent(x, 0.5)
    assert np.allclose(rbf(squared_distances(x, landmarks), 0.5) @ mix[:-1] + mix[-1], low, atol=1e-3)
    assert np.allclose(low.mean(axis=0), 0, atol=1e-3)


def test_of_many_photos_landmarks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curved, "LANDMARKS", 50)
    monkeypatch.setattr(curved, "MAIN", 20)
    head = Curved.learn(SETTING, Seen.of(SCALER, PHOTOS))[0]
    assert (head.landmarks.shape, head.mix.shape, head.weights.shape) == ((50, 40), (51, 20), (20, 3))
    assert (head(PHOTOS.vectors).argmax(axis=1) == PHOTOS.labels).mean() > 0.9


def test_a_candidate_scores_as_the_head_does() -> None:
    seen = Seen.of(SCALER, PHOTOS)
    assert (Curved.out_of_fold(SETTING, seen) == Curved.learn(SETTING, Seen.of(SCALER, PHOTOS))[1]).all()

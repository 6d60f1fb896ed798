"""A kernel head keeps the training photos, and of very many photos landmarks, which know nearly as much."""

import numpy as np
import pytest
from clouds import BLOCKS, clouds

from goodsight.heads import ridge
from goodsight.heads.head import Setting
from goodsight.heads.kernel import Kernel
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen

SETTING = Setting("kernel", 0.5, 0.06)
PHOTOS = clouds([60, 50, 40])
SCALER = Scaler.fit(PHOTOS.vectors, BLOCKS)


def test_scores_are_of_the_nearness_to_each_photo() -> None:
    head, scores = Kernel.learn(SETTING, Seen.of(SCALER, PHOTOS))
    assert (head.landmarks.shape, head.weights.shape, scores.shape) == ((150, 40), (150, 3), (150, 3))
    x = SCALER(PHOTOS.vectors)
    near = np.exp(-0.5 * ((x[:, None] - x) ** 2).sum(axis=2))
    assert np.allclose(head(PHOTOS.vectors), near @ head.weights, atol=1e-3)


def test_of_many_photos_landmarks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Kernel.learn(SETTING, Seen.of(SCALER, PHOTOS))[0](PHOTOS.vectors)
    monkeypatch.setattr(ridge, "EXACT", 120)
    head, scores = Kernel.learn(SETTING, Seen.of(SCALER, PHOTOS))
    assert head.landmarks.shape == (60, 40)
    assert np.corrcoef(head(PHOTOS.vectors).ravel(), exact.ravel())[0, 1] > 0.95
    assert (scores.argmax(axis=1) == PHOTOS.labels).mean() > 0.9


def test_a_candidate_scores_as_the_head_does() -> None:
    seen = Seen.of(SCALER, PHOTOS)
    assert (Kernel.out_of_fold(SETTING, seen) == Kernel.learn(SETTING, Seen.of(SCALER, PHOTOS))[1]).all()
    assert (Kernel.out_of_fold(SETTING, seen) == Kernel.out_of_fold(SETTING, seen)).all()  # nothing is overwritten

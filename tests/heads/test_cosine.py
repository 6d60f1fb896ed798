"""A cosine head looks at angles only, and a class of few photos is as near as a large one."""

import numpy as np
import pytest
from clouds import BLOCKS, clouds

from goodsight.heads import seen
from goodsight.heads.cosine import Cosine
from goodsight.heads.head import Setting
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen

SETTING = Setting("cosine", 0.0, 0.1)
PHOTOS = clouds([60, 50, 4])
SCALER = Scaler.fit(PHOTOS.vectors, BLOCKS)


def test_scores_are_cosines() -> None:
    head, scores = Cosine.learn(SETTING, Seen.of(SCALER, PHOTOS))
    found = head(PHOTOS.vectors)
    assert max(np.abs(found).max(), np.abs(scores).max()) <= 1 + 1e-5
    assert (found.argmax(axis=1) == PHOTOS.labels).mean() > 0.95
    longer = Cosine(SETTING, Scaler(SCALER.mean, 2 * SCALER.scale, np.inf * SCALER.bound), head.landmarks, head.weights)
    loose = Cosine(SETTING, Scaler(SCALER.mean, SCALER.scale, np.inf * SCALER.bound), head.landmarks, head.weights)
    assert np.allclose(longer(PHOTOS.vectors), loose(PHOTOS.vectors), atol=1e-5)


def test_what_is_compared_is_what_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "MAIN", 20)
    shared = Seen.of(SCALER, PHOTOS)
    head, scores = Cosine.learn(SETTING, shared)
    assert head.landmarks.shape == (20, 40)
    assert (Cosine.out_of_fold(SETTING, shared) == scores).all()
    assert (Cosine.alone(SETTING, shared)(PHOTOS.vectors) == head(PHOTOS.vectors)).all()

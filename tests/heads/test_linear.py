"""A linear head keeps no photos, and of very many photos it is the same head, found another way."""

import numpy as np
import pytest
from clouds import BLOCKS, clouds

from goodsight.heads import ridge
from goodsight.heads.head import Setting
from goodsight.heads.linear import Linear
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen

SETTING = Setting("linear", 0.0, 1.0)
PHOTOS = clouds([60, 50, 40])
SCALER = Scaler.fit(PHOTOS.vectors, BLOCKS)


def test_scores_are_a_product_with_the_weights() -> None:
    head, scores = Linear.learn(SETTING, Seen.of(SCALER, PHOTOS))
    assert (head.weights.shape, scores.shape) == ((40, 3), (150, 3))
    assert np.allclose(head(PHOTOS.vectors), SCALER(PHOTOS.vectors) @ head.weights)
    assert head.tensors()["landmarks"].shape == (0, 40)


def test_many_photos_give_the_same_head(monkeypatch: pytest.MonkeyPatch) -> None:
    exact, scores = Linear.learn(SETTING, Seen.of(SCALER, PHOTOS))
    monkeypatch.setattr(ridge, "EXACT", 60)
    summed, others = Linear.learn(SETTING, Seen.of(SCALER, PHOTOS))
    assert np.allclose(summed.weights, exact.weights, atol=1e-4)
    assert np.allclose(others, scores, atol=1e-4)


def test_a_candidate_scores_as_the_head_does() -> None:
    seen = Seen.of(SCALER, PHOTOS)
    assert (Linear.out_of_fold(SETTING, seen) == Linear.learn(SETTING, Seen.of(SCALER, PHOTOS))[1]).all()

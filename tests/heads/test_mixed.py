"""A mixed head adds up what its parts say, each by its weight, and keeps them one by one."""

import numpy as np
from clouds import BLOCKS, clouds

from goodsight.heads import mixed
from goodsight.heads.cosine import Cosine
from goodsight.heads.head import Setting
from goodsight.heads.kernel import Kernel
from goodsight.heads.mixed import Mixed
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen

KERNEL, COSINE = Setting("kernel", 0.5, 0.06, weight=2.0), Setting("cosine", 0.0, 0.1, weight=0.5)
SETTING = Setting("mixed", 0.0, 0.0, parts=(KERNEL, COSINE))
PHOTOS = clouds([60, 50, 40])
SCALER = Scaler.fit(PHOTOS.vectors, BLOCKS)


def _head() -> Mixed:
    seen = Seen.of(SCALER, PHOTOS)
    return Mixed(SETTING, SCALER, (Kernel.alone(KERNEL, seen), Cosine.alone(COSINE, seen)))


def test_scores_are_added_by_their_weights() -> None:
    a, b = (np.random.default_rng(seed).normal(size=(4, 3)).astype(np.float32) for seed in (0, 1))
    assert np.allclose(mixed.added(SETTING, [a, b]), 2 * a + 0.5 * b)
    head = _head()
    near, angles = (part(PHOTOS.vectors) for part in head.heads)
    assert np.allclose(head(PHOTOS.vectors), 2 * near + 0.5 * angles, atol=1e-5)


def test_the_parts_are_kept_by_their_kinds() -> None:
    head = _head()
    tensors = head.tensors()
    assert tensors["kernel.landmarks"].shape == (150, 40)
    assert tensors["cosine.landmarks"].shape == (40, 40)
    again = Mixed.of_tensors(SETTING, tensors, slice(0, 0))
    assert [type(part) for part in again.heads] == [Kernel, Cosine]
    assert [part.setting for part in again.heads] == [KERNEL, COSINE]

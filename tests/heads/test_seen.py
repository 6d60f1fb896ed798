"""What candidates share is what each would make for itself, and is made once."""

import numpy as np
from clouds import BLOCKS, clouds

from goodsight.heads.ridge import ease
from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen


def test_the_parts_are_made_once_and_of_the_scaled_vectors() -> None:
    photos = clouds([20, 10])
    scaler = Scaler.fit(photos.vectors, BLOCKS)
    seen = Seen(scaler, photos, ease(photos))
    assert (seen.x == scaler(photos.vectors)).all()
    assert np.allclose(seen.squared, ((seen.x[:, None] - seen.x) ** 2).sum(axis=2), atol=1e-5)
    # Fewer photos than columns: their main components tell them apart as well as all columns do.
    assert seen.main.shape == (30, 30)
    assert np.allclose(seen.main @ seen.main.T, seen.x @ seen.x.T, atol=1e-4)
    assert (seen.x is seen.x, seen.squared is seen.squared, seen.main is seen.main) == (True, True, True)

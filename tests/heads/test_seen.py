"""What candidates share is what each would make for itself, and is made once."""

from dataclasses import replace

import numpy as np
from clouds import BLOCKS, clouds

from goodsight.heads.scaler import Scaler
from goodsight.heads.seen import Seen, rests


def test_the_parts_are_made_once_and_of_the_scaled_vectors() -> None:
    photos = clouds([20, 10])
    scaler = Scaler.fit(photos.vectors, BLOCKS)
    seen = Seen.of(scaler, photos)
    assert (seen.x == scaler(photos.vectors)).all()
    assert np.allclose(seen.products, seen.x @ seen.x.T)
    assert np.allclose(seen.squared, ((seen.x[:, None] - seen.x) ** 2).sum(axis=2), atol=1e-5)
    # Fewer photos than columns: their main components tell them apart as well as all columns do.
    assert seen.main.shape == (30, 30)
    assert np.allclose(seen.main @ seen.main.T, seen.x @ seen.x.T, atol=1e-4)
    assert (seen.x is seen.x, seen.squared is seen.squared, seen.main is seen.main) == (True, True, True)


def test_what_is_left_without_a_fold_knows_nothing_of_it() -> None:
    photos = replace(clouds([20, 10, 1]), folds=np.append(np.arange(30) % 3, 3))
    spoilt = photos.vectors.copy()
    spoilt[photos.folds == 3] = np.nan
    *_, last = rests(Scaler.fit(photos.vectors, BLOCKS), replace(photos, filed=spoilt))
    assert (last.asked.tolist(), last.known.tolist()) == ([30], [0, 1])
    assert np.isfinite(last.seen.x).all()
    assert np.allclose(last.seen.x.mean(axis=0), 0, atol=1e-4)


def test_what_is_hidden_with_a_fold_is_not_left_either() -> None:
    hidden = np.arange(30) // 5
    photos = replace(clouds([20, 10]), folds=np.arange(30) % 3, hidden=hidden)
    scaler, asked = Scaler.fit(photos.vectors, BLOCKS), []
    for rest in rests(scaler, photos):
        (fold,), (one,) = np.unique(photos.folds[rest.asked]), np.unique(hidden[rest.asked])
        left = (photos.folds != fold) & (hidden != one)
        assert (rest.seen.examples.vectors == photos.vectors[left]).all()
        assert (rest.seen.examples.hidden, rest.seen.examples.apart) == (None, False)
        asked += rest.asked.tolist()
    assert sorted(asked) == list(range(30))


def test_copies_without_colours_lie_with_their_photos() -> None:
    photos = replace(clouds([20, 10]), folds=np.arange(30) % 3)
    copied = replace(photos, grey=photos.vectors + 100)
    scaler = Scaler.fit(photos.vectors, BLOCKS)
    plain, grey = (next(iter(rests(scaler, copied, grey=grey))) for grey in (False, True))
    assert (len(plain.seen.examples), len(grey.seen.examples)) == (20, 40)
    assert (grey.seen.scaler.mean == plain.seen.scaler.mean).all()

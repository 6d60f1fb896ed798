"""Ways are dealt evenly over photos that are like all of them, within the looks that there are."""

from collections import Counter

import numpy as np
import pytest

from goodsight.measuring.dealt import Extent, affordable, deal


def _photos(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Three classes, of which the last is rare, and a fifth of the answers wrong."""
    rng = np.random.default_rng(count)
    return rng.choice(3, count, p=[0.5, 0.4, 0.1]), rng.random(count) < 0.8


def test_looks_grow_with_the_photos_and_each_way_has_one() -> None:
    assert affordable(0) == 18
    assert affordable(1200) == 18 + 100
    assert affordable(1200, 2) == 18 + 50
    assert affordable(1200, trained_here=True) == 18 + 600


def test_a_number_of_photos_is_tried_in_every_way() -> None:
    labels, right = _photos(100)
    dealt = deal(labels, right, Extent(24, 7))
    assert dealt.ways.shape == (24, 18)
    assert (np.sort(dealt.ways, axis=1) == np.arange(18)).all()
    assert len(set(dealt.photos.tolist())) == 24
    assert len(deal(labels, right, Extent(500, 0)).photos) == 100
    assert len(deal(labels, right, Extent(0, 500)).photos) == 0
    assert len(deal(labels[:0], right[:0], Extent(None, 500)).photos) == 0


@pytest.mark.parametrize(
    ("looks", "count", "photos", "ways"),
    [
        (43, 60, 43, 1),  # few looks: more photos rather than more ways
        (374, 855, 374, 1),
        (450, 855, 225, 2),
        (450, 150, 150, 3),  # there are no more
        (3600, 5000, 200, 18),
        (99999, 5000, 5000, 18),
        (21, 2, 2, 11),
        (18, 1, 1, 18),
    ],
)
def test_looks_are_dealt_over_many_photos(looks: int, count: int, photos: int, ways: int) -> None:
    dealt = deal(*_photos(count), Extent(None, looks))
    assert dealt.ways.shape == (photos, ways)
    assert len(set(dealt.photos.tolist())) == photos
    assert all(len(set(each)) == ways for each in dealt.ways.tolist())
    counts = Counter(dealt.ways.ravel().tolist())
    assert len(counts) == 18
    assert max(counts.values()) - min(counts.values()) <= 1


def test_photos_and_ways_are_like_all_photos() -> None:
    labels, right = _photos(855)
    dealt = deal(labels, right, Extent(None, 374))
    for number in range(3):
        for was in (False, True):
            wanted = ((labels == number) & (right == was)).mean() * 374
            found = ((labels == number) & (right == was))[dealt.photos].sum()
            assert abs(found - wanted) <= 1
    for way in range(18):
        mine = dealt.photos[(dealt.ways == way).any(axis=1)]
        assert abs((labels[mine] == 0).sum() - (labels == 0).mean() * len(mine)) <= 2
        assert abs(right[mine].sum() - right.mean() * len(mine)) <= 4


def test_the_same_photos_every_time() -> None:
    one, other = (deal(*_photos(300), Extent(None, 50)) for _ in range(2))
    assert (one.photos == other.photos).all()
    assert (one.ways == other.ways).all()

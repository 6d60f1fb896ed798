"""A foreign photo is unlike its label's photos; a twin does not vouch for its twin."""

import numpy as np
import pytest

from goodsight.auditing import topic

RNG = np.random.default_rng(0)
PHONES = np.abs(RNG.normal(1, 0.2, (60, 20)) * (np.arange(20) < 10)).astype(np.float32)
CABLES = np.abs(RNG.normal(1, 0.2, (6, 20)) * (np.arange(20) >= 10)).astype(np.float32)


def _likeness(features: np.ndarray, groups: np.ndarray, usual: np.ndarray | None = None) -> np.ndarray:
    everyone = np.arange(len(features))
    good = np.ones(len(features), bool) if usual is None else usual
    return topic.likeness(
        topic.hellinger(features), np.zeros(len(features), np.int64), groups, good, everyone, 0 * everyone
    )


def test_a_foreign_photo_is_unlike_all_others() -> None:
    found = _likeness(np.concatenate([PHONES, CABLES[:1]]), np.arange(61))
    assert found[:60].min() > 0.9
    assert found[60] < 0.1


def test_twins_do_not_vouch_for_each_other_and_do_not_count_as_unlike() -> None:
    features = np.concatenate([PHONES, np.repeat(CABLES[:1], 6, axis=0)])
    assert _likeness(features, np.arange(66))[60:].min() > 0.99
    assert _likeness(features, np.r_[np.arange(60), np.full(6, 60)])[60:].max() < 0.1
    copies = np.repeat(PHONES[:1], 31, axis=0)
    assert (_likeness(copies, np.zeros(31, np.int64)) == 1).all()


def test_only_usual_photos_are_compared_with() -> None:
    features = np.concatenate([PHONES, CABLES])
    usual = np.arange(66) < 60
    assert _likeness(features, np.arange(66))[60:].min() > 0.9
    assert _likeness(features, np.arange(66), usual)[60:].max() < 0.1


def test_without_usual_photos_nothing_is_known() -> None:
    assert (_likeness(PHONES, np.arange(60), np.zeros(60, bool)) == 1).all()


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (20, 1), (200, 10), (5000, 50)])
def test_a_twentieth_of_the_label_is_looked_at(count: int, expected: int) -> None:
    assert topic.neighbours(count) == expected

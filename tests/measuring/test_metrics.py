"""Metrics against scikit-learn and by hand; intervals that know about groups."""

import numpy as np
import pytest
from scipy.stats import beta
from sklearn import metrics as reference

from goodsight.measuring import metrics
from goodsight.measuring.metrics import BINS, changed, moderation, reliability, score


@pytest.fixture(scope="module")
def answers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 400)
    p = rng.dirichlet(np.ones(4), 400) + 0.8 * np.eye(4)[labels] * rng.random((400, 1))
    return p / p.sum(axis=1, keepdims=True), labels


def test_equal_scikit_learn(answers: tuple[np.ndarray, np.ndarray]) -> None:
    p, labels = answers
    got, guesses = score(p, labels, np.arange(400)), p.argmax(axis=1)
    assert got.accuracy.value == pytest.approx(reference.accuracy_score(labels, guesses))
    assert got.balanced_accuracy.value == pytest.approx(reference.balanced_accuracy_score(labels, guesses))
    assert got.log_loss.value == pytest.approx(reference.log_loss(labels, p))
    assert (got.confusion == reference.confusion_matrix(labels, guesses)).all()
    expected = reference.precision_recall_fscore_support(labels, guesses)
    for c in range(4):
        found = got.per_class[c]
        assert [found[k].value for k in ("precision", "recall", "f1")] == pytest.approx([e[c] for e in expected[:3]])
        assert found["f1"].low < found["f1"].value < found["f1"].high


def test_calibration_error_by_hand(answers: tuple[np.ndarray, np.ndarray]) -> None:
    p, labels = answers
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    index = np.minimum((confidence * BINS).astype(int), BINS - 1)
    expected = sum(abs(confidence[index == b].sum() - right[index == b].sum()) for b in range(BINS)) / 400
    got = score(p, labels, np.arange(400)).calibration_error
    assert got.value == pytest.approx(expected)
    assert 0 <= got.low <= got.value <= got.high


def test_twins_widen_the_interval(answers: tuple[np.ndarray, np.ndarray]) -> None:
    p, labels = answers
    p, labels, groups = np.repeat(p, 4, axis=0), np.repeat(labels, 4), np.repeat(np.arange(400), 4)
    together, apart = score(p, labels, groups).accuracy, score(p, labels, np.arange(1600)).accuracy
    assert together.value == apart.value
    assert together.high - together.low == pytest.approx(2 * (apart.high - apart.low), rel=0.15)


def test_rounds_are_the_same_however_many_are_drawn_at_once(
    answers: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    p, labels = answers
    groups = np.arange(400) // 2
    whole = score(p, labels, groups)
    every = np.random.default_rng(0).multinomial(200, np.full(200, 1 / 200), size=50)
    monkeypatch.setattr(metrics, "_TOGETHER", 1400)
    assert [len(some) for some in metrics.draws(200, 50, 0)] == [7] * 7 + [1]
    assert np.array_equal(np.concatenate(list(metrics.draws(200, 50, 0))), every)
    again = score(p, labels, groups)
    assert again.accuracy == whole.accuracy
    assert again.log_loss.low == pytest.approx(whole.log_loss.low)


def test_a_class_with_two_photos_is_not_measurable() -> None:
    labels = np.array([0] * 10 + [1] * 10 + [2] * 2)
    p = np.eye(3)[labels] * 0.9 + 0.1 / 3
    got = score(p, labels, np.arange(22))
    assert np.isnan(got.per_class[2]["recall"].value)
    assert got.per_class[2]["recall"].to_json() == {"value": None, "low": None, "high": None}
    assert got.balanced_accuracy.value == 1.0


def test_no_photo_is_an_error() -> None:
    with pytest.raises(ValueError, match="no photo"):
        score(np.empty((0, 2)), np.empty(0, int), np.empty(0, int))


def test_reliability_and_moderation_by_hand() -> None:
    confidence, right = np.array([0.95, 0.91, 0.55, 0.99]), np.array([True, False, False, True])
    (low, high) = reliability(confidence, right)
    assert low == pytest.approx((0.55, 0.0, 1))
    assert high == pytest.approx((0.95, 2 / 3, 3))
    shares, errors = moderation(confidence, right)
    assert shares == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert errors == pytest.approx([0, 0, 1 / 3, 1 / 2])


def test_groups_that_are_all_alike_are_no_reason_for_a_point() -> None:
    labels = np.zeros(40, int)
    probabilities = np.where(np.arange(40)[:, None] % 2 == np.arange(2), 0.9, 0.1)
    one, four = (score(probabilities, labels, np.arange(40) % (2 * n) // 2).accuracy for n in (1, 4))
    assert one.low < four.low < one.value == four.value == 0.5 < four.high < one.high


@pytest.mark.parametrize(("groups", "low"), [(36, 0.9026), (300, 0.9878)])
def test_without_a_mistake_the_interval_is_exact(groups: int, low: float) -> None:
    labels = np.arange(groups) % 2
    found = score(np.where(np.eye(2)[labels] > 0, 0.9, 0.1), labels, np.arange(groups))
    assert (found.accuracy.value, found.accuracy.high) == (1.0, 1.0)
    # Clopper and Pearson: 0.025 ** (1 / n) for n right of n.
    assert found.accuracy.low == pytest.approx(low, abs=1e-4)
    twins = score(np.where(np.eye(2)[labels] > 0, 0.9, 0.1), labels, np.arange(groups) // 2)
    assert twins.accuracy.low < found.accuracy.low
    wrong = score(np.where(np.eye(2)[1 - labels] > 0, 0.9, 0.1), labels, np.arange(groups)).accuracy
    assert (wrong.low, wrong.value, round(wrong.high, 4)) == (0.0, 0.0, round(1 - found.accuracy.low, 4))


def test_an_accuracy_after_a_change_begins_at_the_one_before() -> None:
    before = np.array([True] * 6 + [False] * 2)
    now = np.array([True] * 3 + [False] * 3 + [True, False])
    # Three of six right ones stay right and one of two wrong ones turns right, weighed by 0.9 and 0.1.
    found = changed(0.9, before, now, np.arange(8))
    assert found.value == pytest.approx(0.9 / 2 + 0.1 / 2)
    lost, won = (0.5 - beta.ppf(0.025, 3, 4)), (0.5 - beta.ppf(0.025, 1, 2))
    assert found.low == pytest.approx(0.5 - np.hypot(0.9 * lost, 0.1 * won))
    assert found.high == pytest.approx(0.5 + np.hypot(0.9 * lost, 0.1 * won))
    assert changed(0.75, before, before, np.arange(8)).value == 0.75


def test_a_change_that_nobody_saw_is_not_excluded() -> None:
    some = np.ones(10, bool)
    found = changed(0.8, some, some, np.arange(10))  # none was wrong before: nothing is known of the wrong ones
    assert (found.value, found.high) == pytest.approx((0.8, 1.0))
    assert found.low == pytest.approx(0.8 - 0.8 * (1 - 0.025 ** (1 / 10)))
    of_two = changed(0.8, some, some, np.array([0] * 5 + [1] * 5))
    assert of_two.low == pytest.approx(0.8 - 0.8 * (1 - 0.025 ** (1 / 2)))
    # Ten photos in groups of 9 and 1 say little more than one: 100 / 82 draws.
    uneven = changed(0.8, some, some, np.array([0] * 9 + [1]))
    assert uneven.low == pytest.approx(0.8 - 0.8 * (1 - 0.025 ** (82 / 100)))
    assert np.isnan(changed(0.8, some[:0], some[:0], np.arange(0)).value)


def test_intervals_after_a_change_hold_the_truth() -> None:
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        before = rng.random(1000) < 0.9
        now = np.where(before, rng.random(1000) < 0.8, rng.random(1000) < 0.2)
        tried = rng.permutation(1000)[:25]
        found = changed(before.mean(), before[tried], now[tried], np.arange(25))
        held += found.low <= now.mean() <= found.high
    assert 0.94 <= held / 400 <= 1

"""Temperature, conformal p-values and thresholds, on cases that can be worked out by hand or simulated."""

import numpy as np
import pytest
from scipy.stats import binom

from goodsight.heads import calibrate
from goodsight.heads.calibrate import cut_for, fit_temperature, log_loss, p_values, softmax, threshold_for


def test_softmax_and_log_loss_by_hand() -> None:
    p = softmax(np.array([[0.0, np.log(3.0)]]), 1.0)
    assert p == pytest.approx(np.array([[0.25, 0.75]]))
    assert log_loss(p, np.array([1])) == pytest.approx([-np.log(0.75)])


def test_temperature_is_recovered() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(20_000, 3))
    p = softmax(scores, 0.25)
    labels = (p.cumsum(axis=1) > rng.random((len(p), 1))).argmax(axis=1)
    assert fit_temperature(scores, labels) == pytest.approx(0.25, rel=0.03)


def test_p_values_by_hand_with_ties() -> None:
    found = p_values(np.array([1.0, 2.0, 2.0, 3.0]), np.array([0.0, 2.0, 9.0]))
    assert found == pytest.approx([1 / 5, 4 / 5, 1.0])


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
def test_p_values_are_small_as_rarely_as_promised(alpha: float) -> None:
    rng = np.random.default_rng(1)
    n = 20_000
    p = np.array([p_values(np.sort(rng.normal(size=199)), rng.normal(size=1))[0] for _ in range(n)])
    low, high = binom.ppf([0.001, 0.999], n, alpha) / n
    assert low <= (p <= alpha).mean() <= high


def test_threshold_by_hand() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    right = np.array([True, True, True, False, True])
    assert threshold_for(confidence, right, 0.75) == 0.7
    assert threshold_for(confidence, right, 0.6) == 0.5
    assert threshold_for(confidence, right, 0.99) == float("inf")


def test_threshold_does_not_divide_ties() -> None:
    confidence = np.array([0.9, 0.9, 0.9, 0.9])
    assert threshold_for(confidence, np.array([True, True, True, False]), 0.75) == float("inf")


def test_a_tags_cut_by_hand() -> None:
    probability = np.array([0.9, 0.6, 0.4, 0.3, 0.1])
    holds = np.array([True, True, False, True, False])
    # F1 of giving it to the first 1 to 5: 2/4, 4/5, 4/6, 6/7, 6/8.
    assert cut_for(probability, holds) == pytest.approx(0.2)
    assert cut_for(probability, np.array([True, True, False, False, False])) == pytest.approx(0.5)
    assert cut_for(probability, np.ones(5, bool)) == pytest.approx(0.1)
    assert cut_for(np.full(4, 0.3), np.array([True, False, False, False])) == pytest.approx(0.3)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_no_other_cut_has_a_better_f1(share: float) -> None:
    rng = np.random.default_rng(4)
    holds = rng.random(400) < share
    probability = np.round(1 / (1 + np.exp(-rng.normal(2 * holds - 2, 1.2))), 2)

    def f1(cut: float) -> float:
        given = probability >= cut
        return 2 * float((given & holds).sum()) / float(given.sum() + holds.sum())

    best = max(f1(cut) for cut in np.unique(probability))
    assert f1(cut_for(probability, holds)) == best > f1(0.5)


def test_a_rare_tag_has_probabilities_that_mean_what_they_say() -> None:
    """Scores without an intercept lie around zero, however rare the tag is."""
    rng = np.random.default_rng(0)
    holds = rng.random(4000) < 0.1
    scores = np.where(holds, 0.4, -0.1) + rng.normal(0, 0.2, 4000)
    temperature, bias = calibrate.fit_sigmoid(scores, holds)
    given = 1 / (1 + np.exp(-(scores / temperature + bias)))
    assert given.mean() == pytest.approx(holds.mean(), abs=0.01)
    for low, high in ((0.0, 0.2), (0.2, 0.6), (0.6, 1.0)):
        inside = (given >= low) & (given < high)
        assert given[inside].mean() == pytest.approx(holds[inside].mean(), abs=0.06)
    assert calibrate.fit(np.stack([-scores, scores], axis=1), holds.astype(int), 1) == pytest.approx(
        (2 * temperature, bias), rel=1e-2
    )

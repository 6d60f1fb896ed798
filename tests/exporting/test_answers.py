"""Probabilities, p-values and what is on topic, as operations of a graph, are what the model's own arithmetic gives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from goodsight.catalog.rows import LABEL, Attribute
from goodsight.exporting import answers
from goodsight.exporting.graph import Graph
from goodsight.heads import calibrate, offtopic
from goodsight.heads.network import Network
from goodsight.heads.scaler import Scaler
from goodsight.model.record import Judge

Compute = Callable[..., Any]
RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(40, 3)).astype(np.float32) * 3
KNOWN = tuple(np.sort(RNG.normal(size=n)).astype(np.float32) * 20 for n in (70, 0, 9))
JUDGE = Judge(LABEL, ("a", "b", "c"), Network.of(Scaler.none(3), slice(0, 3)), 0.1, KNOWN)


def test_probabilities_are_calibrated(computed: Compute) -> None:
    graph = Graph()
    found = computed(graph, answers.probabilities(JUDGE, graph, "given"), SCORES)
    assert found.dtype == np.float64
    assert np.allclose(found, JUDGE.calibrated(SCORES), rtol=1e-9, atol=1e-15)


def test_a_tag_has_its_bias(computed: Compute) -> None:
    tag = Judge(Attribute("worn", tag=True), ("no", "yes"), JUDGE.head, 0.7, KNOWN[:2], bias=1.3)
    graph = Graph()
    found = computed(graph, answers.probabilities(tag, graph, "given"), SCORES[:, :2])
    assert np.allclose(found, tag.calibrated(SCORES[:, :2]))
    assert np.abs(found - calibrate.softmax(SCORES[:, :2], 0.7)).max() > 0.1


def test_p_values_tell_apart_what_is_one_in_single_precision(computed: Compute) -> None:
    graph, probabilities = Graph(), JUDGE.calibrated(SCORES)
    assert (probabilities.astype(np.float32) == 1).sum() > 10
    found = computed(graph, answers.p_values(JUDGE, graph, "given"), probabilities)
    assert np.allclose(found, JUDGE.p_values(probabilities), atol=1e-6)
    assert len(np.unique(found[:, 0])) > 10
    assert (found[:, 1] == 1).all()  # no photo is known of that class


@pytest.mark.parametrize("negatives", [0, 3, 12])
def test_on_topic_is_compared_with_training_photos_and_negatives(negatives: int, computed: Compute) -> None:
    photos, others, new = (RNG.normal(size=(n, 8)).astype(np.float32) for n in (25, negatives, 30))
    scorer, known = offtopic.fit(photos, np.arange(25), slice(2, 7), others if negatives else None)
    usual = np.sort(known).astype(np.float32)
    graph = Graph()
    found = computed(graph, answers.on_topic(scorer, usual, graph, "given"), new)
    expected = calibrate.p_values(usual, scorer(new))
    assert np.ptp(expected) > 0.3
    assert np.allclose(found[:, 0], expected, atol=1e-6)


def test_p_values_count_what_is_equal(computed: Compute) -> None:
    graph, known = Graph(), [np.array([1, 2, 2, 3], np.float32), np.array([5], np.float32)]
    given = np.array([[2, 4], [0.5, 5], [9, 6]], np.float32)
    found = computed(graph, answers.usual(known, graph, "given"), given)
    expected = np.array([[0.8, 0.5], [0.2, 1.0], [1.0, 1.0]])
    assert np.allclose(found, expected)

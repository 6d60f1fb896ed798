import json

import numpy as np

from goodsight.heads import calibrate
from goodsight.measuring import nones


def test_the_errors_with_and_without_a_brand_are_told_apart() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2, 2, 2])
    answers = np.array([0, 2, 0, 1, 2, 2, 2, 1])
    told = nones.of_answers(labels, answers, none=2)
    assert (told.recall, told.right, told.missed, told.confused) == (0.75, 0.5, 0.25, 0.25)
    assert (told.photos, told.without) == (4, 4)


def test_a_share_of_no_photos_is_null_in_json() -> None:
    told = nones.of_answers(np.array([0, 1]), np.array([0, 1]), none=2).to_json()
    assert json.loads(json.dumps(told, allow_nan=False))["recall"] is None


def test_the_threshold_keeps_the_recall_and_no_more() -> None:
    draw = np.random.default_rng(0)
    scores = draw.normal(size=(400, 4)).astype(np.float32)
    labels = np.repeat([0, 1, 2, 3], 100)
    bound = calibrate.none_threshold(scores, labels, 1, 0.95)
    scores[:, 1] = bound
    assert 0.95 <= (scores[labels == 1].argmax(axis=1) == 1).mean() <= 0.97
    scores[:, 1] = bound - 0.5
    assert (scores[labels == 1].argmax(axis=1) == 1).mean() < 0.95


def test_where_brands_are_far_from_the_rest_the_threshold_is_between() -> None:
    scores = np.array([[0.0, 9.0], [1.0, 9.0], [5.0, 9.0], [7.0, 9.0]])
    assert calibrate.none_threshold(scores, np.array([1, 1, 0, 0]), 1, 0.95) == 3.0


def test_a_threshold_that_no_brand_reaches_still_keeps_the_recall() -> None:
    scores = np.array([[3.0, 0.0], [2.0, 0.0], [1.0, 0.0]], np.float32)
    assert 3 < calibrate.none_threshold(scores, np.array([1, 1, 0]), 1, 0.95) < 3.001

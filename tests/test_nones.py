import json

import numpy as np

from goodsight import nones


def test_the_errors_with_and_without_a_brand_are_told_apart() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2, 2, 2])
    answers = np.array([0, 2, 0, 1, 2, 2, 2, 1])
    told = nones.of(labels, answers, none=2)
    assert (told.recall, told.right, told.missed, told.confused) == (0.75, 0.5, 0.25, 0.25)
    assert (told.photos, told.without) == (4, 4)


def test_a_share_of_no_photos_is_null_in_json() -> None:
    told = nones.of(np.array([0, 1]), np.array([0, 1]), none=2).to_json()
    assert json.loads(json.dumps(told, allow_nan=False))["recall"] is None


def test_the_threshold_keeps_the_recall_and_no_more() -> None:
    draw = np.random.default_rng(0)
    scores = draw.normal(size=(400, 4)).astype(np.float32)
    labels = np.repeat([0, 1, 2, 3], 100)
    least = nones.threshold(scores, labels, 1, 0.95)
    scores[:, 1] = least
    assert (scores[labels == 1].argmax(axis=1) == 1).mean() == 0.96  # the score that is at the bound goes with it
    scores[:, 1] = least - 0.5
    assert (scores[labels == 1].argmax(axis=1) == 1).mean() < 0.95

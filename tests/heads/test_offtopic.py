"""Photos unlike the training photos score lowest, and a twin does not vouch for its twin."""

import numpy as np

from goodsight.heads import offtopic

RNG = np.random.default_rng(0)
TOPIC = (RNG.normal(size=(60, 20)) * 0.3 + np.eye(20)[0] * 2).astype(np.float32)
OTHER = (RNG.normal(size=(20, 20)) * 0.3 + np.eye(20)[5] * 2).astype(np.float32)
COLUMNS = slice(0, 20)


def test_off_topic_scores_below_every_training_photo() -> None:
    scorer, scores = offtopic.fit(TOPIC, np.arange(60), COLUMNS)
    assert scorer(OTHER).max() < scores.min()


def test_a_group_does_not_vouch_for_itself() -> None:
    lonely = np.concatenate([TOPIC, np.repeat(OTHER[:1], 6, axis=0)])
    groups = np.concatenate([np.arange(60), np.full(6, 99)])
    assert offtopic.fit(lonely, groups, COLUMNS)[1][-6:].max() < 0.5
    assert offtopic.fit(lonely, np.arange(66), COLUMNS)[1][-6:].min() > 0.99


def test_negatives_push_their_kind_down() -> None:
    between = (TOPIC[:10] + OTHER[:10]) / 2
    plain, _ = offtopic.fit(TOPIC, np.arange(60), COLUMNS)
    helped, scores = offtopic.fit(TOPIC, np.arange(60), COLUMNS, OTHER)
    without, _ = offtopic.fit(TOPIC, np.arange(60), COLUMNS)
    gap = np.median(scores) - np.median(helped(between))
    assert gap > np.median(without(TOPIC)) - np.median(plain(between))

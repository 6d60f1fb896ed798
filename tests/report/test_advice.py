"""What to do next names what was planted, and nothing where nothing stands out."""

from pathlib import Path

import numpy as np
import reported

from goodsight.arrays import Ints
from goodsight.catalog.rows import Row
from goodsight.measuring.result import Result, Scored, of
from goodsight.report import advice
from goodsight.training.fitted import ELSEWHERE, LIKE_THESE

NAMES = ("bag", "hat", "mug")


def _result(given: Ints, sure: float = 0.8, name: str = ELSEWHERE) -> Result:
    """Photos 20 bags, 5 hats and 20 mugs that were given these classes."""
    labels = np.repeat([0, 1, 2], [20, 5, 20])
    p = np.full((45, 3), (1 - sure) / 2)
    p[np.arange(45), given] = sure
    rows = [Row(f"{i}.jpg", Path(f"{i}.jpg")) for i in range(45)]
    return of(name, reported.judge(NAMES), Scored(rows, labels, p, np.arange(45), np.zeros(45, bool)))


RIGHT = np.repeat([0, 1, 2], [20, 5, 20])


def test_nothing_stands_out_where_all_is_right() -> None:
    assert advice.advise(0, [_result(RIGHT)]) == []


def test_a_class_that_is_seldom_found_and_what_it_is_taken_for() -> None:
    given = RIGHT.copy()
    given[21:25] = 2  # four of five hats are called mugs
    said = {one.seen: one for one in advice.advise(3, [_result(given)])}
    assert said["hat: 5 photos, found 20 % of the time"].action == "add photos"
    assert said["hat: 5 photos, found 20 % of the time"].key == "3:labelled:1"
    assert said["hat is taken for mug 4 times"].key == "3:1:2"
    assert len(said) == 2


def test_sure_mistakes_ask_for_the_labels() -> None:
    given = RIGHT.copy()
    given[:3] = 2
    assert any(one.action == "look at the labels" for one in advice.advise(0, [_result(given, 0.97)]))
    assert not any(one.action == "look at the labels" for one in advice.advise(0, [_result(given, 0.9)]))


def test_photos_from_more_places_are_asked_for_where_known_places_do_better() -> None:
    given = RIGHT.copy()
    given[:6] = 1
    far, near = _result(given), _result(RIGHT, name=LIKE_THESE)
    assert advice.advise(0, [far, near])[0].action == "add photos from more sellers, shelves or sessions"
    assert not any("sellers" in one.action for one in advice.advise(0, [far, _result(given, name=LIKE_THESE)]))

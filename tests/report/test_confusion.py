"""Classes that are taken for each other stand side by side, and the worst pairs come first."""

import numpy as np
import pytest

from goodsight.report import confusion
from goodsight.report.confusion import Pair

PLANTED = np.array(
    [
        [80, 0, 0, 20, 0],
        [0, 90, 0, 0, 10],
        [0, 0, 50, 0, 0],
        [30, 1, 0, 69, 0],
        [0, 40, 0, 0, 60],
    ]
)
"""0 and 3 are taken for each other, and 1 and 4; nobody takes 2 for anything."""


def test_what_is_taken_for_each_other_stands_side_by_side() -> None:
    order = confusion.order(PLANTED)
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert abs(order.index(0) - order.index(3)) == 1
    assert abs(order.index(1) - order.index(4)) == 1


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_few_classes_and_no_mistakes_have_an_order(classes: int) -> None:
    assert sorted(confusion.order(np.eye(classes, dtype=np.int64))) == list(range(classes))


def test_the_pairs_with_most_photos_come_first() -> None:
    found = confusion.pairs(PLANTED)
    assert found[:3] == [Pair(4, 1, 40, 100), Pair(3, 0, 30, 100), Pair(0, 3, 20, 100)]
    assert len(found) == 5
    assert confusion.taken_for(3, found) == Pair(3, 0, 30, 100)
    assert confusion.taken_for(2, found) is None


def test_the_table_has_every_photo_once_and_strong_mistakes() -> None:
    rows = dict(confusion.table(PLANTED))
    assert sum(cell.photos for cells in rows.values() for cell in cells) == PLANTED.sum()
    levels = {(label, cell.given): cell.level for label, cells in rows.items() for cell in cells}
    assert (levels[0, 0], levels[4, 1], levels[0, 3], levels[3, 1], levels[2, 0]) == ("right", "5", "4", "1", "0")


def test_a_class_without_photos_and_answers_is_no_row() -> None:
    wider = np.zeros((6, 6), np.int64)
    wider[:5, :5] = PLANTED
    rows = confusion.table(wider)
    assert sorted(label for label, _ in rows) == [0, 1, 2, 3, 4]
    assert {len(cells) for _, cells in rows} == {5}

"""Examples are taken and doubled as a whole, and parts that do not go together are refused."""

from dataclasses import fields, replace

import numpy as np
import pytest

from goodsight.heads.examples import Examples

X = np.arange(12, dtype=np.float32).reshape(4, 3)
WHOLE = Examples(
    X,
    np.array([0, 1, 0, 1]),
    np.array([0, 1, 2, 3]),
    np.array([5, 5, 6, 6]),
    -X,
    np.array([True, False, False, False]),
    np.array([7, 8, 8, 7]),
    groups=np.array([4, 4, 9, 9]),
)
PLAIN = Examples(X, WHOLE.labels, WHOLE.folds)


def test_rows_are_taken_of_every_part() -> None:
    rows = np.array([3, 0])
    taken = WHOLE.take(rows)
    assert len(taken) == 2
    assert replace(WHOLE, apart=True).take(rows).apart
    for field in fields(Examples):
        if field.name == "apart":
            continue
        assert np.array_equal(getattr(taken, field.name), getattr(WHOLE, field.name)[rows]), field.name
    plain = PLAIN.take(rows)
    assert (plain.others, plain.grey, plain.doubted, plain.hidden) == (None, None, None, None)


def test_a_copy_lies_in_its_photos_fold_and_shows_none_of_the_others() -> None:
    both = WHOLE.with_grey()
    assert len(both) == 8
    assert (both.vectors == np.concatenate([X, -X])).all()
    assert both.labels.tolist() == [0, 1, 0, 1] * 2
    assert both.folds.tolist() == [0, 1, 2, 3] * 2
    assert both.others is not None
    assert both.others.tolist() == [5, 5, 6, 6, 7, 7, 7, 7]
    assert both.hidden is not None
    assert both.hidden.tolist() == [7, 8, 8, 7] * 2
    assert both.sure.tolist() == [False, True, True, True] * 2
    assert both.grey is None
    assert PLAIN.with_grey() is PLAIN


def test_cells_are_combinations_of_the_label_with_the_others() -> None:
    assert WHOLE.cells.tolist() == [0, 2, 1, 3]
    assert replace(WHOLE, others=np.zeros(4, np.int64)).cells.tolist() == [0, 1, 0, 1]
    assert PLAIN.cells.tolist() == [0, 1, 0, 1]


def test_all_is_sure_where_nothing_is_doubted() -> None:
    assert WHOLE.sure.tolist() == [False, True, True, True]
    assert PLAIN.sure.all()


def test_parts_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"of one length, not .*'folds': 3"):
        Examples(X, WHOLE.labels, WHOLE.folds[:3])
    with pytest.raises(ValueError, match="'grey': 1"):
        replace(WHOLE, grey=X[:1])

"""A photo's names speak for it where its label's other photos are called so; twins and wrong photos have no say."""

import numpy as np
import pytest

from goodsight.auditing.akin import UNKNOWN, akin

COUNT = 50


def _called(*names: int, sure: float = 0.9) -> np.ndarray:
    """Photos that the network calls so, and with the rest of its chance anything else."""
    found = np.full((len(names), COUNT), (1 - sure) / (COUNT - 1), np.float32)
    found[np.arange(len(names)), names] = sure
    return found


def _akin(
    names: np.ndarray, labels: list[int], groups: list[int] | None = None, bad: tuple[int, ...] = ()
) -> np.ndarray:
    n = len(labels)
    good = ~np.isin(np.arange(n), bad)
    return akin(lambda rows: names[rows], np.array(labels), np.arange(n) if groups is None else np.array(groups), good)


def test_a_name_that_is_frequent_in_the_label_speaks_for_a_photo() -> None:
    found = _akin(_called(*[3] * 9, 7), [0] * 10)
    assert found[:9].min() > np.log(COUNT) / 2
    assert found[9] == 0


def test_two_odd_ones_of_a_kind_speak_a_little_for_each_other() -> None:
    found = _akin(_called(*[3] * 8, 7, 7), [0] * 10)
    assert 0 < found[8] < found[0]


def test_what_another_label_is_called_says_nothing() -> None:
    found = _akin(_called(3, 3, 3, 3, 7, 7, 7, 7, 7, 3), [0] * 5 + [1] * 5)
    assert found[4] == found[9] == 0
    assert found[[0, 8]].min() > 0.5


def test_a_twin_does_not_speak_for_its_twin_and_twins_count_once() -> None:
    names = _called(*[3] * 6, 7, 7, 7)
    apart = _akin(names, [0] * 9)
    together = _akin(names, [0] * 9, [0, 1, 2, 3, 4, 5, 6, 6, 6])
    assert apart[6] > 0
    assert together[6:].tolist() == [0, 0, 0]
    once = _akin(names[:7], [0] * 7)
    assert together[:6] == pytest.approx(once[:6])


def test_contradicted_photos_have_no_say() -> None:
    assert _akin(_called(*[3] * 6, 7, 7), [0] * 8, bad=(6,))[7] == 0
    assert _akin(_called(*[3] * 6, 7, 7), [0] * 8, bad=(7,))[7] > 0


def test_the_ratio_is_that_of_the_frequencies() -> None:
    found = _akin(_called(*[3] * 11, sure=1.0), [0] * 11)
    assert found == pytest.approx(np.full(11, np.log(COUNT * (10 + UNKNOWN / COUNT) / (10 + UNKNOWN))))


def test_a_photo_alone_in_its_label_has_nothing_to_be_compared_with() -> None:
    assert _akin(_called(3), [0]).tolist() == [0]


def test_large_labels_are_judged_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    names, labels = _called(*[3, 3, 7] * 5), [0] * 15
    whole = _akin(names, labels)
    monkeypatch.setattr("goodsight.auditing.akin._AT_ONCE", 2)
    assert _akin(names, labels) == pytest.approx(whole)

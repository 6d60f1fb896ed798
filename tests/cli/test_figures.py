"""What is printed of a result says why nothing can be decided, and never little as nothing."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from goodsight.cli.figures import print_result, signed
from goodsight.measuring.metrics import score
from goodsight.measuring.result import Result

SCORES = score(np.tile([0.9, 0.1], (40, 1)), np.zeros(40, int), np.arange(40))
NOTHING = Result("photos", ("bag", "mug"), SCORES, None, 0, [], [], 0.0, float("nan"))


def _last(capsys: pytest.CaptureFixture[str], result: Result, precision: float, threshold: float) -> str:
    print_result(result, precision, threshold)
    return capsys.readouterr().out.splitlines()[-1]


def test_it_says_why_nothing_is_decided(capsys: pytest.CaptureFixture[str]) -> None:
    assert _last(capsys, NOTHING, 0.99, float("inf")) == (
        "photos: 0.0% can be decided without a person: to promise 99%, 99 right answers in a row are needed, from the "
        "surest on"
    )
    assert "to promise 99.95%, 1999 right answers" in _last(capsys, NOTHING, 0.9995, float("inf"))
    # Something can be promised, only not of these photos.
    assert _last(capsys, NOTHING, 0.99, 0.9876) == (
        "photos: 0.0% can be decided without a person: no answer is as sure as the model decides from, "
        "probability 0.988"
    )


def test_little_is_not_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for share, text in ((0.5, "50.0%"), (1.0, "100.0%"), (0.0004, "0.04%"), (0.00002, "0.002%")):
        said = _last(capsys, replace(NOTHING, decided=share, decided_error=0.0), 0.99, 0.9)
        assert said == f"photos: {text} can be decided without a person, error among them 0.0000"
    for gain, text in ((0.25, "+0.2500"), (-0.00002, "-0.00002"), (0.0, "0.0000"), (-0.0, "0.0000")):
        assert signed(gain) == text


def test_what_leaked_and_what_shows_none_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    nones: Any = SimpleNamespace(right=0.5, missed=0.25, confused=0.25, photos=4, recall=1.0, without=2)
    print_result(replace(NOTHING, name="held-out", leaked=40, nones=nones), 0.99, 2.0)
    first, leaked, too_few, none, _ = capsys.readouterr().out.splitlines()
    assert first.startswith("held-out: accuracy 1.0000 [0.9119, 1.0000], ")
    assert leaked == "held-out: every photo has a twin or its group among the training photos: nothing new is seen"
    assert too_few == "held-out: too few photos to measure: mug"
    assert none.endswith("another 0.2500; 4 photos), none right 1.0000 (2 photos without a brand)")
    part = replace(NOTHING, leaked=30, scores_without_leaks=SCORES)
    print_result(part, 0.99, 2.0)
    assert "photos without 30 leaked photos: accuracy 1.0000" in capsys.readouterr().out

"""What is printed of a comparison holds where its bounds are nothing, or nearly."""

from pathlib import Path

import numpy as np
import pytest

from goodsight.cli.terminal import print_promotion
from goodsight.flow.upkeep import Promotion
from goodsight.measuring.comparison import Comparison, Outcome, compare
from goodsight.measuring.metrics import Estimate


def _printed(capsys: pytest.CaptureFixture[str], found: Comparison, min_gain: float = 0.0) -> list[str]:
    print_promotion(Path("new"), Path("old"), Promotion(found, False, 0, None), min_gain)
    return capsys.readouterr().out.splitlines()


def test_two_models_that_are_right_on_the_same_photos(capsys: pytest.CaptureFixture[str]) -> None:
    same = Outcome(np.arange(180) > 20, np.zeros(180))
    assert _printed(capsys, compare(same, same, np.arange(180)))[1:] == [
        "gain 0.0000 [-0.0203, +0.0203] (180 photos)",
        "not promoted: the gain is 0.0000, and must be above 0.0000 for sure",
    ]


def test_a_bound_that_rounds_to_nothing_keeps_its_sign(capsys: pytest.CaptureFixture[str]) -> None:
    found = Comparison(9000, 9000, 0.9, 0.901, Estimate(0.001, -0.00002, 0.002), Estimate(0.0, 0.0, 0.0))
    assert _printed(capsys, found)[1:] == [
        "gain +0.0010 [-0.00002, +0.0020] (9000 photos)",
        "not promoted: the gain may be as low as -0.00002, and must be above 0.0000 for sure",
    ]
    assert _printed(capsys, found, 0.05)[-1] == "not promoted: the gain is +0.0010, and must be above +0.0500 for sure"

"""What is kept of a head names the same tensors whatever its kind."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from goodsight.heads.head import Setting, landmarks_of, stored
from goodsight.heads.scaler import Scaler

NAMES = {"mean", "scale", "bound", "landmarks", "weights", "mix"}


def test_what_a_kind_does_not_have_is_empty() -> None:
    kept = stored(Scaler.none(3))
    assert kept.keys() == NAMES
    assert {name: kept[name].shape for name in ("landmarks", "weights", "mix")} == dict.fromkeys(
        ("landmarks", "weights", "mix"), (0, 0)
    )
    assert stored(Scaler.none(3), np.ones((3, 2), np.float32))["weights"].shape == (3, 2)


def test_landmarks_are_kept_in_half_and_read_in_rows() -> None:
    landmarks = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    kept = stored(Scaler.none(3), landmarks=landmarks)
    assert kept["landmarks"].dtype == np.float16
    again = landmarks_of(kept)
    assert (again.dtype.name, again.flags.c_contiguous) == ("float32", True)
    assert np.allclose(again, landmarks, atol=2e-3)
    with pytest.raises(KeyError, match="landmarks"):
        landmarks_of({})


def test_a_setting_survives_json() -> None:
    parts = (Setting("kernel", 0.5, 0.06, weight=2.5), Setting("cosine", 0.0, 0.1, aside=64.0, grey=True))
    for setting in (parts[1], Setting("mixed", 0.0, 0.0, parts=parts)):
        assert Setting.of_json(json.loads(json.dumps(asdict(setting)))) == setting
    # What was kept before there were mixed heads.
    assert Setting.of_json({"kind": "linear", "gamma": 0.0, "penalty": 1.0}) == Setting("linear", 0.0, 1.0)
    with pytest.raises(TypeError, match="colour"):
        Setting.of_json({"kind": "linear", "gamma": 0.0, "penalty": 1.0, "colour": 1})

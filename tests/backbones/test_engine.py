from pathlib import Path

import numpy as np
import pytest

from goodsight.backbones import engine as engines
from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import ENGINES, Engine, preferred, start
from goodsight.errors import EngineError


def test_the_engines_agree(backbone: Backbone, engine: Engine) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), np.uint8)
    other = start(backbone.network, engine="onnxruntime")
    one, two = engine.submit(pixels).result(60), other.submit(pixels).result(60)
    other.close()
    assert one.shape == two.shape == (3, backbone.width)
    assert np.allclose(one, two, atol=2e-2, rtol=1e-2)


def test_an_unknown_engine_is_refused(backbone: Backbone) -> None:
    with pytest.raises(EngineError, match=r"engine 'openvin' is not known.*Did you mean 'openvino'"):
        start(backbone.network, engine="openvin")


def test_the_engine_that_is_installed_is_used(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    assert preferred() == "openvino"
    monkeypatch.setattr(engines, "_is_there", lambda name: name == "onnxruntime")
    assert preferred() == "onnxruntime"
    started = start(backbone.network)
    started.close()
    assert started.name == "onnxruntime"
    with pytest.raises(EngineError, match="the engine openvino is not installed: `pip install openvino`"):
        start(backbone.network, engine="openvino")


@pytest.mark.parametrize("name", ENGINES)
def test_a_broken_network_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(EngineError, match=r"broken\.onnx: .* cannot load this network"):
        start(path, engine=name)

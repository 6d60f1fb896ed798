"""The files of OpenVINO answer as the ONNX file does, in float32, and say the same of themselves."""

import json
from pathlib import Path

import numpy as np
import openvino

from goodsight.exporting import composed, contract, network, openvino_files
from goodsight.model.record import LoadedModel


def test_answers_are_those_of_the_onnx_file(loaded: LoadedModel, tmp_path: Path) -> None:
    data = composed.compose(loaded.model, network.load(loaded.model.backbone.network)).SerializeToString()
    openvino_files.write(tmp_path, data, {"classes": ["a"]})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.bin", "model.xml"]
    pixels = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3)).astype(np.uint8)
    one, other = composed.answered(data, pixels), openvino_files.answered(tmp_path, pixels)
    assert one.keys() <= other.keys()
    name = contract.output("probabilities", loaded.model.judges[0])
    assert np.abs(one[name] - other[name]).max() < 0.01
    assert np.abs(one["on_topic"] - other["on_topic"]).max() < 3.5 / (len(loaded.model.on_topic) + 1)
    kept = openvino.Core().read_model(tmp_path / "model.xml").get_rt_info([contract.KEY])
    assert json.loads(kept.astype(str)) == {"classes": ["a"]}

"""A user's own ONNX encoder is wrapped so that it takes bytes and gives vectors, or refused with the reason."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from goodsight.backbones import onnx_file
from goodsight.backbones.backbone import Backbone, Block, file_sha256
from goodsight.backbones.engine import start
from goodsight.errors import EngineError

Shape = Sequence[int | str]
FLOATS: Shape = ["n", 3, 32, 32]
WEIGHT = np.random.default_rng(0).normal(size=(5, 3, 4, 4)).astype(np.float32)


def _write(path: Path, given: Shape, kind: int, ends: str) -> Path:
    """A convolution of stride 4; it ends as maps (n, 5, h, w), (n, 5, 1, 1), vectors (n, 5), tokens (n, t, 5)."""
    nodes, x = [], "pixels"
    if kind == TensorProto.UINT8:
        nodes.append(helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Transpose", ["floats"], ["x"], perm=[0, 3, 1, 2]))
        x = "x"
    nodes.append(helper.make_node("Conv", [x, "weight"], ["maps"], strides=[4, 4]))
    nodes.append(helper.make_node("GlobalMaxPool", ["maps"], ["peak"]))
    nodes.append(helper.make_node("Flatten", ["peak"], ["vectors"]))
    nodes.append(helper.make_node("ArgMax", ["vectors"], ["best"], axis=1))
    nodes.append(helper.make_node("Cast", ["maps"], ["half"], to=TensorProto.FLOAT16))
    nodes.append(helper.make_node("Transpose", ["maps"], ["last"], perm=[0, 2, 3, 1]))
    nodes.append(helper.make_node("Reshape", ["last", "rows"], ["tokens"]))
    if ends == "broken":
        nodes.append(helper.make_node("Squeeze", ["vectors", "zero"], ["broken"]))
    kinds = {"best": TensorProto.INT64, "half": TensorProto.FLOAT16}
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("pixels", kind, given)],
        [
            helper.make_tensor_value_info(ends, kinds.get(ends, TensorProto.FLOAT), None),
            helper.make_tensor_value_info("weight", TensorProto.FLOAT, None),
        ],
        [
            numpy_helper.from_array(WEIGHT, "weight"),
            numpy_helper.from_array(np.array([0], np.int64), "zero"),
            numpy_helper.from_array(np.array([0, -1, 5], np.int64), "rows"),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def _pixels(side: int = 32) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (3, side, side, 3), dtype=np.uint8)


def _maps(x: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    """The convolution in numpy, for photos (n, h, w, 3)."""
    n, side = x.shape[0], x.shape[1] // 4
    patches = x.reshape(n, side, 4, side, 4, 3)
    return np.asarray(np.einsum("nyaxbc,dcab->ndyx", patches, WEIGHT.astype(np.float64)))


def _embeddings(found: Backbone, pixels: npt.NDArray[np.uint8], engine: str) -> npt.NDArray[np.float32]:
    running = start(found.network, engine=engine, precision="f32")
    vectors = running.submit(pixels).result()
    running.close()
    return vectors


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("ends", ["vectors", "peak", "maps", "half"])
def test_floats_are_wrapped(ends: str, engine: str, tmp_path: Path) -> None:
    path = _write(tmp_path / "encoder.onnx", FLOATS, TensorProto.FLOAT, ends)
    found = onnx_file.backbone(path)
    maps = _maps((_pixels() / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225])
    expected = maps.mean((2, 3)) if ends in {"maps", "half"} else maps.max((2, 3))
    assert np.allclose(_embeddings(found, _pixels(), engine), expected, atol=2e-2 if ends == "half" else 1e-3)
    assert (found.name, found.resize.size, found.blocks) == ("encoder.onnx", 32, (Block("features", 5, 1.0),))
    assert found.sha256 == file_sha256(found.network)
    assert file_sha256(path) in found.network.name


@pytest.mark.parametrize("ends", ["vectors", "maps"])
def test_bytes_are_given_as_they_are(ends: str, tmp_path: Path) -> None:
    path = _write(tmp_path / "encoder.onnx", ["n", "h", "w", 3], TensorProto.UINT8, ends)
    maps = _maps(_pixels(48).astype(np.float64))
    expected = maps.max((2, 3)) if ends == "vectors" else maps.mean((2, 3))
    found = onnx_file.backbone(path, 48)
    assert np.allclose(_embeddings(found, _pixels(48), "onnxruntime"), expected, rtol=1e-4, atol=1e-2)
    assert (found.resize.size, found.width) == (48, 5)


@pytest.mark.parametrize(("given", "size", "side"), [(FLOATS, 32, 32), (["n", 3, "h", "w"], 0, 224)])
def test_the_side(given: Shape, size: int, side: int, tmp_path: Path) -> None:
    path = _write(tmp_path / "encoder.onnx", given, TensorProto.FLOAT, "maps")
    assert onnx_file.backbone(path, size).resize.size == side


def test_a_second_load_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path / "encoder.onnx", FLOATS, TensorProto.FLOAT, "maps")
    first = onnx_file.backbone(path)
    monkeypatch.delattr(onnx_file, "_try")
    assert onnx_file.backbone(path) == first


REFUSED = [
    (["n", 4, 32, 32], TensorProto.FLOAT, "maps", 0, r"the input is float \(\?, 4, 32, 32\); it must be uint8"),
    (["n", 3, 32, 32], TensorProto.UINT8, "maps", 0, r"the input is uint8 \(\?, 3, 32, 32\)"),
    (["n", 3, 32, 32], TensorProto.DOUBLE, "maps", 0, "the input is double"),
    (["n", 3, 32], TensorProto.FLOAT, "maps", 0, r"the input is float \(\?, 3, 32\)"),
    ([1, 3, 32, 32], TensorProto.FLOAT, "maps", 0, "batches of 1 only; export it with a dynamic batch axis"),
    (["n", 3, 32, 48], TensorProto.FLOAT, "maps", 0, "no square"),
    (["n", 3, 40, 40], TensorProto.FLOAT, "maps", 0, "takes 40 pixels, but the side must be .* steps of 16"),
    (FLOATS, TensorProto.FLOAT, "maps", 64, r"`size` 64: `network` .*encoder\.onnx takes 32 pixels only"),
    (["n", 3, "h", "w"], TensorProto.FLOAT, "maps", 40, "`size` 40: the side must be"),
    (FLOATS, TensorProto.FLOAT, "best", 0, r"encoder\.onnx: the first output is int64 \(n, 1\); it must be floats"),
    (FLOATS, TensorProto.FLOAT, "tokens", 0, r"the first output is float32 \(n, 64, 5\); it must be floats \(n, d\)"),
    (FLOATS, TensorProto.FLOAT, "broken", 0, r"does not run on 32 x 32 pixels"),
]


@pytest.mark.parametrize(("given", "kind", "ends", "size", "message"), REFUSED)
def test_what_cannot_be_used_is_refused(
    given: Shape, kind: int, ends: str, size: int, message: str, tmp_path: Path
) -> None:
    path = _write(tmp_path / "encoder.onnx", given, kind, ends)
    with pytest.raises(EngineError, match=message) as caught:
        onnx_file.backbone(path, size)
    assert "\n" not in str(caught.value)


def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    model = onnx.load(str(_write(tmp_path / "whole.onnx", FLOATS, TensorProto.FLOAT, "maps")))
    onnx.save(model, str(tmp_path / "parts.onnx"), save_as_external_data=True, location="w", size_threshold=0)
    with pytest.raises(EngineError, match=r"parts\.onnx: the weights are in another file; save the network as one"):
        onnx_file.backbone(tmp_path / "parts.onnx")


@pytest.mark.parametrize("content", [b"", b"no network at all", bytes(range(256))])
def test_a_file_that_is_no_onnx(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "photo.onnx").write_bytes(content)
    with pytest.raises(EngineError, match=r"photo\.onnx: this is no ONNX file"):
        onnx_file.backbone(tmp_path / "photo.onnx")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"gone\.onnx: the file cannot be read: No such file"):
        onnx_file.backbone(tmp_path / "gone.onnx")

"""An encoder of the user's own, as one ONNX file. Onnx loads only to look at the graph and to wrap it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from goodsight.backbones.backbone import Backbone, Block, file_sha256
from goodsight.errors import EngineError
from goodsight.files import cache_folder, whole_file
from goodsight.photos.resize import Resize

SIZE = 224
REVISION = 1
"""Raised when the wrapping changes, so that an older file in the cache is not taken for it."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Those of ImageNet, which a network that takes floats is assumed to have been trained with."""


def backbone(path: Path, size: int = 0) -> Backbone:
    """The backbone of an ONNX file whose one input is one of these, with n left open.

    - uint8 (n, h, w, 3): RGB bytes, given as they are.
    - float32 (n, 3, h, w): RGB, assumed to be divided by 255, less the ImageNet mean, over the ImageNet std. The graph
      is wrapped so that it takes bytes.

    The first output must be features (n, d), or maps (n, d, h, w), of which the mean over positions is taken.

    Args:
        path: the file; its weights must be inside.
        size: side of the square of pixels where the graph leaves it open; 0 for what the graph says, or 224.

    Raises:
        EngineError: not such a file, the size does not fit the graph, or the ``onnx`` extra is not installed.

    """
    model = _load(path)
    is_bytes, side = _input(path, model.graph, size)
    cached = cache_folder() / "backbones" / f"onnx-{file_sha256(path)}-{side}-r{REVISION}.onnx"
    if not cached.exists():
        if not is_bytes:
            _take_bytes(model, side)
        shape, kind = _try(path, model, side)
        if len(shape) not in {2, 4} or shape[0] != 2 or kind not in {"float16", "float32", "float64"}:
            found = ", ".join(["n", *map(str, shape[1:])] if shape[:1] == (2,) else map(str, shape))
            raise EngineError(
                f"`network` {path}: the first output is {kind} ({found}); it must be floats (n, d) or (n, d, h, w)"
            )
        _give_vectors(model, shape, kind)
        with whole_file(cached) as part:
            part.write_bytes(model.SerializeToString())
    width = _load(cached).graph.output[0].type.tensor_type.shape.dim[1].dim_value
    return Backbone(path.name, cached, file_sha256(cached), Resize(side, "pad"), (Block("features", width, 1.0),))


def _load(path: Path) -> Any:
    """The protobuf of a file that holds all its weights."""
    try:
        import onnx
        import onnxruntime  # noqa: F401 - _try wants it
    except ImportError as error:
        raise EngineError(
            f"`network` {path} needs {error.name}: install it with `pip install 'goodsight[onnx]'`"
        ) from error
    try:
        model = onnx.load(str(path), load_external_data=False)
    except OSError as error:
        raise EngineError(f"`network` {path}: the file cannot be read: {error.strerror or error}") from error
    except Exception as error:  # protobuf has an error type of its own in each of its implementations
        raise EngineError(f"`network` {path}: this is no ONNX file") from error
    if not model.graph.node:
        raise EngineError(f"`network` {path}: this is no ONNX file, or one without a network")
    constants = [a.t for node in model.graph.node for a in node.attribute if a.HasField("t")]
    if any(onnx.external_data_helper.uses_external_data(t) for t in [*model.graph.initializer, *constants]):
        raise EngineError(
            f"`network` {path}: the weights are in another file; save the network as one file "
            "(onnx.save(onnx.load(FILE), FILE), or torch.onnx.export with external_data=False)"
        )
    return model


def _input(path: Path, graph: Any, size: int) -> tuple[bool, int]:
    """Whether the graph takes bytes, and the side of its square."""
    from onnx import TensorProto

    weights = {tensor.name for tensor in graph.initializer}
    inputs = [given for given in graph.input if given.name not in weights]
    if len(inputs) != 1:
        raise EngineError(f"`network` {path}: the network has {len(inputs)} inputs; it must have one, the photos")
    tensor = inputs[0].type.tensor_type
    shape = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
    is_bytes = tensor.elem_type == TensorProto.UINT8
    if len(shape) != 4 or shape[3 if is_bytes else 1] != 3 or not (is_bytes or tensor.elem_type == TensorProto.FLOAT):
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise EngineError(
            f"`network` {path}: the input is {kind} ({', '.join('?' if dim is None else str(dim) for dim in shape)}); "
            "it must be uint8 (n, h, w, 3) or float32 (n, 3, h, w)"
        )
    if shape[0] is not None:
        raise EngineError(
            f"`network` {path}: the network takes batches of {shape[0]} only; export it with a dynamic batch axis"
        )
    sides = set(shape[1:3] if is_bytes else shape[2:4]) - {None}
    if len(sides) > 1:
        raise EngineError(f"`network` {path}: the network takes {shape}, which is no square")
    fixed = sides.pop() if sides else None
    if fixed and size and size != fixed:
        raise EngineError(f"`size` {size}: `network` {path} takes {fixed} pixels only")
    side = fixed or size or SIZE
    if not 16 <= side <= 1024 or side % 16:
        asked = f"`network` {path} takes {side} pixels, but" if fixed else f"`size` {side}:"
        raise EngineError(f"{asked} the side must be 16 to 1024 pixels in steps of 16")
    return is_bytes, side


def _take_bytes(model: Any, side: int) -> None:
    """Put a new input before the graph: uint8 RGB (n, side, side, 3), made into what the old one asks for."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    old = next(given for given in graph.input if given.name not in weights)
    constants = {"by": np.float32(255), "mean": np.asarray(MEAN, np.float32), "std": np.asarray(STD, np.float32)}
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), f"goodsight_{name}") for name, value in constants.items()
    )
    nodes = [
        helper.make_node("Cast", ["goodsight_pixels"], ["goodsight_floats"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["goodsight_floats", "goodsight_by"], ["goodsight_scaled"]),
        helper.make_node("Sub", ["goodsight_scaled", "goodsight_mean"], ["goodsight_centred"]),
        helper.make_node("Div", ["goodsight_centred", "goodsight_std"], ["goodsight_normal"]),
        helper.make_node("Transpose", ["goodsight_normal"], [old.name], perm=[0, 3, 1, 2]),
    ]
    nodes += list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    shape = ["n", side, side, 3]
    graph.input.remove(old)
    graph.input.insert(0, helper.make_tensor_value_info("goodsight_pixels", TensorProto.UINT8, shape))


def _try(path: Path, model: Any, side: int) -> tuple[tuple[int, ...], str]:
    """Shape and type of the first output for two blank photos."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        pixels = np.full((2, side, side, 3), 255, np.uint8)
        found = session.run([session.get_outputs()[0].name], {session.get_inputs()[0].name: pixels})[0]
    except Exception as error:  # ONNX Runtime has error types of its own
        reason = (str(error).strip().splitlines() or [""])[0]
        raise EngineError(f"`network` {path}: the network does not run on {side} x {side} pixels: {reason}") from error
    return tuple(np.shape(found)), str(getattr(found, "dtype", type(found).__name__))


def _give_vectors(model: Any, shape: tuple[int, ...], kind: str) -> None:
    """Make the first output the only one: float32 (n, d), with d written down."""
    from onnx import TensorProto, helper

    graph = model.graph
    last = graph.output[0].name
    if kind != "float32":
        graph.node.append(helper.make_node("Cast", [last], ["goodsight_cast"], to=TensorProto.FLOAT))
        last = "goodsight_cast"
    if len(shape) == 4:
        graph.node.append(helper.make_node("GlobalAveragePool", [last], ["goodsight_mean_map"]))
        graph.node.append(helper.make_node("Flatten", ["goodsight_mean_map"], ["goodsight_embedding"], axis=1))
        last = "goodsight_embedding"
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(last, TensorProto.FLOAT, ["n", shape[1]]))

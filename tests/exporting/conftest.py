"""Runs what was added to a graph."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from onnx import helper

from goodsight.exporting.graph import LEAST_OPSET, Graph

Computed = Callable[[Graph, str, npt.NDArray[Any]], npt.NDArray[Any]]


@pytest.fixture(params=[LEAST_OPSET, 17, 21], ids=lambda opset: f"opset {opset}")
def computed(request: pytest.FixtureRequest) -> Computed:
    """What a graph makes of an input called "given", in the oldest operator set that it may meet, and in newer ones."""

    def compute(graph: Graph, wanted: str, given: npt.NDArray[Any]) -> npt.NDArray[Any]:
        kind = helper.np_dtype_to_tensor_dtype(given.dtype)
        ends = [helper.make_tensor_value_info("given", kind, ["n", *given.shape[1:]])]
        last = [helper.make_empty_tensor_value_info(wanted)]
        made = helper.make_graph(graph.nodes, "test", ends, last, initializer=graph.constants)
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", request.param)], ir_version=8)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return np.asarray(session.run([wanted], {"given": given})[0])

    return compute

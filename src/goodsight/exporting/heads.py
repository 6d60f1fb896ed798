"""Heads as operations of an ONNX graph, a function for each kind: the same sums as the kinds' own ``__call__``."""

from __future__ import annotations

from functools import reduce, singledispatch

from goodsight.arrays import Array
from goodsight.exporting.graph import Graph, single
from goodsight.heads.cosine import Cosine
from goodsight.heads.curved import Curved
from goodsight.heads.head import Head
from goodsight.heads.kernel import Kernel
from goodsight.heads.kernels import squared_lengths
from goodsight.heads.linear import Linear
from goodsight.heads.mixed import Mixed
from goodsight.heads.network import Network
from goodsight.heads.scaler import Scaler

_SHORTEST = 1e-9
"""As in :func:`goodsight.heads.kernels.unit`."""


@singledispatch
def scores(head: Head, graph: Graph, vectors: str) -> str:
    """Add what makes scores (n, classes) of embeddings (n, width) to a graph.

    Args:
        head: of any kind.
        graph: what is added to.
        vectors: the name of the embeddings.

    Returns:
        The name of the scores.

    Raises:
        NotImplementedError: heads of this kind cannot be exported.

    """
    raise NotImplementedError(f"a {type(head).__name__} head cannot be exported")


@scores.register
def _(head: Linear, graph: Graph, vectors: str) -> str:
    return graph.add("MatMul", _scaled(head.scaler, graph, vectors), head.weights)


@scores.register
def _(head: Kernel, graph: Graph, vectors: str) -> str:
    near = _nearness(head.landmarks, head.setting.gamma, graph, _scaled(head.scaler, graph, vectors))
    return graph.add("MatMul", near, head.weights)


@scores.register
def _(head: Cosine, graph: Graph, vectors: str) -> str:
    low = graph.add("MatMul", _scaled(head.scaler, graph, vectors), graph.kept(head.landmarks.T))
    return graph.add("MatMul", graph.unit(low, _SHORTEST), head.weights)


@scores.register
def _(head: Curved, graph: Graph, vectors: str) -> str:
    near = _nearness(head.landmarks, head.setting.gamma, graph, _scaled(head.scaler, graph, vectors))
    low = graph.add("Add", graph.add("MatMul", near, head.mix[:-1]), head.mix[-1])
    return graph.add("MatMul", graph.unit(low, _SHORTEST), head.weights)


@scores.register
def _(head: Mixed, graph: Graph, vectors: str) -> str:
    parts = [
        graph.add("Mul", scores(each, graph, vectors), single(part.weight))
        for each, part in zip(head.heads, head.setting.parts, strict=True)
    ]
    return reduce(lambda one, other: graph.add("Add", one, other), parts)


@scores.register
def _(head: Network, graph: Graph, vectors: str) -> str:
    return graph.columns(vectors, head.own)


def _scaled(scaler: Scaler, graph: Graph, vectors: str) -> str:
    x = graph.add("Mul", graph.add("Sub", vectors, scaler.mean), scaler.scale)
    return graph.add("Min", graph.add("Max", x, -scaler.bound), scaler.bound)


def _nearness(landmarks: Array, gamma: float, graph: Graph, x: str) -> str:
    """The RBF kernel (n, k) between standardised vectors (n, width) and landmarks (k, width)."""
    product = graph.add("MatMul", x, graph.kept(landmarks.T))
    lengths = graph.add("Add", graph.sum(graph.add("Mul", x, x)), squared_lengths(landmarks))
    squared = graph.add("Sub", lengths, graph.add("Mul", product, single(2)))
    squared = graph.add("Max", squared, single(0))
    return graph.add("Exp", graph.add("Mul", squared, single(-gamma)))

"""Scores become answers in an ONNX graph: probabilities, p-values, what is on topic.

These are the sums of :class:`goodsight.model.record.Judge` and :class:`goodsight.heads.offtopic.OffTopic`.
Probabilities are computed in double precision, as there: a p-value tells apart what is 1 in single precision.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from goodsight.arrays import Array
from goodsight.exporting.graph import DOUBLE, FLOAT, Graph, double, single
from goodsight.heads.offtopic import NEIGHBOURS, OffTopic
from goodsight.model.record import Judge

_RAREST = 1e-12
"""As in :func:`goodsight.model.record.log_odds`."""


def probabilities(judge: Judge, graph: Graph, scores: str) -> str:
    """Add what makes calibrated probabilities (n, classes), in double precision, of scores (n, classes); their name."""
    odds = graph.add("Div", graph.cast(scores, DOUBLE), double(judge.temperature))
    if judge.yes is not None:
        odds = graph.add("Add", odds, judge.bias * np.eye(len(judge.classes))[judge.yes])
    return graph.add("Softmax", odds, axis=1)


def p_values(judge: Judge, graph: Graph, probabilities: str) -> str:
    """Add what makes conformal p-values (n, classes) of probabilities (n, classes); their name."""
    p = graph.add("Max", graph.add("Min", probabilities, double(1 - _RAREST)), double(_RAREST))
    odds = graph.add("Sub", graph.add("Log", p), graph.add("Log", graph.add("Sub", double(1), p)))
    return usual(judge.calibration, graph, graph.cast(odds, FLOAT))


def on_topic(scorer: OffTopic, known: Array, graph: Graph, vectors: str) -> str:
    """Add what makes the p-value (n, 1) of being a photo like the training photos; its name.

    Args:
        scorer: says how on-topic an embedding is.
        known: its scores of the training photos.
        graph: what is added to.
        vectors: the name of the embeddings (n, width).

    """
    x = graph.unit(graph.columns(vectors, scorer.columns), 1e-6)
    score = _nearest(scorer.photos, graph, x)
    if len(scorer.negatives):
        score = graph.add("Sub", score, _nearest(scorer.negatives, graph, x))
    return usual([known], graph, score)


def _nearest(photos: Array, graph: Graph, x: str) -> str:
    """The mean similarity (n, 1) to the nearest of some photos."""
    k = min(NEIGHBOURS, len(photos))
    similar = graph.add("MatMul", x, graph.kept(photos.T))
    nearest = graph.add("TopK", similar, np.array([k], np.int64), axis=1, unused=1)
    return graph.add("Div", graph.sum(nearest), single(k))


def usual(known: Sequence[Array], graph: Graph, values: str) -> str:
    """Add what makes p-values (n, c) of values (n, c): the share of known ones that are not above it.

    All known values lie in one row: what lies below is counted along it, and each column takes its part. So many photos
    of one class do not cost as much for each of the others.

    Args:
        known: the values (k,) of each of the c columns; see :func:`goodsight.heads.calibrate.p_values`.
        graph: what is added to.
        values: the name of the new values.

    """
    counts = np.array([len(each) for each in known])
    ends = np.cumsum(counts)
    # The first is never below, so that a part may begin there.
    row = np.concatenate([[np.inf], *known]).astype(np.float32)
    column = np.concatenate([[0], np.repeat(np.arange(len(known)), counts)])
    below = graph.add("LessOrEqual", row, graph.add("Gather", values, column, axis=1))
    total = graph.add("CumSum", graph.cast(below, FLOAT), np.array(1, np.int64))
    parts = [graph.add("Gather", total, at, axis=1) for at in (ends, ends - counts)]
    return graph.add("Div", graph.add("Add", graph.add("Sub", *parts), single(1)), (counts + 1).astype(np.float32))

"""Every kind of head, as operations of a graph, scores as it does itself."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from clouds import BLOCKS, WIDTH, clouds

from goodsight.exporting.graph import Graph
from goodsight.exporting.heads import scores
from goodsight.heads import kinds
from goodsight.heads.head import Head, Kind, Setting
from goodsight.heads.network import Network
from goodsight.heads.scaler import Scaler

PHOTOS = clouds([60, 50, 40])
SCALER = Scaler.fit(PHOTOS.vectors, BLOCKS)
NEW = PHOTOS.vectors[::5] + np.float32(15) * np.eye(30, WIDTH, dtype=np.float32)  # one column must be clipped


def _learned(kind: Kind) -> Head:
    """A head as a model folder gives it back: its landmarks have lost half their digits."""
    if kind == "network":
        return Network.of(Scaler.none(WIDTH), slice(3, 6))
    parts = (Setting("kernel", 0.5, 0.1, weight=0.7), Setting("cosine", 0.0, 0.1, weight=2.0))
    setting = Setting(kind, 0.5 if kind in ("kernel", "curved") else 0.0, 0.1, parts=parts if kind == "mixed" else ())
    return kinds.of_tensors(setting, kinds.train(setting, SCALER, PHOTOS)[0].tensors(), slice(0, 0))


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_scores_are_those_of_the_head(kind: Kind, computed: Callable[..., Any]) -> None:
    head, graph = _learned(kind), Graph()
    name = scores(head, graph, "given")
    expected = head(NEW)
    assert (SCALER(NEW) == SCALER.bound).any()
    assert expected.std() > 0.01
    assert np.abs(computed(graph, name, NEW) - expected).max() < 1e-5 * max(1, np.abs(expected).max())


def test_what_was_stored_in_half_precision_takes_no_more_room() -> None:
    graph = Graph()
    scores(_learned("kernel"), graph, "given")
    room = sum(len(constant.raw_data) for constant in graph.constants)
    assert room < 150 * WIDTH * 2 + 150 * 4 + 150 * 3 * 4 + 4 * WIDTH * 4 + 100


def test_a_kind_that_is_not_known_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="object head cannot be exported"):
        scores(object(), Graph(), "given")  # type: ignore[arg-type]

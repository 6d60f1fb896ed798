"""Where the most confident mistakes come from: the evidence for the class that was given, for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from goodsight import evidence, photos
from goodsight.engine import Engine
from goodsight.evidence import Array
from goodsight.model import Model
from goodsight.photos import BadPhoto
from goodsight.result import Result

MOST = 24
"""Pictures in all: the report must not make its reader wait for the training."""


def of_worst(model: Model, engine: Engine, results: Sequence[Result]) -> Mapping[Path, Array]:
    """Maps (height, width) of the worst mistakes of the first results; none for a network that has none."""
    if not evidence.gives(engine):
        return {}
    given = {row.path: model.classes.index(name) for result in results for row, _, name, _ in result.worst}
    chosen = list(given)[:MOST]

    def decode(path: Path) -> npt.NDArray[np.uint8] | None:
        try:
            return photos.decode(photos.read(path, model.limits), model.backbone.resize, model.limits)
        except BadPhoto:
            # It was read a moment ago; if it is gone now, the report says so in the picture's place.
            return None

    with ThreadPoolExecutor(2, thread_name_prefix="goodsight-decode") as pool:
        decoded = [
            (path, pixels) for path, pixels in zip(chosen, pool.map(decode, chosen), strict=True) if pixels is not None
        ]
    if not decoded:
        return {}
    pixels, numbers = np.stack([pixels for _, pixels in decoded]), [given[path] for path, _ in decoded]
    maps = evidence.maps(model.backbone, engine, pixels, model.head, numbers)
    return {path: found for (path, _), found in zip(decoded, maps, strict=True)}

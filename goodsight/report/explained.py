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

Mistake = tuple[Path, str]
"""A photo and the class that it was given."""
MOST = 24
"""Pictures in all: the report must not make its reader wait for the training."""


def of_worst(model: Model, engine: Engine, results: Sequence[Result]) -> Mapping[Mistake, Array]:
    """Maps (height, width) of the worst mistakes of the first results; none for a network that has none."""
    if not evidence.gives(engine):
        return {}
    chosen = list(dict.fromkeys((row.path, name) for result in results for row, _, name, _ in result.worst))[:MOST]

    def decode(mistake: Mistake) -> npt.NDArray[np.uint8] | None:
        try:
            return photos.decode(photos.read(mistake[0], model.limits), model.backbone.resize, model.limits)
        except BadPhoto:
            # It was read a moment ago; if it is gone now, the report says so in the picture's place.
            return None

    with ThreadPoolExecutor(2, thread_name_prefix="goodsight-decode") as pool:
        decoded = dict(zip(chosen, pool.map(decode, chosen), strict=True))
    known = {mistake: pixels for mistake, pixels in decoded.items() if pixels is not None}
    if not known:
        return {}
    numbers = [model.classes.index(name) for _, name in known]
    maps = evidence.maps(model.backbone, engine, np.stack(list(known.values())), model.head, numbers)
    return dict(zip(known, maps, strict=True))

"""The default network as it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from goodsight.backbones import by_name
from goodsight.backbones.engine import start
from goodsight.embedding import photoset, stream
from goodsight.embedding.cache import Cache
from goodsight.embedding.table import Table
from goodsight.photos.limits import Limits
from goodsight.progress import Progress


def without_colours(
    tables: Sequence[Table], size: int, views: int, limits: Limits, progress: Progress, *, cache: bool
) -> list[npt.NDArray[np.float32]]:
    """Embeddings (n, width) of the photos of each table, which lite0 embedded, looked at without their colours."""
    backbone = by_name.load(size=size, views=views, grey=True)
    engine = start(backbone.network)
    known = Cache(backbone, engine) if cache else None
    rows, digests = [row for t in tables for row in t.rows], [digest for t in tables for digest in t.sha256]
    again = stream.table(rows, backbone, engine, cache=known, limits=limits, progress=progress)
    engine.close()
    photoset.require_unchanged(digests, again)
    return np.split(again.vectors, np.cumsum([len(each.rows) for each in tables])[:-1])

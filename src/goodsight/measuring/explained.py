"""Where the most confident mistakes come from: the evidence for the class that was given, for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from goodsight.arrays import Array, Pixels
from goodsight.backbones.engine import run
from goodsight.embedding.embedder import Embedder
from goodsight.measuring.result import Result
from goodsight.model import evidence
from goodsight.model.record import Judge
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto
from goodsight.photos.places import Place

Mistake = tuple[Place, str]
"""A photo and the class that it was given."""


MOST = 24
"""Pictures in all: the report must not make its reader wait for the training."""


class Seen(NamedTuple):
    """Where a mistake comes from: the map of its evidence (height, width), and its place if the network says one.

    The place is left, top, right and bottom in fractions of the square that the network is given. It is that of the
    class that the network answers, and None where cross-validation gave another one.
    """

    map: Array
    place: tuple[float, float, float, float] | None = None


def of_worst(judge: Judge, embedder: Embedder, results: Sequence[Result]) -> Mapping[Mistake, Seen]:
    """Where the worst mistakes of the first results come from; nothing for a network that does not say."""
    engine, backbone, limits = embedder.engine, embedder.backbone, embedder.limits
    if not evidence.gives(engine):
        return {}
    chosen = list(dict.fromkeys((row.path, name) for result in results for row, _, name, _ in result.worst))[:MOST]

    def decoded(mistake: Mistake) -> Pixels | None:
        try:
            return decoder.decode(decoder.read(mistake[0], limits), backbone.resize, limits)
        except BadPhoto:
            # It was read a moment ago; if it is gone now, the report says so in the picture's place.
            return None

    with ThreadPoolExecutor(2, thread_name_prefix="goodsight-decode") as pool:
        every = dict(zip(chosen, pool.map(decoded, chosen), strict=True))
    known = {mistake: pixels for mistake, pixels in every.items() if pixels is not None}
    if not known:
        return {}
    numbers = [judge.classes.index(name) for _, name in known]
    pixels = np.stack(list(known.values()))
    maps = evidence.maps(backbone, engine, pixels, judge.head, numbers, judge.none_number)
    places = _places(judge, embedder, pixels, numbers)
    return {mistake: Seen(*seen) for mistake, *seen in zip(known, maps, places, strict=True)}


def _places(
    judge: Judge, embedder: Embedder, pixels: Pixels, numbers: Sequence[int]
) -> list[tuple[float, float, float, float] | None]:
    columns = embedder.backbone.columns("place")
    if columns is None:
        return [None] * len(pixels)
    vectors = run(embedder.engine, pixels)
    answered = zip(numbers, judge.head(vectors).argmax(axis=1), vectors[:, columns].tolist(), strict=True)
    return [
        (left, top, right, bottom) if number == given != judge.none_number else None
        for number, given, (left, top, right, bottom) in answered
    ]

"""Brands are found in the photos of posts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from goodsight.catalog import posts
from goodsight.catalog.posts import Feed
from goodsight.errors import CatalogError, ModelError
from goodsight.flow.ready import load
from goodsight.flow.work import USUAL, Work
from goodsight.model import verdicts
from goodsight.model.record import Judge, LoadedModel
from goodsight.photos import places
from goodsight.report.sightings import Sighting, sighting


@dataclass(frozen=True)
class Sightings:
    """What :func:`sightings` sees, as it goes through the posts.

    ``bad`` names posts whose photo cannot be used, and is complete when ``found`` is used up; ``timeless`` those whose
    time cannot be read.
    """

    found: Iterator[Sighting]
    posts: int
    bad: Sequence[tuple[str, str]]
    timeless: Sequence[tuple[str, str]]


def sightings(model: str | Path | LoadedModel, feed: str | Path, *, work: Work = USUAL) -> Sightings:
    """Find brands in the photos of posts; memory grows with the feed, not with its photos nor with what is found.

    Args:
        model: a model folder of brands, trained with the network ``brands``, or a model that :func:`goodsight.load`
            gave.
        feed: a .jsonl file with one post a line (see :mod:`goodsight.catalog.posts`), or photos as for
            :func:`goodsight.classify`.
        work: how the work is done; photos are read with the limits of the model.

    Raises:
        ModelError: the model folder cannot be trusted, has several attributes, or no answer for photos without brands.
        CatalogError: there is no such feed, or a post has no image.

    """
    source = places.of(feed)
    read = posts.read(source)
    count = len(read.posts) + len(read.bad)
    if not count:
        raise CatalogError(f"{source}: no posts; give a .jsonl feed, or a folder of photos")
    loaded = load(model)
    judge = loaded.model.only(f"{loaded.folder}: a feed of posts")
    if not judge.none:
        raise ModelError(f"{loaded.folder}: has no answer for photos without a brand; train it with `network` brands")
    bad = list(read.bad)
    found = _each(loaded, judge, read, bad, work, close=not isinstance(model, LoadedModel))
    return Sightings(found, count, bad, read.timeless)


def _each(
    loaded: LoadedModel, judge: Judge, read: Feed, bad: list[tuple[str, str]], work: Work, *, close: bool
) -> Iterator[Sighting]:
    model = loaded.model
    try:
        embedder = loaded.embedder(cached=work.cache, progress=work.progress)
        rows = (post.row for post in read.posts)
        predictions = verdicts.predict(model, embedder, rows, total=len(read.posts))
        for post, prediction in zip(read.posts, predictions, strict=True):
            if prediction.problem:
                bad.append((post.name, prediction.problem))
            elif seen := sighting(post, prediction, judge.none, model.backbone.resize, model.limits):
                yield seen
    finally:
        if close:
            loaded.engine.close()

"""Brands are found in the photos of posts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from goodsight.catalog import posts
from goodsight.embedding.cache import Cache
from goodsight.errors import CatalogError, ModelError
from goodsight.flow.answers import load
from goodsight.model import verdicts
from goodsight.model.record import LoadedModel
from goodsight.progress import Progress, quiet
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


def sightings(
    model: str | Path | LoadedModel,
    feed: str | Path,
    *,
    cache: bool = True,
    progress: Progress = quiet,
) -> Sightings:
    """Find brands in the photos of posts; memory grows with the feed, not with its photos nor with what is found.

    Args:
        model: a model folder of brands, trained with ``none`` or ``none_class``, or a model that :func:`load` gave.
        feed: a .jsonl file with one post a line (see :mod:`goodsight.catalog.posts`), or photos as for
            :func:`goodsight.classify`.
        cache: use and fill the embedding cache, so that an interrupted run goes on where it was.
        progress: told about every batch.

    Raises:
        ModelError: the model folder cannot be trusted, has several attributes, or no answer for photos without brands.
        CatalogError: there is no such feed, or a post has no image.

    """
    read = posts.read(Path(feed))
    said, count = read.posts, len(read.posts) + len(read.bad)
    if not count:
        raise CatalogError(f"{feed}: no posts; give a .jsonl feed, or a folder of photos")
    loaded = load(model)
    if not loaded.model.none:
        raise ModelError(f"{loaded.folder}: has no answer for photos without a brand; train it with --none")
    none, backbone, limits = loaded.model.none, loaded.model.backbone, loaded.model.limits
    known = Cache(backbone, loaded.engine) if cache else None
    rows = (post.row for post in said)
    found = verdicts.predict(loaded, rows, cache=known, progress=progress, total=len(said))
    bad = list(read.bad)

    def each() -> Iterator[Sighting]:
        for post, prediction in zip(said, found, strict=True):
            if prediction.problem:
                bad.append((post.name, prediction.problem))
            elif seen := sighting(post, prediction, none, backbone.resize, limits):
                yield seen

    return Sightings(each(), count, bad, read.timeless)

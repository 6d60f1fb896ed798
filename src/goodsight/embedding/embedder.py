"""Photos become embeddings: a network, the engine that runs it, and a cache that makes a second run skip it.

Everything between the disk and the caller is bounded, so memory does not grow with the number of photos. Results come
in the order of the photos. The cache is keyed by content, so it survives renaming, and by all that the embedding
depends on: network, resize rule, engine and precision.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from types import TracebackType

import numpy as np

from goodsight.arrays import Pixels
from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import Engine, start
from goodsight.backbones.naming import Named
from goodsight.catalog.held import Held
from goodsight.catalog.rows import Row
from goodsight.embedding.cache import Cache
from goodsight.embedding.filed import Filing
from goodsight.embedding.pump import pump
from goodsight.embedding.table import THUMBNAIL, Embedded, Table
from goodsight.photos import decoder, given, words
from goodsight.photos.limits import DEFAULT_LIMITS, BadPhoto, Limits
from goodsight.progress import Progress, quiet

BATCH = 16
_LARGE = 320
"""Pixels of a side beyond which a batch has a quarter of the photos: the maps of more fit in no processor's cache, and
16 photos of 416 pixels take a sixth longer in one batch than in four."""


class Embedder:
    """A network with all that it needs to embed photos; ``with`` closes the engine if it was started here.

    Args:
        backbone: the network.
        engine: one that runs it already, which stays open; None starts one.
        limits: on bytes and pixels of a photo.
        cached: read and fill the embedding cache.
        words_kept: read and fill the cache of words, if the network takes them.
        progress: told as ``progress("embed", done, total)``.

    Raises:
        EngineError: the network cannot be loaded, or what reads the words that it takes is not installed.

    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        engine: Engine | None = None,
        limits: Limits = DEFAULT_LIMITS,
        cached: bool = True,
        words_kept: bool = False,
        progress: Progress = quiet,
    ) -> None:
        if backbone.naming:
            words.reader()
        self.backbone, self.limits, self.progress, self._words_kept = backbone, limits, progress, words_kept
        self._started_here = engine is None
        self.engine = engine or start(backbone.network)
        self.cache = Cache(backbone, self.engine) if cached else None

    def __enter__(self) -> Embedder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Free the engine, if it was started here."""
        if self._started_here:
            self.engine.close()

    def stream(self, rows: Iterable[Row], *, total: int = 0, fingerprints: bool = True) -> Iterator[Embedded]:
        """Embed photos in order; a bad photo comes out with its reason and stops nothing.

        Args:
            rows: the photos; read lazily.
            total: how many there are, 0 when that is not known.
            fingerprints: hash the bytes and make thumbnails even without a cache; twins are found by them.

        """
        fingerprints = fingerprints or self.cache is not None
        remaining, done = iter(rows), 0
        batch = BATCH if self.backbone.resize.size <= _LARGE else BATCH // 4
        chunks = iter(lambda: list(islice(remaining, batch)), [])
        for chunk, found in pump(chunks, lambda some: self._prepare(some, fingerprints), _pixels, self.engine):
            named = [photo.named for photo in chunk if photo.pixels is not None]
            vectors = iter(() if found is None else self.backbone.worded(found.astype(np.float16), named))
            for photo in chunk:
                embedded = photo.embedded
                if photo.pixels is not None:
                    thumbnail = _thumbnail(photo.pixels) if fingerprints else None
                    embedded = replace(embedded, vector=next(vectors), thumbnail=thumbnail)
                    if self.cache:
                        self.cache.put(embedded)
                yield embedded
            done += len(chunk)
            self.progress("embed", done, total)
        if self.cache:
            self.cache.flush()

    def table(self, rows: Sequence[Row]) -> Table:
        """Embed photos and gather the good ones: embeddings (n, width), thumbnails (n, 256) uint8."""
        vectors = Filing(len(rows), self.backbone.width)
        thumbnails = np.empty((len(rows), THUMBNAIL**2), np.uint8)
        kept: list[Row] = []
        digests: list[str] = []
        bad: list[tuple[Row, BadPhoto]] = []
        for photo in self.stream(rows, total=len(rows)):
            if photo.bad is not None:
                bad.append((photo.row, photo.bad))
            elif photo.vector is not None and photo.thumbnail is not None:
                vectors.add(photo.vector)
                thumbnails[len(kept)] = photo.thumbnail
                kept.append(photo.row)
                digests.append(photo.sha256)
        return Table(tuple(kept), tuple(digests), vectors.done(), thumbnails[: len(kept)], tuple(bad))

    def _prepare(self, rows: Sequence[Row], hashed: bool) -> list[_Waiting]:
        return [self._prepare_one(row, hashed) for row in rows]

    def _prepare_one(self, row: Row, hashed: bool) -> _Waiting:
        try:
            if isinstance(row, Held):
                data, limits = given.read(row.photo, self.limits)
            else:
                data, limits = decoder.read(row.path, self.limits), self.limits
            digest = hashlib.sha256(data).hexdigest() if hashed else ""
            known = self.cache.get(digest) if self.cache else None
            if known:
                return _Waiting(Embedded(row, digest, *known))
            pixels = decoder.decode(data, self.backbone.resize, limits)
            naming = self.backbone.naming
            named = naming.named(words.of_photo(data, limits, kept=self._words_kept)) if naming else None
            return _Waiting(Embedded(row, digest), pixels, named)
        except BadPhoto as bad:
            return _Waiting(Embedded(row, bad=bad))


@dataclass(frozen=True)
class _Waiting:
    """A photo on its way: decided already (cached or bad), or with the pixels that the engine needs, and its names."""

    embedded: Embedded
    pixels: Pixels | None = None
    named: Named | None = None


def _pixels(chunk: Sequence[_Waiting]) -> Pixels | None:
    """What the engine must see of some photos."""
    given = [photo.pixels for photo in chunk if photo.pixels is not None]
    return np.stack(given) if given else None


def _thumbnail(pixels: Pixels) -> Pixels:
    """Grey means of a 16 x 16 grid, flat, from pixels whose sides are multiples of 16; it finds twins."""
    height, width, _ = pixels.shape
    # Rows first and without floats: three times as quick as the plain mean over both axes.
    rows = pixels.reshape(THUMBNAIL, height // THUMBNAIL, width * 3).sum(axis=1, dtype=np.uint32)
    cells = rows.reshape(THUMBNAIL, THUMBNAIL, width // THUMBNAIL, 3).sum(axis=2)
    grey = cells @ np.array([77, 150, 29]) // (256 * (height // THUMBNAIL) * (width // THUMBNAIL))
    return np.asarray(grey.ravel(), np.uint8)

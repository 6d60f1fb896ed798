"""Photos under conditions of :mod:`goodsight.photos.spoil` become embeddings."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from goodsight.arrays import Array, Half, Ints, Pixels
from goodsight.catalog.rows import Row
from goodsight.embedding.embedder import BATCH, Embedder
from goodsight.embedding.pump import pump
from goodsight.embedding.table import THUMBNAIL, Embedded
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto
from goodsight.photos.spoil import CONDITIONS, spoil

_AHEAD = 1
"""Batches in work for each thread: each may have the pixels of 18 photos."""
_REVISION = 1
"""Raised when a way to spoil changes, so that embeddings of the older pixels are not used."""


def spoilt_vectors(rows: Sequence[Row], ways: Ints, embedder: Embedder) -> tuple[Array, list[int]]:
    """Embed photos, each under some conditions; a photo that cannot be read is left out.

    A photo is decoded once, and its seed comes from its bytes, so its pixels depend on nothing else. Besides the
    vectors, what is held does not grow with the number of photos.

    Args:
        rows: the photos (n).
        ways: which of the conditions each gets, by number (n, k).
        embedder: its network is given few photos at a time; told ``progress("robustness", done, n)``.

    Returns:
        Vectors (photos that could be read, k, width), and which of ``rows`` those photos are, ascending.

    """
    vectors = np.empty((*ways.shape, embedder.backbone.width), np.float32)
    good: list[int] = []
    remaining, many = enumerate(rows), max(1, BATCH // ways.shape[1])
    chunks = iter(lambda: list(islice(remaining, many)), [])
    done = 0
    for chunk, said in pump(chunks, lambda some: _chunk(some, ways, embedder), _pixels, embedder.engine, ahead=_AHEAD):
        # Rounded as the cache's vectors are, with which these are compared.
        new = iter(() if said is None else said.astype(np.float16))
        for index, spoilt in chunk:
            done += 1
            if spoilt is None:
                continue
            for place, (digest, known) in enumerate(zip(spoilt.digests, spoilt.known, strict=True)):
                vector = next(new) if known is None else known
                vectors[len(good), place] = vector
                if embedder.cache and known is None:
                    embedder.cache.put(Embedded(rows[index], digest, vector, np.zeros(THUMBNAIL**2, np.uint8)))
            good.append(index)
        embedder.progress("robustness", done, len(rows))
    if embedder.cache:
        embedder.cache.flush()
    return vectors[: len(good)], good


@dataclass(frozen=True)
class _Spoilt:
    """A photo under k conditions: under which names it is cached, the vectors that are, and the others' pixels."""

    digests: tuple[str, ...]
    known: tuple[Half | None, ...]
    pixels: tuple[Pixels, ...]


_Chunk = list[tuple[int, _Spoilt | None]]
"""Photos by their number; None for one that cannot be read."""


def _chunk(rows: Sequence[tuple[int, Row]], ways: Ints, embedder: Embedder) -> _Chunk:
    return [(index, _spoilt(row, ways[index], embedder)) for index, row in rows]


def _pixels(chunk: _Chunk) -> Pixels | None:
    """What the engine must see of some photos: nothing if they cannot be read, or are in the cache."""
    given = [pixels for _, spoilt in chunk if spoilt is not None for pixels in spoilt.pixels]
    return np.stack(given) if given else None


def _spoilt(row: Row, ways: Ints, embedder: Embedder) -> _Spoilt | None:
    """A photo under some conditions (k,), or None when it cannot be read."""
    chosen = [CONDITIONS[way] for way in ways]
    try:
        data = decoder.read(row.path, embedder.limits)
        whole = hashlib.sha256(data).hexdigest()
        # A name for the photo under each condition, in the form of a content hash.
        named = (f"{_REVISION} {c.kind} {c.value:g} {whole}" for c in chosen)
        digests = tuple(hashlib.sha256(name.encode()).hexdigest() for name in named)
        found = [embedder.cache.get(digest) if embedder.cache else None for digest in digests]
        known = tuple(entry[0] if entry else None for entry in found)
        missing = [condition for condition, entry in zip(chosen, known, strict=True) if entry is None]
        if not missing:
            return _Spoilt(digests, known, ())
        pixels = decoder.decode(data, embedder.backbone.resize, embedder.limits)
    except BadPhoto:
        return None
    seed = zlib.crc32(data)
    return _Spoilt(digests, known, tuple(spoil(pixels, condition, seed) for condition in missing))

"""Photos under every condition of :mod:`goodsight.photos.spoil` become embeddings."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from goodsight.arrays import Array, Half, Pixels
from goodsight.catalog.rows import Row
from goodsight.embedding.embedder import Embedder
from goodsight.embedding.pump import pump
from goodsight.embedding.table import THUMBNAIL, Embedded
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto
from goodsight.photos.spoil import CONDITIONS, spoil

_AHEAD = 1
"""Photos in work for each thread: each has the pixels of 18."""
_REVISION = 1
"""Raised when a way to spoil changes, so that embeddings of the older pixels are not used."""


def spoilt_vectors(rows: Sequence[Row], embedder: Embedder) -> tuple[Array, list[int]]:
    """Embed photos under every condition; a photo that cannot be read is left out.

    A photo is decoded once, and its seed comes from its bytes, so its pixels depend on nothing else. Besides the
    vectors, what is held does not grow with the number of photos.

    Args:
        rows: the photos (n).
        embedder: its network is given one photo's conditions at a time; told ``progress("robustness", done, n)``.

    Returns:
        Vectors (conditions, photos that could be read, width), and which of ``rows`` those photos are, ascending.

    """
    vectors = np.empty((len(CONDITIONS), len(rows), embedder.backbone.width), np.float32)
    good: list[int] = []
    spoiling = pump(rows, lambda row: _all_spoilt(row, embedder), _pixels, embedder.engine, ahead=_AHEAD)
    for index, (spoilt, said) in enumerate(spoiling):
        if spoilt is not None:
            # Rounded as the cache's vectors are, with which these are compared.
            found = np.stack(spoilt.known) if said is None else said.astype(np.float16)
            vectors[:, len(good)] = found
            good.append(index)
            if embedder.cache and said is not None:
                for digest, vector in zip(spoilt.digests, found, strict=True):
                    embedder.cache.put(Embedded(rows[index], digest, vector, np.zeros(THUMBNAIL**2, np.uint8)))
        embedder.progress("robustness", index + 1, len(rows))
    if embedder.cache:
        embedder.cache.flush()
    return vectors[:, : len(good)], good


@dataclass(frozen=True)
class _Spoilt:
    """A photo under every condition: under which names it is cached, and its vectors if it is, else its pixels."""

    digests: tuple[str, ...]
    known: tuple[Half, ...]
    pixels: Pixels


def _pixels(spoilt: _Spoilt | None) -> Pixels | None:
    """What the engine must see of a photo: nothing if it cannot be read, or is in the cache."""
    return None if spoilt is None or spoilt.known else spoilt.pixels


def _all_spoilt(row: Row, embedder: Embedder) -> _Spoilt | None:
    """A photo under every condition, or None when it cannot be read."""
    try:
        data = decoder.read(row.path, embedder.limits)
        digests = _digests(data)
        found = [embedder.cache.get(digest) for digest in digests] if embedder.cache else []
        known = tuple(entry[0] for entry in found if entry)
        if len(known) == len(CONDITIONS):
            return _Spoilt(digests, known, np.empty((0, 0, 0, 3), np.uint8))
        pixels = decoder.decode(data, embedder.backbone.resize, embedder.limits)
    except BadPhoto:
        return None
    seed = zlib.crc32(data)
    return _Spoilt(digests, (), np.stack([spoil(pixels, condition, seed) for condition in CONDITIONS]))


def _digests(data: bytes) -> tuple[str, ...]:
    """A name for the photo under each condition, in the form of a content hash."""
    whole = hashlib.sha256(data).hexdigest()
    named = (f"{_REVISION} {c.kind} {c.value:g} {whole}" for c in CONDITIONS)
    return tuple(hashlib.sha256(name.encode()).hexdigest() for name in named)

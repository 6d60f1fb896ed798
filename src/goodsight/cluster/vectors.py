"""Embeddings as Parquet, one file a shard, and as the arrays that auditing and training work on.

The columns are ``file_name``, ``sha256`` (of the photo's bytes, in hex), ``vector`` (a list of ``width`` float16),
``thumbnail`` (16 x 16 grey values, as bytes) and ``problem``; a bad photo has its reason there and nothing else.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Half, Pixels
from goodsight.catalog.rows import Row
from goodsight.cluster.shards import SUFFIX
from goodsight.cluster.store import Store
from goodsight.embedding.table import THUMBNAIL, Embedded, Table
from goodsight.errors import CatalogError
from goodsight.photos.limits import BadPhoto, Reason
from goodsight.report.parquet import arrow, text


def as_bytes(photos: Sequence[Embedded], width: int) -> bytes:
    """A whole file of some photos; ``width`` is that of an embedding."""
    pa = arrow()
    columns = pa.schema(
        [
            ("file_name", pa.string()),
            ("sha256", pa.string()),
            ("vector", pa.list_(pa.float16(), width)),
            ("thumbnail", pa.binary(THUMBNAIL**2)),
            ("problem", pa.string()),
        ]
    )
    good = [photo for photo in photos if photo.bad is None]
    flat = np.concatenate([photo.vector for photo in good]) if good else np.empty(0, np.float16)
    held = pa.FixedSizeListArray.from_arrays(pa.array(flat, pa.float16()), width)
    place = iter(range(len(good)))
    table = pa.table(
        [
            pa.array([text(photo.row.file_name) for photo in photos], pa.string()),
            pa.array([photo.sha256 for photo in photos], pa.string()),
            held.take(pa.array([None if photo.bad else next(place) for photo in photos], pa.int64())),
            pa.array([None if p.thumbnail is None else p.thumbnail.tobytes() for p in photos], pa.binary(THUMBNAIL**2)),
            pa.array([str(photo.bad or "") for photo in photos], pa.string()),
        ],
        columns,
    )
    stream = io.BytesIO()
    # Embeddings have hardly a byte to spare, and dictionaries of them none.
    pa.parquet.write_table(table, stream, compression="zstd", use_dictionary=["file_name", "problem"])
    return stream.getvalue()


def read(store: Store, name: str) -> tuple[list[dict[str, str]], Half, Pixels]:
    """One shard.

    Returns:
        ``file_name``, ``sha256`` and ``problem`` of each photo (n), '' for none; the embeddings (k, width) and
        thumbnails (k, 256) of the k good photos, in order.

    """
    pa = arrow()
    found = pa.parquet.read_table(pa.BufferReader(store.read(name)))
    good = found.filter(pa.compute.equal(found["problem"], ""))
    width = found.schema.field("vector").type.list_size
    flat = good["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    grey = b"".join(good["thumbnail"].to_pylist())
    return (
        found.select(["file_name", "sha256", "problem"]).to_pylist(),
        np.asarray(flat, np.float16).reshape(-1, width),
        np.frombuffer(grey, np.uint8).reshape(-1, THUMBNAIL**2),
    )


def shards(store: Store) -> Iterator[str]:
    """The files of a folder's shards, in order."""
    return iter(sorted(name for name in store.names() if name.endswith(SUFFIX)))


def table(store: Store, rows: Sequence[Row], vectors: npt.NDArray[Any]) -> Table:
    """All shards of a folder as one table, the same that an embedder makes of the rows in one process.

    Args:
        store: where the shards are.
        rows: the photos that they are of (n), in the same order.
        vectors: where embeddings go (n, width), float16 or float32: in memory, or mapped to a file (``np.memmap``).

    Raises:
        CatalogError: the shards are of other photos, or some are not there.

    """
    thumbnails = np.empty((len(rows), THUMBNAIL**2), np.uint8)
    kept: list[Row] = []
    digests: list[str] = []
    bad: list[tuple[Row, BadPhoto]] = []
    remaining = iter(rows)
    for name in shards(store):
        photos, some, grey = read(store, name)
        place = slice(len(kept), len(kept) + len(some))
        vectors[place], thumbnails[place] = some, grey
        for photo in photos:
            row = next(remaining, None)
            if row is None or text(row.file_name) != photo["file_name"]:
                raise CatalogError(f"{store.place}: {name} holds {photo['file_name']}, which does not stand there now")
            if photo["problem"]:
                bad.append((row, _bad(photo["problem"])))
            else:
                kept.append(row)
                digests.append(photo["sha256"])
    if lost := len(rows) - len(kept) - len(bad):
        raise CatalogError(f"{store.place}: {lost} photos are in none of its shards")
    n = len(kept)
    return Table(tuple(kept), tuple(digests), vectors[:n], thumbnails[:n], tuple(bad))


def _bad(problem: str) -> BadPhoto:
    """What was written of a bad photo."""
    reason, _, detail = problem.partition(": ")
    said: Reason = reason  # type: ignore[assignment]
    return BadPhoto(said, detail)

"""Embeddings on disk for one network: append-only shards, each written whole."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path

import numpy as np
import numpy.typing as npt

from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import Engine
from goodsight.embedding.table import THUMBNAIL, Embedded
from goodsight.files import cache_folder, whole_file
from goodsight.photos import words

_SHARD = 256


_DECODER = 2
"""Raised when the decoder's pixels change, so that embeddings of the older pixels are not used."""


class Cache:
    """Embeddings on disk for one network: append-only shards, each written whole, read through memory maps."""

    def __init__(self, backbone: Backbone, engine: Engine) -> None:
        parts = (
            backbone.sha256,
            str(backbone.resize.to_json()),
            str(backbone.width),
            *([words.reader(), json.dumps(backbone.naming.to_json())] if backbone.naming else []),
            engine.name,
            engine.precision,
            str(_DECODER),
        )
        self._folder = cache_folder() / "embeddings" / hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
        self._type = np.dtype(
            [("key", "S32"), ("thumbnail", "u1", (THUMBNAIL**2,)), ("vector", "<f2", (backbone.width,))]
        )
        self._shards: list[tuple[Path, int]] = []
        self._place: dict[bytes, tuple[int, int]] = {}
        self._waiting: list[Embedded] = []
        for path in sorted(self._folder.glob("*.npy")):
            self._add(path)

    def _add(self, path: Path) -> None:
        try:
            shard = np.load(path, mmap_mode="r", allow_pickle=False)
            keys = shard["key"].tolist() if shard.dtype == self._type else []
        except (ValueError, EOFError, OSError, IndexError):
            # A shard that cannot be read is only lost work; it stays where it is and its photos are embedded again.
            return
        self._shards.append((path, shard.offset))
        self._place.update((key, (len(self._shards) - 1, index)) for index, key in enumerate(keys))

    def get(self, digest: str) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.uint8]] | None:
        """The embedding and the thumbnail of a content hash, or None."""
        place = self._place.get(bytes.fromhex(digest).rstrip(b"\0"))
        if place is None:
            return None
        path, offset = self._shards[place[0]]
        # Read, not mapped: a map that stays open keeps every page it ever read in this process's memory.
        with path.open("rb") as stream:
            stream.seek(offset + place[1] * self._type.itemsize)
            record = np.frombuffer(stream.read(self._type.itemsize), self._type)[0]
        return record["vector"], record["thumbnail"]

    def put(self, photo: Embedded) -> None:
        """Keep a new embedding; it reaches the disk with the next full shard or at :meth:`flush`."""
        self._waiting.append(photo)
        if len(self._waiting) >= _SHARD:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting as one shard."""
        if not self._waiting:
            return
        shard = np.zeros(len(self._waiting), self._type)
        for i, photo in enumerate(self._waiting):
            shard[i] = (bytes.fromhex(photo.sha256), photo.thumbnail, photo.vector)
        with whole_file(self._folder / f"{uuid.uuid4().hex}.npy") as part, part.open("wb") as stream:
            np.save(stream, shard, allow_pickle=False)
        self._waiting.clear()

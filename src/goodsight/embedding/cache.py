"""Embeddings on disk for one network: files that are appended to, and an index that opens at once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from goodsight.arrays import Half, Pixels
from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import Engine
from goodsight.embedding import records
from goodsight.embedding.index import Index
from goodsight.embedding.records import Records
from goodsight.embedding.table import Embedded
from goodsight.files import cache_folder, whole_file
from goodsight.photos import words

_SHARD = 256
"""Photos that are written together: so much a killed run loses at most."""
_LATE = 2048
"""Records that the index does not cover and that are looked through at every opening, rather than write it anew."""
_OWN = 16384
"""New records of this process, kept in a dictionary until the index is written anew."""


_DECODER = 2
"""Raised when the decoder's pixels change, so that embeddings of the older pixels are not used."""
ABOUT = "about.json"


@dataclass(frozen=True)
class About:
    """Whose embeddings a folder of the cache holds: the network by name, its side in pixels, and what runs it."""

    network: str
    size: int
    engine: str
    precision: str


def embeddings_folder() -> Path:
    """Where the embeddings of all networks are, a folder each; it need not be there."""
    return cache_folder() / "embeddings"


class Cache:
    """Embeddings on disk for one network; several processes may read and fill it at once.

    What is held in memory does not grow with it, but for the pages of the index that were looked at: 16 bytes a photo.

    Attributes:
        folder: where this network's embeddings are.

    """

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
        self.folder = embeddings_folder() / hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
        self._about = About(backbone.name, backbone.resize.size, engine.name, engine.precision)
        self._width = backbone.width
        self._waiting: dict[bytes, Embedded] = {}
        self._own: dict[bytes, tuple[str, int]] = {}
        self._own_files: list[Records] = []
        self._used: set[str] = set()
        self._files: dict[str, Records] = {}
        self._levels: tuple[Index, ...] = (Index.empty(),)
        self._open()
        if self._files:
            self._say_whose()

    def _open(self) -> None:
        """See what there is by now; the index is written anew when much is new."""
        files = [self._files.get(file.path.name, file) for file in records.listed(self.folder)]
        base = Index.load(self.folder)
        late = Index.of(files, base)
        if len(late.prefixes) > _LATE:
            base, late = base.with_later(late), Index.empty()
            # Without it the next opening only takes longer: a full disk, a read-only cache.
            with contextlib.suppress(OSError):
                base.save(self.folder)
                base = Index.load(self.folder)
        # In this order, as other threads are looking things up meanwhile.
        self._files = {file.path.name: file for file in files}
        self._levels = (late, base)
        self._own = {}

    def get(self, digest: str) -> tuple[Half, Pixels] | None:
        """The embedding and the thumbnail of a content hash, or None."""
        key = bytes.fromhex(digest)
        own = self._own.get(key)
        places = [own] if own else [place for level in self._levels for place in level.find(key)]
        for name, number in places:
            file = self._files.get(name)
            found = file.read(number, key) if file and file.width == self._width else None
            if file and found:
                self._mark(file)
                return found
        return None

    def put(self, photo: Embedded) -> None:
        """Keep a new embedding; it reaches the disk when :data:`_SHARD` are waiting, or at :meth:`flush`."""
        self._waiting[bytes.fromhex(photo.sha256)] = photo
        if len(self._waiting) >= _SHARD:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        given = {key: p for key, p in self._waiting.items() if p.vector is not None and p.thumbnail is not None}
        self._waiting = {}
        if not given:
            return
        packed = records.packed(
            list(given),
            [photo.vector for photo in given.values() if photo.vector is not None],
            [photo.thumbnail for photo in given.values() if photo.thumbnail is not None],
        )
        others = [file for file in self._files.values() if records.SHARED and file not in self._own_files]
        for file in (*reversed(self._own_files), *others):
            number = file.append(packed)
            if number is not None:
                break
        else:
            file, number = records.begun(self.folder, packed), 0
            self._say_whose()
        if file not in self._own_files:
            self._own_files = [file]
            self._files = {**self._files, file.path.name: file}
        self._own |= {key: (file.path.name, number + i) for i, key in enumerate(given)}
        if len(self._own) >= _OWN:
            self._open()

    def _mark(self, file: Records) -> None:
        """A file's time is that of its last use, by which it may be pruned."""
        if file.path.name not in self._used:
            self._used.add(file.path.name)
            with contextlib.suppress(OSError):
                os.utime(file.path)

    def _say_whose(self) -> None:
        if not (self.folder / ABOUT).exists():
            with contextlib.suppress(OSError), whole_file(self.folder / ABOUT) as part:
                part.write_text(json.dumps(asdict(self._about)), encoding="utf-8")

"""A catalog cut into shards of a fixed number of photos, by the order of its rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice

from goodsight.catalog.rows import Row

SUFFIX = ".parquet"


@dataclass(frozen=True)
class Shard:
    """A run of photos: its number among the shards, that of its first photo, and how often it was tried in vain."""

    number: int
    first: int
    rows: tuple[Row, ...]
    tried: int = 0

    @property
    def name(self) -> str:
        """The file that its answers go to; files sort as their shards do."""
        return name_of(self.number)

    def digest(self) -> str:
        """Of the names and places of its photos, 16 hex digits: another photo, or another order, gives another."""
        lines = (json.dumps([row.file_name, str(row.path)]) for row in self.rows)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def name_of(number: int) -> str:
    """The file of a shard."""
    return f"{number:07d}{SUFFIX}"


def cut(rows: Iterable[Row], size: int) -> Iterator[Shard]:
    """The shards of a catalog, read lazily; the last may have fewer photos."""
    remaining = iter(rows)
    for number in count():
        some = tuple(islice(remaining, size))
        if not some:
            return
        yield Shard(number, number * size, some)

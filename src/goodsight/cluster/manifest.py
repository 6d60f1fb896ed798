"""What lies beside answer shards: which photos they are of, what was asked of them, and whether that is still so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from goodsight.catalog.rows import Row
from goodsight.cluster.shards import SUFFIX, cut, name_of
from goodsight.cluster.store import Store
from goodsight.errors import GoodsightError

NAME = "_manifest.json"
"""With a line before it, which tells those that read a folder of Parquet files to pass it over."""
_SCHEMA = 1


@dataclass(frozen=True)
class Manifest:
    """Photos by shards, and what is asked of each.

    Attributes:
        asked: the verb, the hash of the model or the network, the version: whatever an answer depends on.
        size: photos of a shard.
        photos: how many there are.
        digests: of the names and places of each shard's photos.

    """

    asked: Mapping[str, Any]
    size: int
    photos: int
    digests: tuple[str, ...]

    @classmethod
    def of(cls, asked: Mapping[str, Any], rows: Iterable[Row], size: int) -> Manifest:
        """Read all rows once, one shard at a time."""
        digests, photos = [], 0
        for shard in cut(rows, size):
            digests.append(shard.digest())
            photos += len(shard.rows)
        return cls(asked, size, photos, tuple(digests))

    def names(self) -> list[str]:
        """The files of its shards, in order."""
        return [name_of(number) for number in range(len(self.digests))]

    def digest(self) -> str:
        """Hex sha256 of all that it says."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """As the file keeps it."""
        said = {"goodsight": _SCHEMA, "asked": dict(self.asked), "shard": self.size, "photos": self.photos}
        return said | {"shards": list(self.digests)}

    @classmethod
    def read(cls, store: Store) -> Manifest:
        """That of a folder of shards.

        Raises:
            GoodsightError: it cannot be read, or is of a newer Goodsight.

        """
        try:
            said = json.loads(store.read(NAME))
            if said["goodsight"] > _SCHEMA:
                raise GoodsightError(f"{store.place}: {NAME} is of a newer Goodsight; upgrade goodsight")
            return cls(said["asked"], int(said["shard"]), int(said["photos"]), tuple(said["shards"]))
        except (ValueError, KeyError, TypeError) as error:
            raise GoodsightError(f"{store.place}: {NAME} cannot be read; choose another `out`") from error

    def changes(self, earlier: Manifest) -> list[str]:
        """What is otherwise than in an earlier one, in words; nothing when all is the same."""
        names = sorted({*self.asked, *earlier.asked})
        found = [
            f"the {name} is {self.asked.get(name)!r} and was {earlier.asked.get(name)!r}"
            for name in names
            if self.asked.get(name) != earlier.asked.get(name)
        ]
        if self.size != earlier.size:
            return [*found, f"`shard` is {self.size} and was {earlier.size}"]
        pairs = enumerate(zip_longest(self.digests, earlier.digests))
        first = next((number for number, (one, other) in pairs if one != other), None)
        if first is None:
            return found
        more = self.photos - earlier.photos
        what = f"{abs(more)} photos were {'added' if more > 0 else 'removed'}" if more else "photos were changed"
        return [*found, f"{what}, the first in shard {first} (photo {first * self.size} and after)"]


def agree(store: Store, manifest: Manifest) -> set[str]:
    """Begin or go on: the names of the shards that are there already.

    Raises:
        GoodsightError: the folder holds something else, or shards of other photos or another model.

    """
    # A dot begins what a run was writing when it was killed.
    there = {name for name in store.names() if not name.startswith(".")}
    if NAME in there:
        changes = manifest.changes(Manifest.read(store))
        if changes:
            raise GoodsightError(
                f"`out` {store.place}: its shards answer something else: {'; '.join(changes)}. "
                "Choose another `out`, or ask the same again"
            )
        return {name for name in there if name.endswith(SUFFIX)}
    if there:
        raise GoodsightError(f"`out` {store.place}: is not empty and holds no {NAME}; choose another `out`")
    store.write(NAME, json.dumps(manifest.to_json(), indent=1).encode())
    return set()

"""A catalog cut into shards of a fixed number of photos, by the order of its rows."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path

from goodsight.catalog.rows import Row
from goodsight.photos.places import Member, Place

SUFFIX = ".parquet"
SIGNED = {
    "x-amz-signature": r"x-amz-.*",
    "x-goog-signature": r"x-goog-.*",
    "signature": "signature|expires|awsaccesskeyid|googleaccessid|ossaccesskeyid|key-pair-id|policy",
    "sig": "sig|s[pterv]|sdd|spr|srt|ss|sip|sk(oid|tid|[tesv])",
}
"""What of an address's query comes and goes with a signature, by the parameter that shows there is one: S3's, Google's,
CloudFront's and older ones, Azure's."""


@dataclass(frozen=True)
class Shard:
    """A run of photos: its number among the shards, that of its first photo, and how often it was tried in vain.

    ``sent`` tells that it is answered by a cluster, whose machines may not see every file that this one sees.
    """

    number: int
    first: int
    rows: tuple[Row, ...]
    tried: int = 0
    sent: bool = False

    @property
    def name(self) -> str:
        """The file that its answers go to; files sort as their shards do."""
        return name_of(self.number)

    def digest(self) -> str:
        """Of the names and places of its photos, 16 hex digits: another photo, or another order, gives another.

        An address counts with its query, which may be all that tells two photos apart, but without a signature, so
        that a list that was signed anew is of the same photos. Nothing of either can be read from the digits.
        """
        lines = (json.dumps([row.file_name, _same(row.path)]) for row in self.rows)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _same(place: Place) -> str:
    """The same text for the same photo, however its address is signed."""
    if isinstance(place, Member):
        return f"{_same(place.archive)}#{place.offset}+{place.size}/{place.name}"
    return str(place) if isinstance(place, Path) else "::".join(map(_unsigned, place.url.split("::")))


def _unsigned(url: str) -> str:
    head, asked, query = url.partition("?")
    if not asked:
        return url
    query, there, fragment = query.partition("#")
    pairs = [(pair.partition("=")[0].lower(), pair) for pair in query.split("&")]
    names = {name for name, _ in pairs}
    beside = "|".join(each for sign, each in SIGNED.items() if sign in names)
    return f"{head}?{'&'.join(pair for name, pair in pairs if not re.fullmatch(beside, name))}{there}{fragment}"


def name_of(number: int) -> str:
    """The file of a shard."""
    return f"{number:07d}{SUFFIX}"


def cut(rows: Iterable[Row], size: int) -> Iterator[Shard]:
    """The shards of a catalog, read lazily; the last may have fewer photos. Their paths are the same from anywhere."""
    remaining = map(_absolute, rows)
    for number in count():
        some = tuple(islice(remaining, size))
        if not some:
            return
        yield Shard(number, number * size, some)


def _absolute(row: Row) -> Row:
    """With a path that another process finds as well. Its links are not followed: of millions that takes long."""
    place = row.path
    if isinstance(place, Member) and isinstance(place.archive, Path):
        return replace(row, path=replace(place, archive=place.archive.absolute()))
    return replace(row, path=place.absolute()) if isinstance(place, Path) else row

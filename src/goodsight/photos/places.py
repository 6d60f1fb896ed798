"""Where a photo, a list or a folder is: on this machine, behind an address, or inside a tar.

Each is small, can be compared and pickled, and says what it is called without what may be a secret. Of a place
elsewhere nothing is read or asked before a method says so.
"""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from goodsight.errors import CatalogError
from goodsight.photos import local, ranges, remote
from goodsight.photos.limits import BadPhoto, Limits, check_bytes

_HERE = ("file", "local")
_MEMBER = re.compile(r"(?is)(.+?\.tar)#(\d+)\+(\d+)/(.*)")


@dataclass(frozen=True, repr=False)
class Address:
    """A place that fsspec reads, such as ``s3://bucket/photos/a.jpg``; what of a path is needed has a path's names.

    Methods that ask the storage raise CatalogError, but for `read`, which is about one photo.
    """

    url: str

    def __str__(self) -> str:
        return public(self.url)

    __repr__ = __str__

    @property
    def name(self) -> str:
        """The last part; of the top of an archive or a bucket, that of what it is in."""
        head, tail = self._parts
        path = urlsplit(head).path if remote.protocol_of(head) in ("http", "https") else head.partition("://")[2]
        name = path.rstrip("/").rpartition("/")[2]
        return name or (Address(tail.removeprefix("::")).name if tail else "")

    @property
    def suffix(self) -> str:
        """The ending of its name."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> Address:
        """The folder that it is in."""
        head, tail = self._parts
        if remote.protocol_of(head) in ("http", "https"):
            head = urlsplit(head)._replace(query="", fragment="").geturl()
        protocol, _, path = head.partition("://")
        return Address(f"{protocol}://{path.rstrip('/').rpartition('/')[0]}{tail}")

    def __truediv__(self, name: str) -> Address:
        """What is called so in a folder. ``::`` in a name, which would lead elsewhere, is written as %3A%3A."""
        head, tail = self._parts
        if "::" in name or (tail and name.endswith(":")):
            name = name.replace(":", "%3A")
        return Address(f"{head if head.endswith('/') else head + '/'}{name}{tail}")

    def resolve(self) -> Address:
        """Itself: no link leads to it."""
        return self

    def exists(self) -> bool:
        """Whether there is such a file or folder."""
        return bool(self._kind())

    def is_file(self) -> bool:
        """Whether there is such a file."""
        return self._kind() == "file"

    def is_dir(self) -> bool:
        """Whether it is a folder that holds something."""
        return self._kind() == "directory"

    def entries(self) -> list[tuple[str, bool]]:
        """The names in a folder, and whether each is a folder."""
        try:
            return list(remote.entries(self.url))
        except BadPhoto as bad:
            raise CatalogError(f"{self}: cannot be listed: {bad}") from None

    def open(self, mode: str = "r", encoding: str = "utf-8", errors: str = "strict", newline: str = "") -> IO[Any]:
        """A stream of its bytes or its text; reading it raises BadPhoto."""
        raw = ranges.stream(self.url)
        return raw if "b" in mode else io.TextIOWrapper(raw, encoding, errors, newline)

    def read(self, limits: Limits) -> bytes:
        """Its bytes; no more of them are read than the limits allow. Raises BadPhoto with any reason of reading."""
        try:
            data = remote.fetch(self.url, 0, limits.max_bytes + 1)
        except BadPhoto as bad:
            if bad.reason == "missing" and "%3A" in self.url:
                raise BadPhoto("missing", "a colon is written as %3A here; rename it where :: is in its name") from None
            raise
        check_bytes(len(data), limits, whole=len(data) <= limits.max_bytes)
        return data

    @property
    def _parts(self) -> tuple[str, str]:
        """Up to a chain's first ``::``, and from there on."""
        head, chained, rest = self.url.partition("::")
        return head, chained + rest

    def _kind(self) -> str:
        try:
            return remote.kind(self.url)
        except BadPhoto as bad:
            raise CatalogError(f"{self}: {bad}") from None


@dataclass(frozen=True)
class Member:
    """A photo inside a tar: where its bytes are."""

    archive: Path | Address
    name: str
    offset: int
    size: int

    def __str__(self) -> str:
        return f"{self.archive}#{self.offset}+{self.size}/{self.name}"

    def read(self, limits: Limits) -> bytes:
        """Its bytes. Raises BadPhoto with any reason of reading."""
        check_bytes(self.size, limits)
        if isinstance(self.archive, Path):
            return local.part(self.archive, self.offset, self.size)
        data = remote.fetch(self.archive.url, self.offset, self.offset + self.size)
        if len(data) < self.size:
            raise BadPhoto("unreadable", f"{self.archive.name} ends before it")
        return data


Place = Path | Address | Member
"""Where a photo is."""

Source = Path | Address
"""Where a folder, a list or a tar is."""


def is_address(text: str) -> bool:
    """Whether a text is an address and not a path."""
    return "://" in text


def of(given: str | os.PathLike[str] | Address) -> Source:
    """Where somebody says that something is; ``file://`` is a path on this machine.

    Raises:
        CatalogError: an address names a user or a password, which would stay in a shell's history.
        GoodsightError: nothing that reads addresses is installed.

    """
    place = given if isinstance(given, Address) else named(os.fspath(given))
    if isinstance(place, Address):
        remote.require()
    if isinstance(place, Address) and remote.names_user(place.url):
        raise CatalogError(
            f"{place}: the address names a user or a password; take them out: keys come from the environment"
        )
    return place


def named(text: str) -> Source:
    """As `of`, for what a list names: an address that nobody reads is a bad photo, and no error."""
    if not is_address(text):
        return Path(text)
    if text.partition("://")[0].lower() in _HERE and "::" not in text:
        return Path(url2pathname(urlsplit(text, allow_fragments=False).path))
    return Address(text)


def written(place: Place) -> str:
    """A text for :func:`again`. Of an address without what may be a secret, so it may be nobody's to read again."""
    if isinstance(place, Member):
        return str(replace(place, archive=place.archive.resolve()))
    return str(place.resolve())


def again(text: str) -> Place:
    """The place that was written as a text."""
    found = _MEMBER.fullmatch(text)
    if found:
        archive = Address(found[1]) if is_address(found[1]) else Path(found[1])
        return Member(archive, found[4], int(found[2]), int(found[3]))
    return Address(text) if is_address(text) else Path(text)


def below(place: Source, folder: Source) -> str:
    """What a place is called in a folder that it was found in."""
    if isinstance(place, Path) and isinstance(folder, Path):
        return place.relative_to(folder).as_posix()
    assert isinstance(place, Address)
    assert isinstance(folder, Address)
    return place._parts[0].removeprefix(folder._parts[0].rstrip("/")).lstrip("/")


def is_far(place: Place) -> bool:
    """Whether reading a place waits for another machine, and not for this one's disk."""
    return isinstance(place.archive if isinstance(place, Member) else place, Address)


def real(place: Place) -> str:
    """The same text for the same place, links followed."""
    if isinstance(place, Member):
        return f"{real(place.archive)}#{place.offset}+{place.size}/{place.name}"
    return place.url if isinstance(place, Address) else os.path.realpath(place)


def public(url: str) -> str:
    """An address without user, password and what follows a question mark or a hash: these may be secrets."""
    return "::".join(map(_public, url.split("::")))


def _public(url: str) -> str:
    protocol, there, rest = url.partition("://")
    path = re.split("[?#]", rest, maxsplit=1)[0]
    host, slash, below = path.partition("/")
    return f"{protocol}{there}{host.rpartition('@')[2]}{slash}{below}"

"""Photos behind an address that several machines reach, by fsspec: s3://bucket/folder, gs://..., and others.

Each is an object under the hash of its content, as :mod:`goodsight.store.kept` has them as files. A photo that was
written in part, by a process that was killed on a system where objects do not appear whole, is known by its size and
written anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

from goodsight.errors import StoreError
from goodsight.store.kept import place_of

_AT_ONCE = 16
_MARK = ".goodsight"
_SECRET = re.compile("//[^/@ ]*@")


class SharedPhotos:
    """``address/ab/abcdef...``.

    Args:
        address: that fsspec knows; what it needs besides (keys, an endpoint) comes from the environment, as its
            documentation says.

    Raises:
        StoreError: fsspec or what it needs for the address is not installed, or nothing can be written there.

    """

    def __init__(self, address: str) -> None:
        self._address = address
        if not find_spec("fsspec"):
            raise StoreError(
                f"`kept` {_SECRET.sub('//***@', address)}: an address is written by fsspec: install it with "
                "`pip install 'goodsight[remote]'`, or give a folder"
            )
        with self._told():
            # Without its caches: other machines write there as well.
            options = {"use_listings_cache": False, "skip_instance_cache": True}
            self._files, root = import_module("fsspec.core").url_to_fs(address, **options)
            self._root = str(root).rstrip("/")
            self._files.pipe_file(f"{self._root}/{_MARK}", b"goodsight")
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="goodsight-photos")

    def put_all(self, photos: Mapping[str, bytes]) -> None:
        """Keep the bytes of photos, by their sha256, several at once; those that are there already stay as they are.

        Raises:
            StoreError: one cannot be written.

        """
        with self._told():
            list(self._threads.map(self._put, photos, photos.values()))

    def _put(self, sha256: str, data: bytes) -> None:
        place = self._place(sha256)
        try:
            there = self._files.info(place)["size"] == len(data)
        except FileNotFoundError:
            there = False
        if not there:
            self._files.pipe_file(place, data)

    def has(self, sha256: str) -> bool:
        """Whether bytes are kept.

        Raises:
            StoreError: the address does not answer.

        """
        with self._told():
            return bool(self._files.exists(self._place(sha256)))

    def get(self, sha256: str) -> bytes | None:
        """The bytes, or None when they are not kept (any more).

        Raises:
            StoreError: the address does not answer.

        """
        with self._told():
            try:
                return bytes(self._files.cat_file(self._place(sha256)))
            except FileNotFoundError:
                return None

    def delete(self, sha256: str) -> None:
        """Remove the bytes; nothing happens when they are gone already.

        Raises:
            StoreError: they cannot be removed.

        """
        with self._told():
            try:
                self._files.rm_file(self._place(sha256))
            except FileNotFoundError:
                return

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    def _place(self, sha256: str) -> str:
        return f"{self._root}/{place_of(sha256)}"

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever a library of an address raises, it is a store that does not answer."""
        try:
            yield
        except Exception as error:
            # Libraries raise what they like here, such as errors of botocore; an address may hold a password.
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise StoreError(_SECRET.sub("//***@", f"`kept` {self._address}: {said}")) from error

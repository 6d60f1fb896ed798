"""The bytes behind an address, by fsspec: only for addresses that a caller or a list gives, never for a request's.

Every question is bounded in time, asked again when it may be answered later, and what comes of it is bytes or a named
reason. No message of another library gets out: they quote addresses with their keys and signatures.
"""

from __future__ import annotations

import os
import random
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, TypeVar

from goodsight.errors import GoodsightError
from goodsight.photos.limits import BadPhoto, Reason

SECONDS = 60.0
"""For one answer: 32 MiB, the usual limit of a photo, come in that time over 5 Mbit/s."""
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each new try: 15 in all, so that storage which starts anew in ten is waited for."""
PAGE = 2**20
"""Bytes of a piece of a list or a tar."""
_SKIPPED = 64 * 2**20
"""Bytes that are read and dropped, where a server gives no ranges, at most."""
_LATER = {408, 425, 429}
"""Statuses below 500 that say: try again."""
_KEYLESS = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "DefaultCredentialsError"}
_MALFORMED = {"ParamValidationError", "InvalidURL"}
_FINAL = (ValueError, LookupError, TypeError, AttributeError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error)
"""What comes of the bytes or of the address, and would come again."""
_OWNERS = {"abfs", "abfss", "wasb", "wasbs"}
"""Azure's addresses, in which a container stands before the ``@``."""
Found = TypeVar("Found")


def require() -> None:
    """Refuse addresses where nothing can read them.

    Raises:
        GoodsightError: fsspec is not installed; the message says what to install.

    """
    if not find_spec("fsspec"):
        raise GoodsightError("to read addresses, install the extra remote: pip install 'goodsight[remote]'")


def protocol_of(url: str) -> str:
    """What stands before the first ``://``."""
    return url.partition("://")[0].lower()


def names_user(url: str) -> bool:
    """Whether an address, or one that it leads through, names a user or a password."""
    for each in url.split("::"):
        user = each.partition("://")[2].partition("/")[0].rpartition("@")[0]
        if user and protocol_of(each) != "memory" and (protocol_of(each) not in _OWNERS or ":" in user):
            return True
    return False


def fetch(url: str, start: int, stop: int) -> bytes:
    """The bytes of an address from ``start`` up to ``stop`` or its end.

    Raises:
        BadPhoto: "missing", "no access" (also where what reads such addresses is not installed here),
            "unreachable" or "unreadable".

    """
    try:
        return _answered(url, lambda fs, path: _get(fs, path, start, stop))
    except _BeyondError:
        return b""


def size(url: str) -> int:
    """How many bytes an address has. Raises as `fetch` does."""
    found = _answered(url, lambda fs, path: _within(fs, "info", path)["size"])
    if not isinstance(found, int):
        raise BadPhoto("unreadable", "nothing says how long it is")
    return found


def kind(url: str) -> Literal["file", "directory", ""]:
    """What is behind an address, '' for nothing; the web has no folders, and is not asked. Raises as `fetch` does."""
    if _is_web(url):
        return "file"

    def asked(fs: Any, path: str) -> Literal["file", "directory", ""]:
        # What was listed for an earlier question may have changed.
        fs.invalidate_cache()
        return "directory" if _within(fs, "info", path)["type"] == "directory" else "file"

    try:
        return _answered(url, asked)
    except BadPhoto as bad:
        if bad.reason == "missing":
            return ""
        raise


def entries(url: str) -> Iterator[tuple[str, bool]]:
    """The names in a folder, sorted by nothing, and whether each is a folder. Raises as `fetch` does."""
    if _is_web(url):
        raise BadPhoto("unreadable", "the web has no folders; give a list of photos")

    def listed(fs: Any, path: str) -> list[Mapping[str, Any]]:
        found = _within(fs, "ls", path, detail=True)
        fs.invalidate_cache(path)
        return [entry for entry in found if entry["name"].strip("/") != path.strip("/")]

    for entry in _answered(url, listed):
        if name := entry["name"].rstrip("/").rpartition("/")[2]:
            yield name, entry["type"] == "directory"


def _is_web(url: str) -> bool:
    return protocol_of(url) in ("http", "https")


def _answered(url: str, ask: Callable[[Any, str], Found]) -> Found:
    """What a file system answers, after as many tries as it takes."""
    if names_user(url):
        raise BadPhoto("no access", "the address names a user; take it out, keys come from the environment only")
    for pause in (*PAUSES, None):
        try:
            return ask(*_system(url))
        except (BadPhoto, _BeyondError):
            raise
        except Exception as error:  # every file system has its own errors
            status = _status(error)
            if status == 416:
                raise _BeyondError from None
            bad = _told(error, status)
            if bad.reason != "unreachable" or pause is None or (status and status < 500 and status not in _LATER):
                raise bad from None
        # Not all at once, where many wait for the same storage.
        time.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311
    raise AssertionError("the last try returns or raises")


class _BeyondError(Exception):
    """What was asked for begins behind the end."""


def _told(error: Exception, status: int) -> BadPhoto:
    """The reason that an error is, without its message."""
    if isinstance(error, FileNotFoundError) or status in (404, 410):
        return BadPhoto("missing", "nothing is there")
    if isinstance(error, PermissionError) or status in (401, 403) or type(error).__name__ in _KEYLESS:
        return BadPhoto("no access", "without keys in the environment that allow it")
    if isinstance(error, IsADirectoryError):
        return BadPhoto("unreadable", "a folder")
    final = isinstance(error, _FINAL) or type(error).__name__ in _MALFORMED
    reason: Reason = "unreadable" if final else "unreachable"
    return BadPhoto(reason, f"status {status}" if status else type(error).__name__)


def _status(error: BaseException) -> int:
    """The status of HTTP that an error, or what it comes from, has; 0 for none."""
    for each in (error, error.__cause__):
        said = getattr(each, "__dict__", {})  # not the attributes: of some errors one is deprecated, and warns
        response = said.get("response")
        about = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
        for given in (*(said.get(name) for name in ("status", "status_code", "code")), about.get("HTTPStatusCode")):
            number = int(str(given)) if str(given).isdecimal() else 0
            if 300 <= number < 600:
                return number
    return 0


def _system(url: str) -> tuple[Any, str]:
    """The file system that an address names, and the path in it."""
    first, chained, rest = url.partition("::")
    try:
        require()
        if chained:
            fs = _in_time(lambda: _archive(f"{protocol_of(first)}://::{rest}", os.getpid()))
            return fs, fs._strip_protocol(first)
        options = {"client_kwargs": {"trust_env": True}} if _is_web(url) else {}
        fs, path = import_module("fsspec.core").url_to_fs(url, **options)
    except GoodsightError as error:
        raise BadPhoto("no access", str(error)) from None
    except ImportError as error:
        # Of one row of a list no more than that row is lost; another worker may have what is lacking here.
        raise BadPhoto("no access", _needed(protocol_of(url), str(error))) from None
    except ValueError:
        raise BadPhoto("unreadable", f"no way is known to read {protocol_of(url)}://") from None
    return fs, path


@lru_cache(maxsize=8)
def _archive(url: str, _: int) -> Any:
    """An archive behind an address: fsspec would read its table of contents again for every photo."""
    return import_module("fsspec.core").url_to_fs(url)[0]


def _needed(protocol: str, said: str) -> str:
    known = import_module("fsspec.registry").known_implementations.get(protocol, {})
    package = known.get("class", "").partition(".")[0]
    if protocol in ("http", "https", "s3", "s3a"):
        return f"{protocol}://: needs the extra remote: pip install 'goodsight[remote]'"
    if package and package != "fsspec":
        return f"{protocol}://: needs the package {package}: pip install {package}"
    return f"{protocol}://: {known.get('err', said)}"


def _get(fs: Any, path: str, start: int, stop: int) -> bytes:
    if start >= stop:
        return b""
    if _is_web(path):
        found: bytes = _sync(fs, _from_the_web, fs, path, start, stop)
    else:
        found = _within(fs, "cat_file", path, start=start, end=stop)
    return found


async def _from_the_web(fs: Any, url: str, start: int, stop: int) -> bytes:
    """As fsspec does it, but for servers that send all there is, or more: no more is taken than was asked for."""
    session = await fs.set_session()
    headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
    async with session.get(fs.encode_url(url), headers=headers) as response:
        response.raise_for_status()
        dropped = 0 if response.status == 206 else start
        if dropped > _SKIPPED:
            raise BadPhoto("unreadable", "the server gives no ranges; copy the file to where it can be read by parts")
        data = bytearray()
        while len(data) < dropped + stop - start and (piece := await response.content.read(PAGE)):
            data += piece
    return bytes(data[dropped : dropped + stop - start])


def _within(fs: Any, method: str, *args: Any, **kwargs: Any) -> Any:
    """What a method of a file system gives, within :data:`SECONDS`."""
    if fs.async_impl:
        return _sync(fs, getattr(fs, f"_{method}"), *args, **kwargs)
    return _in_time(lambda: getattr(fs, method)(*args, **kwargs))


def _sync(fs: Any, ask: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return import_module("fsspec.asyn").sync(fs.loop, ask, *args, timeout=SECONDS, **kwargs)


def _in_time(ask: Callable[[], Any]) -> Any:
    """What a call gives in time. It goes on in a thread when it does not, for nobody can stop it."""
    made: list[Any] = []
    failed: list[Exception] = []

    def work() -> None:
        try:
            made.append(ask())
        except Exception as error:  # raised again below
            failed.append(error)

    thread = threading.Thread(target=work, name="goodsight-remote", daemon=True)
    thread.start()
    thread.join(SECONDS)
    if failed:
        raise failed[0]
    if not made:
        raise TimeoutError
    return made[0]

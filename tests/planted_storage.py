"""A file system in memory that fails as it is told, for tests of what reads addresses: ``planted://a.jpg``."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

_counting = threading.Lock()
SECRET = "s3cr3t-in-a-message"


class Planted(MemoryFileSystem):  # type: ignore[misc]
    """Each read first does what is next in `faults`: an error is raised, a number is waited."""

    protocol = ("planted",)
    faults: list[Exception | float] = []  # noqa: RUF012
    asked = 0
    at_once = 0
    most_at_once = 0
    store: dict[str, Any] = {}  # noqa: RUF012
    pseudo_dirs = [""]  # noqa: RUF012

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        stripped: str = MemoryFileSystem._strip_protocol(path.replace("planted://", "memory://"))
        return stripped

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        found: bytes = _told(lambda: MemoryFileSystem.cat_file(self, path, start, end))
        return found

    def ls(self, path: str, detail: bool = True, **_: Any) -> Any:
        return _told(lambda: MemoryFileSystem.ls(self, path, detail))


def _told(do: Callable[[], Any]) -> Any:
    with _counting:
        Planted.asked += 1
        Planted.at_once += 1
        Planted.most_at_once = max(Planted.most_at_once, Planted.at_once)
    try:
        return _failed_first(do)
    finally:
        with _counting:
            Planted.at_once -= 1


def _failed_first(do: Callable[[], Any]) -> Any:
    if Planted.faults:
        fault = Planted.faults.pop(0)
        if isinstance(fault, Exception):
            raise fault
        time.sleep(fault)
    return do()


@contextmanager
def planted(*faults: Exception | float, **files: bytes) -> Iterator[type[Planted]]:
    """The file system with some files, and what goes wrong first."""
    fsspec.register_implementation("planted", Planted, clobber=True)
    fs = fsspec.filesystem("planted")
    Planted.store.clear()
    for name, data in files.items():
        fs.pipe(f"/{name}.jpg", data)
    Planted.faults, Planted.asked, Planted.most_at_once = list(faults), 0, 0
    yield Planted
    Planted.faults = []

"""A file system in memory that fails as it is told, for tests of what reads addresses: ``planted://a.jpg``."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

SECRET = "s3cr3t-in-a-message"


class Planted(MemoryFileSystem):
    """Each read first does what is next in `faults`: an error is raised, a number is waited."""

    protocol = ("planted",)
    faults: list[Exception | float] = []  # noqa: RUF012
    asked = 0
    store: dict[str, Any] = {}  # noqa: RUF012
    pseudo_dirs = [""]  # noqa: RUF012

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        stripped: str = MemoryFileSystem._strip_protocol(path.replace("planted://", "memory://"))
        return stripped

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        return _told(lambda: MemoryFileSystem.cat_file(self, path, start, end))

    def ls(self, path: str, detail: bool = True, **_: Any) -> Any:
        return _told(lambda: MemoryFileSystem.ls(self, path, detail))


def _told(do: Callable[[], Any]) -> Any:
    Planted.asked += 1
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
    for name, data in files.items():
        fs.pipe(f"/{name}.jpg", data)
    Planted.faults, Planted.asked = list(faults), 0
    yield Planted
    Planted.faults = []

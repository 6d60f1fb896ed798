"""Where answer shards lie: a folder on this machine, or any place that fsspec writes to. Each file appears whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from goodsight.errors import GoodsightError
from goodsight.files import whole_file

PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before another attempt, when storage does not answer: half a minute in all."""
Given = TypeVar("Given")


@dataclass(frozen=True)
class Store:
    """A folder of files, by its path or its address (``s3://shop/answers``).

    Raises:
        GoodsightError: it is an address, and what reads addresses is not installed. From each method: the storage or
            the disk cannot be used.

    """

    place: str

    def __post_init__(self) -> None:
        if self.afar and not find_spec("fsspec"):
            raise GoodsightError(
                f"`out` {self.place}: to write there, install the extra remote: pip install 'goodsight[remote]'"
            )

    @property
    def afar(self) -> bool:
        """Whether it is an address, which every machine can write to."""
        return "://" in self.place

    def names(self) -> set[str]:
        """The names of the files that are there; none where there is no such folder."""
        if not self.afar:
            with self._here("listed"):
                folder = Path(self.place)
                return {path.name for path in folder.iterdir() if path.is_file()} if folder.is_dir() else set()
        system, root = self._system()

        def listed() -> list[str]:
            system.invalidate_cache()
            try:
                return list(system.ls(root, detail=False))
            except FileNotFoundError:
                return []

        return {str(path).rstrip("/").rpartition("/")[2] for path in self._patiently(listed)} - {""}

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        if not self.afar:
            with self._here("read"):
                return (Path(self.place) / name).read_bytes()
        system, root = self._system()
        return bytes(self._patiently(lambda: system.cat_file(f"{root}/{name}")))

    def write(self, name: str, data: bytes) -> None:
        """A file that appears whole: by a rename, or by one PUT. One that is there is replaced."""
        if not self.afar:
            with self._here("written"), whole_file(Path(self.place) / name) as part:
                part.write_bytes(data)
            return
        system, root = self._system()
        self._patiently(lambda: system.pipe_file(f"{root}/{name}", data))

    @contextmanager
    def _here(self, done: str) -> Iterator[None]:
        """Errors of this machine's disk as one that names the folder."""
        try:
            yield
        except OSError as error:
            said = (error.strerror or str(error)).lower()
            raise GoodsightError(
                f"{self.place}: cannot be {done}: {said}; choose another folder, or mend that and run the same command"
            ) from error

    def _system(self) -> tuple[Any, str]:
        try:
            system, root = import_module("fsspec.core").url_to_fs(self.place)
        except (ImportError, ValueError) as error:
            raise GoodsightError(f"`out` {self.place.partition('://')[0]}://...: {error}") from error
        return system, str(root).rstrip("/")

    def _patiently(self, ask: Callable[[], Given]) -> Given:
        """What storage answers, asked again after a while when it does not."""
        for pause in PAUSES:
            try:
                return ask()
            except (FileNotFoundError, PermissionError):
                break
            except Exception:  # every kind of storage has errors of its own
                time.sleep(pause)
        try:
            return ask()
        except Exception as error:
            raise GoodsightError(
                f"{self.place.partition('?')[0]}: the storage cannot be used ({type(error).__name__}); "
                "run the same command again when it can"
            ) from error

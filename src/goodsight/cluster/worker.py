"""What one worker does: it unpacks what its machine was sent, makes sure that it answers as it should, and answers."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from goodsight.about import __version__
from goodsight.cluster.jobs import Answer, Job
from goodsight.cluster.queue import Answered
from goodsight.cluster.shards import Shard
from goodsight.cluster.store import Store
from goodsight.errors import FolderExistsError, GoodsightError, ModelError
from goodsight.files import whole_file, whole_folder


@dataclass(frozen=True)
class Sent:
    """What travels to each machine once: the files of a model or a network, and the version that reads them."""

    files: Mapping[str, bytes]
    version: str = __version__


class Worker:
    """Answers shards one after the other.

    Args:
        job: what is asked.
        store: where answers go; those of a folder on the driver's machine are given back instead.
        sent: what the job needs.

    """

    def __init__(self, job: Job, store: Store, sent: Sent) -> None:
        self._job, self._store, self._sent = job, store, sent
        self._answer: Answer | None = None

    def start(self) -> str:
        """Make ready.

        Returns:
            The machine's name.

        Raises:
            ModelError: this machine has another version, another file, or answers otherwise; it is named.

        """
        if self._sent.version != __version__:
            raise ModelError(f"{machine()}: has goodsight {__version__}, and {self._sent.version} asks; install that")
        try:
            self._answer = self._job.start(unpacked(self._job.sha256, self._sent.files))
        except GoodsightError as error:
            raise ModelError(f"{machine()}: {error}") from error
        return machine()

    def answer(self, shard: Shard) -> Answered:
        """A shard's answers, written where every machine can write, or given back."""
        if self._answer is None:
            self.start()
        assert self._answer is not None
        done = self._answer(replace(shard, sent=True))
        if not self._store.afar or done.data is None:
            return done
        self._store.write(done.name, done.data)
        return replace(done, data=None)


def machine() -> str:
    """What this machine calls itself."""
    return platform.node() or "a machine without a name"


def unpacked(sha256: str, files: Mapping[str, bytes]) -> Path:
    """The folder on this machine with files that were sent; one that is there already is mended where it differs."""
    # Anybody may write to the folder of temporary files: what is read there is checked by its hash.
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"goodsight-{user}" / sha256[:32]
    if not folder.exists():
        try:
            with whole_folder(folder) as part:
                for name, data in files.items():
                    (part / name).parent.mkdir(parents=True, exist_ok=True)
                    (part / name).write_bytes(data)
        except (OSError, FolderExistsError):
            if not folder.exists():
                raise
    for name, data in files.items():
        if not _holds(folder / name, data):
            with whole_file(folder / name) as mended:
                mended.write_bytes(data)
    return folder


def _holds(path: Path, data: bytes) -> bool:
    """Whether a file is there and has these bytes."""
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data

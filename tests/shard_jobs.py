"""Jobs that need no network, so that what happens around a shard can be watched; workers of Ray import them."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goodsight.catalog.rows import Row
from goodsight.cluster.jobs import Answer
from goodsight.cluster.queue import Answered
from goodsight.cluster.shards import Shard
from goodsight.errors import ModelError


@dataclass(frozen=True)
class Names:
    """Answers a shard with the names of its photos, and notes each time in a folder that it begins with one.

    Attributes:
        notes: the folder.
        killed: the shard during which its process is killed, the first time.
        broken: the shard that cannot be answered.
        deadly: the shard that kills its process each time.
        refusing: whether no machine is ready.

    """

    notes: str
    killed: int = -1
    broken: int = -1
    deadly: int = -1
    refusing: bool = False
    step: str = "name"
    sha256: str = "0" * 64

    @property
    def asked(self) -> Mapping[str, Any]:
        return {"verb": "name"}

    def start(self, folder: Path) -> Answer:
        if self.refusing:
            raise ModelError("answers differently")
        return self.answer

    def answer(self, shard: Shard) -> Answered:
        before = self.begun(shard.number)
        (Path(self.notes) / f"{shard.number}.{before}").touch()
        if shard.number == self.deadly or (shard.number == self.killed and not before):
            os.kill(os.getpid(), signal.SIGKILL)
        if shard.number == self.broken:
            raise ValueError("broken")
        names = "\n".join(row.file_name for row in shard.rows)
        return Answered(shard.name, len(shard.rows), 0, names.encode())

    def begun(self, number: int) -> int:
        """How often a shard was begun with."""
        return len(list(Path(self.notes).glob(f"{number}.*")))


def rows(count: int) -> list[Row]:
    """Photos that are nowhere."""
    return [Row(f"{i}.jpg", Path(f"{i}.jpg")) for i in range(count)]

"""What was asked and what came of it, one JSON line each, so that a later run does not ask again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from goodsight.collecting.terms import Wanted

REMEMBERED = 24 * 3600.0
"""Seconds for which a failure that would repeat itself is not tried again."""


class Journal:
    """An append-only file; a line that a kill tore is passed over, and what it told is asked anew.

    Attributes:
        kept: file names by address and label.
        names: all file names that were ever kept.

    """

    def __init__(self, path: Path) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self._failed: dict[tuple[str, str], tuple[str, float]] = {}
        data = path.read_bytes() if path.exists() else b""
        for entry in _entries(data):
            key = (entry["url"], entry["label"])
            if entry["file_name"]:
                self.kept[key] = entry["file_name"]
            else:
                self._failed[key] = (entry["reason"], entry["time"])
        self.names = set(self.kept.values())
        self._stream = path.open("a", encoding="utf-8")
        if data and not data.endswith(b"\n"):
            self._stream.write("\n")

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stream.close()

    def failed(self, wanted: Wanted) -> str:
        """Why a photo need not be asked for again yet, or nothing."""
        reason, when = self._failed.get((wanted.url, wanted.label), ("", 0.0))
        return reason if 0 <= time.time() - when < REMEMBERED else ""

    def note(self, wanted: Wanted, file_name: str = "", reason: str = "") -> None:
        """Remember a photo that was kept under a name, or why it was not."""
        key = (wanted.url, wanted.label)
        if file_name:
            self.kept[key] = file_name
            self.names.add(file_name)
        entry = {"url": key[0], "label": key[1], "file_name": file_name, "reason": reason, "time": int(time.time())}
        self._stream.write(json.dumps(entry) + "\n")
        self._stream.flush()


def _entries(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.splitlines():
        try:
            entry = json.loads(line)
            texts = (entry["url"], entry["label"], entry["file_name"], entry["reason"])
            if all(isinstance(text, str) for text in texts) and isinstance(entry["time"], int | float):
                yield entry
        except (ValueError, KeyError, TypeError):
            continue

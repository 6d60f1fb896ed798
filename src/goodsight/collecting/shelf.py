"""The folder that is filled: photos by content in a folder per label, and metadata.csv, which `train` reads.

``metadata.csv`` is only ever appended to, one row per photo, after the photo is there whole. A kill can leave a torn
last line behind; the next run removes it, and the photo's row is written anew. A row that a person changed stays so,
and a photo whose row and file a person removed does not come back. ``.collect`` holds the journal of what was asked,
the lock, and the photo that is being written.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO

from goodsight.collecting.journal import Journal
from goodsight.collecting.lists import require_distinct
from goodsight.collecting.terms import NotFetched, Wanted
from goodsight.errors import CatalogError, FolderExistsError, GoodsightError
from goodsight.files import read_records, table_line, whole_file, write_table
from goodsight.photos import decoder

COLUMNS = ("file_name", "label", "url", "page", "time", "sha256")
OWN = ".collect"


class Shelf:
    """The folder, open for one run at a time. Used by one thread, and closed by ``with``.

    Args:
        root: a new or empty folder, or one that an earlier run filled.
        labels: that will be put there.

    Raises:
        GoodsightError: the folder holds something else, is in use, or cannot be written.

    """

    def __init__(self, root: Path, labels: Iterable[str]) -> None:
        self.root, self._listed = root, root / "metadata.csv"
        _require_ours(root)
        (root / OWN).mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            lock = opened.enter_context((root / OWN / "lock").open("w"))
            _lock(lock, root)
            for part in (root / OWN).glob("part-*"):  # of a run that was killed
                part.unlink()
            self._columns = _recover(self._listed)
            self._rows = _rows(self._listed)
            _require_room(root, labels, {row["label"] for row in self._rows.values()})
            self._known = {(row["url"], row["label"]): row["file_name"] for row in self._rows.values()}
            self._stream = opened.enter_context(self._listed.open("a", encoding="utf-8", newline=""))
            self.journal = opened.enter_context(Journal(root / OWN / "journal.jsonl"))
            self._opened = opened.pop_all()

    def __enter__(self) -> Shelf:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._opened.close()

    def has(self, wanted: Wanted) -> bool:
        """Whether a photo came with an earlier run: it is there, or a person removed both its row and its file."""
        key = (wanted.url, wanted.label)
        name = self._known.get(key) or self.journal.kept.get(key, "")
        return bool(name) and (name in self._rows) == (self.root / name).is_file()

    def put(self, wanted: Wanted, data: bytes) -> bool:
        """Keep a photo; whether it was new. A byte-for-byte copy under the same label is noted and not kept.

        Raises:
            NotFetched: another content is there under the photo's name.

        """
        sha = hashlib.sha256(data).hexdigest()
        name = f"{wanted.label}/" * bool(wanted.label) + sha[:32] + decoder.suffix(data)
        path = self.root / name
        dropped = name not in self._rows and name in self.journal.names and not path.exists()
        new = name not in self._rows and not dropped
        if not dropped:
            self._place(path, data)
        if new:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            values = (name, wanted.label, wanted.url, wanted.page, now, sha)
            self._rows[name] = dict(zip(COLUMNS, values, strict=True))
            self._stream.write(table_line(self._rows[name].get(column, "") for column in self._columns))
            self._stream.flush()
            os.fsync(self._stream.fileno())  # before the journal, which would else call a lost row a removed one
        self.journal.note(wanted, name)
        return new

    def two_labels(self) -> list[tuple[str, str]]:
        """The photos that are there under several labels: SHA-256 and the labels."""
        labels: dict[str, set[str]] = {}
        for row in self._rows.values():
            labels.setdefault(row["sha256"], set()).add(row["label"])
        return [(sha, ", ".join(sorted(map(repr, found)))) for sha, found in labels.items() if len(found) > 1]

    def _place(self, path: Path, data: bytes) -> None:
        """The photo as a whole file. One that is there already is left as it is."""
        if path.exists():
            if path.stat().st_size != len(data) or path.read_bytes() != data:
                raise NotFetched(f"{path} is there with another content; nothing is overwritten")
            return
        path.parent.mkdir(exist_ok=True)
        part = self.root / OWN / f"part-{path.name}"
        with part.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)


def _require_ours(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise FolderExistsError(f"{root}: is a file; choose another `out`")
    if (root / "metadata.csv").is_file():
        _columns(root / "metadata.csv", (root / "metadata.csv").read_bytes())
        return
    if not root.is_dir():
        return
    found = sorted(p.name for p in root.iterdir() if not p.name.startswith("."))
    if found:
        raise FolderExistsError(
            f"{root}: holds {found[0]!r} and no metadata.csv, so `goodsight collect` did not make it; "
            "choose another `out`"
        )


def _require_room(root: Path, labels: Iterable[str], others: set[str]) -> None:
    wanted = set(labels)
    require_distinct(sorted(wanted | others))
    for label in sorted(wanted - {""}):
        if (root / label).exists() and not (root / label).is_dir():
            raise FolderExistsError(f"{root / label}: is a file, where a folder for the label {label!r} must be")


def _lock(stream: IO[str], root: Path) -> None:
    """One run at a time. The system frees the lock when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise GoodsightError(f"{root}: another `goodsight collect` is filling it; wait until it is done") from error


def _recover(listed: Path) -> list[str]:
    """The columns of metadata.csv, which is made if it is not there, and freed from a torn last line if it is."""
    if not listed.exists():
        with whole_file(listed) as part:
            write_table(part, [COLUMNS])
    data = listed.read_bytes()
    columns = _columns(listed, data)
    whole, _, tail = data.rpartition(b"\n")
    if tail:
        keep = not whole or _is_whole(tail, columns)
        with listed.open("r+b") as stream:
            if keep:  # an editor saved it without the last line's end
                stream.seek(0, os.SEEK_END)
                stream.write(b"\n")
            else:
                stream.truncate(len(whole) + 1)
    return columns


def _columns(listed: Path, data: bytes) -> list[str]:
    columns = next(csv.reader([data.partition(b"\n")[0].decode("utf-8-sig", "replace").strip()]), [])
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        raise FolderExistsError(
            f"{listed}: there is no column {missing[0]!r}, so `goodsight collect` did not write it; "
            "choose another `out`"
        )
    return columns


def _is_whole(tail: bytes, columns: list[str]) -> bool:
    cells = next(csv.reader([tail.decode("utf-8", "replace").strip()]), [])
    return len(cells) == len(columns) and bool(re.fullmatch("[0-9a-f]{64}", cells[columns.index("sha256")]))


def _rows(listed: Path) -> dict[str, dict[str, str]]:
    try:
        return {row["file_name"]: row for _, row in read_records(listed, errors="strict") if row["file_name"]}
    except (UnicodeDecodeError, csv.Error) as error:
        raise CatalogError(f"{listed}: cannot be read as UTF-8 text in rows: {error}") from error

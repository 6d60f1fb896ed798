r"""Where files go, and how they get there whole: the cache folder, atomic files, atomic folders; and every CSV.

A name or a label may be anything, and a table must hold it all the same: no cell is a formula to a spreadsheet, the
file is always UTF-8, and :func:`read_table` gives back what :func:`write_table` was given.

- A text that a spreadsheet could take for a formula gets an apostrophe in front. One that has apostrophes of its own
  before such a text gets one more, so that one can always be taken away again.
- A name that is no UTF-8 has a lone surrogate for each odd byte (:func:`os.fsdecode`). That is written as in JSON,
  ``\udce9``; backslashes right before that, or before the same characters in a name, are doubled.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import time
import tomllib
import unicodedata
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs

from goodsight.errors import FolderExistsError, GoodsightError

MARKS = {"metrics.json": "", "split.json": '"goodsight":', "export.json": '"goodsight":'}
"""What shows that Goodsight made a folder: a file, and the text in it where others have a file of that name as well."""


LONGEST = 255
"""Bytes in a name, on nearly all file systems."""


_ODD = re.compile(r"(\\*)([\ud800-\udfff])|(\\+)(?=ud[89a-f][0-9a-f]{2})")
_WRITTEN = re.compile(r"(\\+)u(d[89a-f][0-9a-f]{2})")


def cache_folder() -> Path:
    """``GOODSIGHT_CACHE``, or the platform's user cache folder; made when it is not there.

    Raises:
        GoodsightError: it cannot be made.

    """
    chosen = os.environ.get("GOODSIGHT_CACHE")
    folder = Path(chosen) if chosen else Path(platformdirs.user_cache_dir("goodsight", appauthor=False))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise GoodsightError(
            f"{folder}: the cache folder cannot be made: {said}; name another in the variable GOODSIGHT_CACHE"
        ) from error
    return folder


def read_toml(path: Path, option: str = "") -> dict[str, Any]:
    """What a .toml file says.

    Args:
        path: the file.
        option: what names it, in backquotes, to begin a message with.

    Raises:
        GoodsightError: it cannot be read.

    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GoodsightError(f"{f'{option} ' if option else ''}{path}: cannot be read: {error}") from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path to write to; it becomes ``path`` when the block ends well, and vanishes when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(path)
    part.touch(exist_ok=False)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path, *, force: bool = False) -> Iterator[Path]:
    """A folder to fill; it becomes ``path`` when the block ends well, and vanishes when it does not.

    Raises:
        FolderExistsError: as :func:`refuse_folder`.

    """
    refuse_folder(path, force=force)
    path.parent.mkdir(parents=True, exist_ok=True)
    part, old = _beside(path), _beside(path)
    part.mkdir()
    try:
        yield part
        if path.exists():
            path.replace(old)
        part.replace(path)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def exchange(new: Path, path: Path) -> Path:
    """Put a copy of one folder in the place of another; where the other is kept now."""
    path = path.resolve()
    part, kept = _beside(path), path.with_name(_before(path.name))
    try:
        shutil.copytree(new, part)
        path.rename(kept)
        part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return kept


def _before(name: str) -> str:
    ending = f".before-{time.strftime('%Y%m%d-%H%M%S')}"
    return shortened(name, LONGEST - len(ending)) + ending


def refuse_existing(path: Path, *, force: bool) -> None:
    """Fail before long work, not after it, when the output is taken.

    Raises:
        FolderExistsError: ``path`` is there already and ``force`` is not set.

    """
    if path.exists() and not force:
        raise FolderExistsError(f"{path} is there already: choose another `out`, or replace it with `force`")


def refuse_folder(path: Path, *, force: bool) -> None:
    """As :func:`refuse_existing`, for a folder that would be replaced as a whole: it must be one that Goodsight made.

    Raises:
        FolderExistsError: ``path`` is there and ``force`` is not set, or it is not empty and has none of
            :data:`MARKS`.

    """
    refuse_existing(path, force=force)
    if path.is_dir() and not any(_marked(path / name, text) for name, text in MARKS.items()) and any(path.iterdir()):
        raise FolderExistsError(
            f"{path} was not made by goodsight, so `force` does not delete it: choose another `out`"
        )


def _marked(path: Path, text: str) -> bool:
    return path.is_file() and (not text or text in path.read_text(encoding="utf-8", errors="replace"))


def _beside(path: Path) -> Path:
    return path.parent / f".{shortened(path.name, 80)}.{uuid.uuid4().hex}"


def shortened(name: str, most: int = LONGEST) -> str:
    """The beginning of a name that has at most so many bytes."""
    while len(os.fsencode(name)) > most:
        name = name[:-1]
    return name


# ---- tables


def write_table(path: Path, rows: Iterable[Iterable[object]]) -> None:
    """Write a CSV; what is no text, such as a number, is written as it is."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.writelines(map(table_line, rows))


def table_line(cells: Iterable[object]) -> str:
    """A row of a CSV, with its end."""
    # Not csv.writer, which leaves a lone carriage return bare, and then nobody can read the line back.
    return ",".join(_quoted(cell(value)) for value in cells) + "\n"


def read_table(path: Path, *, errors: str = "surrogateescape") -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV, the head as well, each with the number of its last line; empty lines are passed over.

    Args:
        path: that :func:`write_table` wrote, or anybody else.
        errors: what to do with bytes that are no UTF-8.

    Raises:
        UnicodeDecodeError: as ``errors`` has it.
        csv.Error: it is no CSV.

    """
    with path.open(encoding="utf-8-sig", errors=errors, newline="") as stream:
        reader = csv.reader(stream)
        for cells in reader:
            if cells:
                yield reader.line_num, [uncell(text) for text in cells]


def read_records(path: Path, *, errors: str = "surrogateescape") -> Iterator[tuple[int, dict[str, str]]]:
    """As :func:`read_table`, each row after the head by column; what a row lacks is '', what it has too much is left.

    Raises:
        UnicodeDecodeError: as ``errors`` has it.
        csv.Error: it is no CSV.

    """
    rows = read_table(path, errors=errors)
    _, head = next(rows, (0, []))
    for number, cells in rows:
        yield number, dict.fromkeys(head, "") | dict(zip(head, cells, strict=False))


def cell(value: object) -> str:
    """A value as a cell of a table says it."""
    if not isinstance(value, str):
        return "" if value is None else cell(str(value)) if isinstance(value, Path) else str(value)
    text = _ODD.sub(_written, value)
    return f"'{text}" if _runs(text.lstrip("'")) else text


def uncell(text: str) -> str:
    """What :func:`cell` was given, if that was text."""
    if text.startswith("'") and _runs(text.lstrip("'")):
        text = text[1:]
    return _WRITTEN.sub(_unwritten, text)


def _runs(text: str) -> bool:
    """Whether a spreadsheet could take text for a formula, whatever blanks and unseen characters stand before it."""
    if text[:1].isalnum():
        return False
    if text.startswith(("\t", "\r")):
        return True
    # Character by character, as a mark after it would make another of an equals sign.
    plain = (c for given in text for c in unicodedata.normalize("NFKC", given))
    return next((c for c in plain if unicodedata.category(c)[0] not in "CZ"), "") in {"=", "+", "-", "@"}


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if re.search('[",\r\n]|^ | $', text) else text


def _written(found: re.Match[str]) -> str:
    before, odd, alike = found.groups()
    return f"{before * 2}\\u{ord(odd):04x}" if odd else alike * 2


def _unwritten(found: re.Match[str]) -> str:
    before, code = found.groups()
    kept = "\\" * (len(before) // 2)
    return kept + (chr(int(code, 16)) if len(before) % 2 else f"u{code}")

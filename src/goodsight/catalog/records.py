"""A list's rows as they are written: CSV in any usual separator and encoding, JSON Lines, or Parquet.

Nothing in a list is dropped or guessed: what cannot be read as it stands is an error that names line and column.
"""

from __future__ import annotations

import codecs
import csv
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from goodsight.catalog import parquet
from goodsight.errors import CatalogError, did_you_mean
from goodsight.files import uncell
from goodsight.photos.limits import BadPhoto
from goodsight.photos.places import Source

LINE_BYTES = 2**20
"""Of a line of JSON Lines."""
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_TAGS = re.compile(r"[\s,;|]+")


@dataclass(frozen=True)
class Record:
    """One row: its values by column, and where it stands, for messages."""

    listed: Source
    line: int
    values: Mapping[str, Any]

    def __contains__(self, column: str) -> bool:
        return column in self.values

    def text(self, column: str) -> str:
        """A value as text without outer blanks; '' for one that is empty, null or not a number.

        Raises:
            CatalogError: it is a list, an object, or true or false.

        """
        value = self.values.get(column)
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return ""
        if isinstance(value, str):
            return value.strip()
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(column, f"is {_shown(value)}, which is no text; write it in quotes, one value")
        return str(value)

    def label(self, column: str) -> str:
        """As :meth:`text`, for a value that names one class.

        Raises:
            CatalogError: it is a list, also one written as text.

        """
        given = self.values.get(column)
        value = json.dumps(given) if isinstance(given, list | dict) else self.text(column)
        if value[:1] + value[-1:] in {"[]", "{}"}:
            raise self.error(column, f"is {_shown(value)}, a list; give one label, or name the column as one of tags")
        return value

    def tags(self, column: str) -> tuple[str, ...]:
        """The tags of a row: a list of JSON, or text with blanks, commas, semicolons or bars between.

        Raises:
            CatalogError: they cannot be told apart.

        """
        value = self.values.get(column)
        if isinstance(value, str) and value.strip()[:1] == "[":
            value = self._list(column, value.strip())
        if isinstance(value, list):
            if not all(isinstance(tag, str | int) and not isinstance(tag, bool) for tag in value):
                raise self.error(column, f"is {_shown(value)}; write a list of texts")
            found = [str(tag).strip() for tag in value]
        else:
            found = _TAGS.split(self.text(column))
        strange = next((tag for tag in found if re.search(r"[\[\]{}\"\n]", tag)), None)
        if strange is not None:
            raise self.error(column, f"has the tag {_shown(strange)}; write tags with commas between, without brackets")
        return tuple(tag for tag in found if tag)

    def boxes(self, column: str) -> str:
        """Boxes as :func:`goodsight.photos.boxes.parse` reads them; in JSON they may be lists of four numbers."""
        value = self.values.get(column)
        if not isinstance(value, list):
            return self.text(column)
        several = value if all(isinstance(box, list) for box in value) else [value]
        return ";".join(" ".join(map(str, box)) for box in several if box)

    def error(self, column: str, said: str) -> CatalogError:
        """What is wrong with a value."""
        return CatalogError(f"{self.listed}: line {self.line}: column {column!r} {said}")

    def lacks(self, column: str, hint: str = "") -> CatalogError:
        """That there is no such column."""
        return CatalogError(
            f"{self.listed}: there is no column {column!r}; the columns are {', '.join(self.values)}."
            f"{did_you_mean(column, self.values)}{hint}"
        )

    def _list(self, column: str, text: str) -> list[Any]:
        """A list that somebody wrote into a cell, in JSON or as Python prints it."""
        for written in (text, re.sub(r"(?<=[\[,\s])'|'(?=\s*[,\]])", '"', text)):
            try:
                found = json.loads(written)
            except ValueError:
                continue
            if isinstance(found, list):
                return found
        raise self.error(column, f"is {_shown(text)}, which looks like a list but cannot be read as one")


def records(
    listed: Source, wanted: str = "file_name", *, table: bool = False, only: Sequence[str] = ()
) -> Iterator[Record]:
    """Each row of a list, in order.

    Args:
        listed: a .csv, a .parquet, or else JSON Lines.
        wanted: a column that tells which separator a CSV has.
        table: it is a CSV whatever its name, with the wanted column also where it has no rows, and bytes that are no
            UTF-8 text are kept, as in names of files.
        only: the columns to read of a Parquet, where not all of them are needed.

    Raises:
        CatalogError: it cannot be read; of CSV, a column is there twice or a row has more cells than there are
            columns; of JSON Lines, a line is no JSON object, names a key twice, or is over 1 MiB.

    """
    try:
        if table or listed.suffix.lower() == ".csv":
            yield from _csv_records(listed, wanted, "surrogateescape" if table else "strict")
        elif listed.suffix.lower() == ".parquet":
            for line, values in parquet.rows(listed, only):
                yield Record(listed, line, values)
        else:
            yield from _json_records(listed)
    except BadPhoto as bad:  # of a list that lies elsewhere
        raise CatalogError(f"{listed}: cannot be read: {bad}") from None
    except OSError as error:
        raise CatalogError(f"{listed}: cannot be read: {error.strerror or error}") from error


def _csv_records(listed: Source, wanted: str, errors: str) -> Iterator[Record]:
    with listed.open("rb") as raw:
        encoding = _encoding(raw.read(4096))
    line = 1
    with listed.open(encoding=encoding, errors=errors, newline="") as stream:
        try:
            separator, before = _separator(stream, wanted)
            reader = csv.reader(stream, delimiter=separator, strict=True, skipinitialspace=True)
            header = [uncell(cell.strip()) for cell in next(reader, [])]
            _require_columns(listed, header, wanted if errors == "surrogateescape" else "")
            for cells in reader:
                line = reader.line_num + before
                if any(cells):
                    yield Record(listed, line, _by_column(listed, line, header, cells, separator))
        except UnicodeError as error:
            raise CatalogError(
                f"{listed}: after line {line}: is not {encoding.upper()} text; save it as 'CSV UTF-8'"
            ) from error
        except csv.Error as error:
            raise CatalogError(f"{listed}: after line {line}: cannot be read as a row: {error}") from error


def _encoding(start: bytes) -> str:
    """UTF-8, or UTF-16 where a byte-order mark or the zeros between ASCII letters tell so."""
    for mark, encoding in _BOMS.items():
        if start.startswith(mark):
            return encoding
    zeros = [start[at::2].count(0) for at in (0, 1)]
    if max(zeros) > len(start) // 4:
        return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    return "utf-8"


def _separator(stream: IO[str], wanted: str) -> tuple[str, int]:
    """What separates cells: what the first line says (``sep=;``), or what makes a column of the wanted name.

    With it the number of lines before the header.
    """
    first = stream.readline()
    said = re.fullmatch(r"\s*sep=(.)\s*", first)
    if said:
        return said[1], 1
    stream.seek(0)
    for separator in SEPARATORS:
        row = next(csv.reader([first], delimiter=separator, skipinitialspace=True), [])
        if wanted in [cell.strip() for cell in row]:
            return separator, 0
    return ",", 0


def _require_columns(listed: Source, header: Sequence[str], wanted: str) -> None:
    if wanted and wanted not in header:
        there = ", ".join(header).encode(errors="backslashreplace").decode()[:200]
        raise CatalogError(f"{listed}: there is no column {wanted!r}; the columns are {there}")
    twice = [name for name, count in Counter(header).items() if name and count > 1]
    if twice:
        where = [str(number) for number, name in enumerate(header, 1) if name == twice[0]]
        raise CatalogError(
            f"{listed}: the column {twice[0]!r} is there twice (columns {', '.join(where)}); rename or remove one"
        )


def _by_column(
    listed: Source, line: int, header: Sequence[str], cells: Sequence[str], separator: str
) -> dict[str, str]:
    for number, cell in enumerate(cells, 1):
        if cell.strip() and (number > len(header) or not header[number - 1]):
            inside = SEPARATORS.get(separator, separator)
            raise CatalogError(
                f"{listed}: line {line}: the cell {_shown(cell)} stands in column {number}, which has no name; put "
                f"quotes around values with {inside} in them, or name the column"
            )
    padded = [*cells, *[""] * (len(header) - len(cells))]
    return {name: uncell(cell) for name, cell in zip(header, padded, strict=False) if name}


def _json_records(listed: Source) -> Iterator[Record]:
    with listed.open("rb") as stream:
        # Not the stream's own lines: one without an end would fill the memory.
        for number, line in enumerate(iter(lambda: stream.readline(LINE_BYTES + 1), b""), 1):
            if len(line) > LINE_BYTES:
                raise CatalogError(f"{listed}: line {number} is over 1 MiB; shorten it or leave it out")
            try:
                text = line.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise CatalogError(f"{listed}: line {number} is not UTF-8 text; save the file as UTF-8") from error
            if text.strip():
                yield Record(listed, number, _json_record(listed, number, text))


def _json_record(listed: Source, number: int, line: str) -> Mapping[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
        if twice:
            raise CatalogError(f"{listed}: line {number} has the key {twice[0]!r} twice; remove one")
        return dict(pairs)

    try:
        record = json.loads(line, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise CatalogError(f"{listed}: line {number} is not JSON: {error.msg}") from error
    except RecursionError as error:
        raise CatalogError(f"{listed}: line {number} has too many brackets in each other; leave it out") from error
    except ValueError as error:
        raise CatalogError(f"{listed}: line {number} has a number of too many digits; leave it out") from error
    if not isinstance(record, dict):
        raise CatalogError(f"{listed}: line {number} is not a JSON object")
    return record


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return repr(text[:60] + ("..." if len(text) > 60 else ""))

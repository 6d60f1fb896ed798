"""Predictions as Parquet: the columns of the CSV with their types, the same bytes for the same predictions."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from goodsight.errors import GoodsightError
from goodsight.files import whole_file
from goodsight.model.record import Judge
from goodsight.model.verdicts import Prediction
from goodsight.report.predictions import BLANK, Sink, record

ROWS = 10_000
"""Of a row group, which is what is held before it is written."""


def arrow() -> Any:
    """The module pyarrow, with its Parquet.

    Raises:
        GoodsightError: it is not installed.

    """
    try:
        import_module("pyarrow.parquet")
        return import_module("pyarrow")
    except ImportError as error:
        raise GoodsightError("to write Parquet, install the extra remote: pip install 'goodsight[remote]'") from error


def text(value: str) -> str:
    r"""A name as Parquet takes it: lone surrogates, which stand for bytes that are no text, as in JSON: ``\udce9``."""
    return value.encode("utf-8", "backslashreplace").decode()


def schema(judges: Sequence[Judge], top: int) -> Any:
    """The columns of :func:`goodsight.report.predictions.record`: probabilities are doubles, all else is text."""
    pa = arrow()
    names = record(BLANK, judges, top)
    return pa.schema([(name, pa.float64() if name.endswith("probability") else pa.string()) for name in names])


def as_bytes(rows: Iterable[Prediction], judges: Sequence[Judge], top: int) -> bytes:
    """A whole file of a few predictions."""
    stream = io.BytesIO()
    columns = schema(judges, top)
    with arrow().parquet.ParquetWriter(stream, columns, compression="zstd") as writer:
        writer.write_table(_table(columns, [record(each, judges, top) for each in rows]))
    return stream.getvalue()


@contextmanager
def file(path: Path, judges: Sequence[Judge], top: int) -> Iterator[Sink]:
    """Write predictions to a file that appears, whole, at the end; a row group is held at a time."""
    columns = schema(judges, top)
    with whole_file(path) as part, arrow().parquet.ParquetWriter(part, columns, compression="zstd") as writer:
        sink = Parquet(writer, columns, judges, top)
        yield sink
        sink.flush()


class Parquet:
    """Takes predictions one by one, and writes them a row group at a time."""

    def __init__(self, writer: Any, columns: Any, judges: Sequence[Judge], top: int) -> None:
        self._writer, self._columns, self._judges, self._top = writer, columns, judges, top
        self._waiting: list[dict[str, Any]] = []

    def write(self, prediction: Prediction) -> None:
        """Take one."""
        self._waiting.append(record(prediction, self._judges, self._top))
        if len(self._waiting) >= ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        if self._waiting:
            self._writer.write_table(_table(self._columns, self._waiting))
            self._waiting.clear()


def _table(columns: Any, records: Sequence[dict[str, Any]]) -> Any:
    said = [{name: text(v) if isinstance(v, str) else v for name, v in each.items()} for each in records]
    return arrow().Table.from_pylist(said, columns)

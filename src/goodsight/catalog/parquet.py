"""A Parquet file becomes rows, a few thousand at a time, so that memory does not grow with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from goodsight.errors import CatalogError, GoodsightError
from goodsight.photos.limits import BadPhoto
from goodsight.photos.places import Source

_ROWS = 4096


def rows(listed: Source, only: Sequence[str] = ()) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each row by its number, from 1, and its values: texts, numbers, truths and lists of them.

    Columns of other kinds (the bytes of pictures, say) are passed over, and not read.

    Args:
        listed: the file.
        only: the columns to read; all where none of them is there.

    Raises:
        CatalogError: what reads Parquet is not installed; it is no Parquet, or damaged; a column is there twice.
        OSError: the file cannot be opened.
        BadPhoto: it lies elsewhere, and cannot be read there.

    """
    if not find_spec("pyarrow"):
        raise CatalogError(f"{listed}: to read Parquet, install the extra remote: pip install 'goodsight[remote]'")
    try:
        opened = import_module("pyarrow.parquet").ParquetFile
        # With its own buffer it would read the columns of all row groups at once.
        with listed.open("rb") as stream, opened(stream, pre_buffer=False) as file:
            _require_columns(listed, file.schema_arrow.names)
            columns = [field.name for field in file.schema_arrow if _plain(field.type)]
            wanted = [name for name in columns if name in only] or columns
            line = 0
            for batch in file.iter_batches(_ROWS, columns=wanted, use_threads=False):
                for values in batch.to_pylist():
                    line += 1
                    yield line, values
    except (GoodsightError, BadPhoto):
        raise
    except Exception as error:  # of damaged bytes pyarrow raises errors of its own, of memory, of text and more
        if isinstance(error, OSError) and error.errno:
            raise
        said = "a text in it is not UTF-8" if isinstance(error, UnicodeError) else str(error) or type(error).__name__
        raise CatalogError(f"{listed}: cannot be read as Parquet: {said.partition(chr(10))[0][:200]}") from None


def _require_columns(listed: Source, names: Sequence[str]) -> None:
    """As of CSV: of two columns with one name the last would be taken, without a word."""
    name, count = next(iter(Counter(names).most_common(1)), ("", 0))
    if count > 1:
        where = ", ".join(str(number) for number, other in enumerate(names, 1) if other == name)
        raise CatalogError(f"{listed}: the column {name!r} is there twice (columns {where}); rename or remove one")


def _plain(kind: Any) -> bool:
    types = import_module("pyarrow").types
    if types.is_dictionary(kind):
        return _plain(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _plain(kind.value_type)
    text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    number = types.is_integer(kind) or types.is_floating(kind)
    return bool(text or number or types.is_boolean(kind) or types.is_null(kind))

"""A row's place, which in most tests is a path."""

from pathlib import Path

from goodsight.catalog.rows import Row


def here(row: Row) -> Path:
    assert isinstance(row.path, Path)
    return row.path

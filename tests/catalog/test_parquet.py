"""A list in Parquet is as one in CSV, whatever else is in it."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from goodsight.catalog import parquet
from goodsight.catalog.labels import Labels
from goodsight.catalog.read import read_catalog, unlabelled
from goodsight.errors import CatalogError
from goodsight.photos import places, remote

pa = pytest.importorskip("pyarrow", reason="needs pyarrow, which is in the extra `remote`")


def _write(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    from pyarrow import parquet as files

    files.write_table(pa.table(columns), path, **options)
    for name in columns.get("file_name", []):
        if "://" not in str(name):
            (path.parent / str(name)).write_bytes(b"photo")
    return path


def test_columns_are_as_in_csv(tmp_path: Path) -> None:
    said = {
        "file_name": pa.array([f"{i}.jpg" for i in range(4)], pa.large_string()),
        "kind": pa.array(["mug", "bag", None, "mug"]).dictionary_encode(),
        "number": [1, 2, 3, 4],
        "tags": [["new"], [], ["new", "red"], ["red"]],
        "split": ["train", "train", "train", "val"],
        "image": pa.array([{"bytes": b"x" * 1000}] * 4),
    }
    path = _write(tmp_path / "list.parquet", said)
    found = read_catalog(path, labels=Labels(label=["kind", "number"], tags="tags"))
    assert [(row.file_name, row.split, *row.labels) for row in found.rows] == [
        ("0.jpg", "train", "mug", "1", "yes", "no"),
        ("1.jpg", "train", "bag", "2", "no", "no"),
        ("2.jpg", "train", "", "3", "yes", "yes"),
        ("3.jpg", "validation", "mug", "4", "no", "yes"),
    ]
    path.rename(tmp_path / "metadata.parquet")
    assert len(read_catalog(tmp_path, labels=Labels(label="kind")).rows) == 3
    assert [row.file_name for row in unlabelled(tmp_path)] == [f"{i}.jpg" for i in range(4)]


def test_only_what_is_needed_is_read_and_some_rows_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec = pytest.importorskip("fsspec", reason="needs fsspec, which is in the extra `remote`")
    monkeypatch.setattr(parquet, "_ROWS", 10)
    monkeypatch.setattr(remote, "PAGE", 512)
    names = [f"s3://bucket/{hashlib.sha256(str(i).encode()).hexdigest()}.jpg" for i in range(2000)]
    columns = {"file_name": names, "label": [name[::-1] for name in names]}
    path = _write(tmp_path / "list.parquet", columns, row_group_size=100)
    fsspec.filesystem("memory").pipe("/parquet/large.parquet", path.read_bytes())
    asked: list[int] = []
    fetch = remote.fetch
    monkeypatch.setattr(remote, "fetch", lambda *given: (asked.append(given[2] - given[1]), fetch(*given))[1])
    rows = parquet.rows(places.of("memory://parquet/large.parquet"), ("file_name",))
    assert next(rows) == (1, {"file_name": names[0]})
    assert sum(asked) < path.stat().st_size / 4
    assert [values["file_name"] for _, values in rows] == names[1:]
    assert sum(asked) < path.stat().st_size * 0.7


def test_a_list_elsewhere_is_read_by_ranges(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec", reason="needs fsspec, which is in the extra `remote`")
    path = _write(tmp_path / "list.parquet", {"file_name": ["a.jpg", "s3://bucket/b.jpg"], "label": ["x", "y"]})
    fsspec.filesystem("memory").pipe("/parquet/list.parquet", path.read_bytes())
    found = read_catalog(places.of("memory://parquet/list.parquet"))
    assert [str(row.path) for row in found.rows] == ["memory://parquet/a.jpg", "s3://bucket/b.jpg"]


def test_what_is_no_parquet_or_lacks_a_column_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(CatalogError, match=r"list\.parquet: cannot be read as Parquet: "):
        list(unlabelled(tmp_path / "list.parquet"))
    path = _write(tmp_path / "list.parquet", {"name": ["a.jpg"], "label": ["x"]})
    with pytest.raises(CatalogError, match="there is no column 'file_name'; the columns are name, label"):
        list(unlabelled(path))
    monkeypatch.setattr(parquet, "find_spec", lambda _: None)
    with pytest.raises(CatalogError, match=r"to read Parquet, .*pip install .goodsight\[remote\]"):
        list(unlabelled(path))

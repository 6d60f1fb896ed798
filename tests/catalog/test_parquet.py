"""A list in Parquet is as one in CSV, whatever else is in it."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from goodsight.catalog import parquet
from goodsight.catalog.labels import Labels
from goodsight.catalog.read import read_catalog, unlabelled
from goodsight.errors import CatalogError, GoodsightError
from goodsight.photos import places, remote

pa = pytest.importorskip("pyarrow", reason="needs pyarrow, which is in the extra `remote`")


def _table(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    from pyarrow import parquet as files

    files.write_table(pa.table(columns), path, **options)
    return path


def _write(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    _table(path, columns, **options)
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

    def told(url: str, start: int, stop: int) -> bytes:
        asked.append(stop - start)
        return fetch(url, start, stop)

    monkeypatch.setattr(remote, "fetch", told)
    rows = parquet.rows(places.of("memory://parquet/large.parquet"), ("file_name",))
    assert next(rows) == (1, {"file_name": names[0]})
    assert sum(asked) < path.stat().st_size / 3
    assert [values["file_name"] for _, values in rows] == names[1:]
    assert sum(asked) < path.stat().st_size * 0.8


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


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    from pyarrow import parquet as files

    path = tmp_path / "list.parquet"
    (tmp_path / "a.jpg").touch()
    for last in ("x", b"bytes"):
        table = pa.Table.from_arrays([pa.array(["a.jpg"]), pa.array(["y"]), pa.array([last])], ["file_name", "l", "l"])
        files.write_table(table, path)
        with pytest.raises(
            CatalogError, match=r"list\.parquet: the column 'l' is there twice \(columns 2, 3\); rename"
        ):
            read_catalog(path, labels=Labels(label="l"))


def test_text_that_is_not_utf_8_says_so(tmp_path: Path) -> None:
    bad = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\3\0\0\0"), pa.py_buffer(b"\xff\xfeA")])
    for columns in ({"file_name": bad}, {"file_name": ["a.jpg"], "label": bad}):
        (tmp_path / "a.jpg").touch()
        _table(tmp_path / "list.parquet", columns)
        with pytest.raises(CatalogError, match=r"list\.parquet: cannot be read as Parquet: a text in it is not UTF-8"):
            read_catalog(tmp_path / "list.parquet", labels=Labels(label=list(columns)[-1]))


@pytest.mark.parametrize("compression", ["none", "snappy"])
def test_of_a_damaged_file_only_named_errors_come(compression: str, tmp_path: Path) -> None:
    random, path = np.random.default_rng(1), tmp_path / "list.parquet"
    names = [f"s3://bucket/ü{i}.jpg" for i in range(20)]
    columns = {
        "file_name": names,
        "label": pa.array(["mug", "bag"] * 10).dictionary_encode(),
        "tags": [["new"], []] * 10,
    }
    sound = _table(path, columns, compression=compression).read_bytes()
    outcomes = Counter[str]()
    for _ in range(300):
        wrong = bytearray(sound)
        for _ in range(random.integers(1, 5)):
            wrong[random.integers(4, len(wrong) - 8)] = random.integers(256)
        path.write_bytes(wrong)
        try:
            outcomes["read"] += bool(list(unlabelled(path)))
            read_catalog(path)
        except GoodsightError as error:
            outcomes[type(error).__name__] += 1
    assert outcomes["read"] > 20
    assert outcomes["CatalogError"] > 20

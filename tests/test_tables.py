"""Every CSV: no cell is a formula, any name can be written, and what was written comes back."""

import csv
import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import goodsight
from goodsight.files import cell, read_records, read_table, shortened, table_line, uncell, whole_file, write_table

_PIECES = [
    "'",
    "=",
    "+",
    "-",
    "@",
    "a",
    "\\",
    "u",
    "dce9",
    "\udce9",
    "\ud800",
    "\t",
    " ",
    "\u200b",
    "\r",
    "\n",
    '"',
    ",",
]
_TEXTS = st.lists(st.sampled_from([*_PIECES, "\uff1d", "\ufeff", "\u0338", "é"]), max_size=8).map("".join)


@given(_TEXTS)
def test_a_cell_is_no_formula_and_comes_back(text: str) -> None:
    said = cell(text)
    said.encode()
    assert not said.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert uncell(said) == text


@given(st.lists(st.tuples(_TEXTS, _TEXTS, _TEXTS), max_size=4))
def test_any_reader_of_csv_reads_the_cells(rows: list[tuple[str, str, str]]) -> None:
    text = "".join(map(table_line, rows))
    for options in ({}, {"strict": True, "skipinitialspace": True}):
        found = list(csv.reader(io.StringIO(text, newline=""), **options))  # type: ignore[arg-type]
        assert [tuple(map(uncell, row)) for row in found] == rows


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("=1+1", "'=1+1"),
        ("  =1", "'  =1"),
        ("\u200b@SUM(A1)", "'\u200b@SUM(A1)"),
        ("\uff1d1", "'\uff1d1"),
        ("=\u0338", "'=\u0338"),
        ("-1", "'-1"),
        ("\tname", "'\tname"),
        ("'=1", "''=1"),
        ("'tis", "'tis"),
        ("a=b", "a=b"),
        ("", ""),
        (None, ""),
        (-0.5, "-0.5"),
        (np.int64(-3), "-3"),
        (Path("=a"), "'=a"),
        ("sac \udce9", "sac \\udce9"),
        ("\\udce9", "\\\\udce9"),
        ("C:\\users\\data", "C:\\users\\data"),
    ],
)
def test_what_a_cell_says(value: object, said: str) -> None:
    assert cell(value) == said


def test_ragged_rows_and_others_files(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\r\n1\r\n\r\n1,2,3\r\n\xe9,'=x\r\n")
    assert list(read_records(path)) == [
        (2, {"a": "1", "b": ""}),
        (4, {"a": "1", "b": "2"}),
        (5, {"a": "\udce9", "b": "=x"}),
    ]
    with pytest.raises(UnicodeDecodeError):
        list(read_table(path, errors="strict"))
    path.write_bytes(b"")
    assert list(read_records(path)) == []


def test_nothing_else_writes_a_csv() -> None:
    root = Path(goodsight.__file__).parent
    writers = [
        path.name
        for path in root.rglob("*.py")
        if "csv.writer(" in path.read_text() or "DictWriter" in path.read_text()
    ]
    assert writers == []


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "\U0001f600" * 63, "\udce9" * 255])
def test_a_name_of_255_bytes_is_written_whole(name: str, tmp_path: Path) -> None:
    with whole_file(tmp_path / name) as part:
        write_table(part, [["a"]])
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(os.fsencode(shortened(name + "y" * 20))) <= 255

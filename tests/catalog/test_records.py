"""Lists as people and programs write them: read rightly, or refused with line and column."""

import codecs
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodsight.catalog.records import LINE_BYTES, Record, records
from goodsight.errors import CatalogError
from goodsight.files import uncell

HEADER = ("file_name", "label", "tags")
ROWS = (("a.jpg", "bag", "new"), ("b.jpg", "mug, blue", ""), ("c;d.jpg", "tea\tpot", 'so "good"'))


def _write(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def _csv(separator: str, rows: Any = (HEADER, *ROWS), blank: str = "") -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=separator).writerows(rows)
    return stream.getvalue().replace(separator, separator + blank) if blank else stream.getvalue()


def _values(path: Path) -> list[tuple[str, ...]]:
    return [tuple(record.text(column) for column in HEADER) for record in records(path)]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
    ],
)
def test_every_separator_and_encoding_gives_the_same(
    separator: str, encoding: str, mark: bytes, tmp_path: Path
) -> None:
    path = _write(tmp_path / "list.csv", mark + _csv(separator).encode(encoding))
    assert _values(path) == list(ROWS)


def test_the_separator_may_be_named_and_blanks_after_it_do_not_count(tmp_path: Path) -> None:
    path = _write(tmp_path / "named.csv", "sep=;\n" + _csv(";"))
    assert _values(path) == list(ROWS)
    plain = (HEADER, ("a.jpg", "bag", "new"))
    assert _values(_write(tmp_path / "blanks.csv", _csv(",", plain, blank=" "))) == [("a.jpg", "bag", "new")]


def test_short_rows_end_in_nothing_and_empty_lines_are_none(tmp_path: Path) -> None:
    path = _write(tmp_path / "list.csv", "file_name,label,tags\na.jpg\n\n,,\nb.jpg,mug\n")
    assert _values(path) == [("a.jpg", "", ""), ("b.jpg", "mug", "")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file_name,label,label\na.jpg,bag,x\n", "'label' is there twice (columns 2, 3)"),
        ("file_name, label,label \na.jpg,bag,x\n", "'label' is there twice"),
        ("file_name,label\na.jpg,bag, blue\n", "line 2: the cell 'blue' stands in column 3, which has no name"),
        ("file_name,,label\na.jpg,lost,bag\n", "line 2: the cell 'lost' stands in column 2"),
        ('file_name,label\na.jpg,"bag\n', "after line 1: cannot be read as a row"),
        ('file_name,label\na.jpg,"bag"x\n', "after line 1: cannot be read as a row"),
    ],
)
def test_what_would_be_lost_is_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as error:
        list(records(_write(tmp_path / "list.csv", text)))
    assert said in str(error.value)


def test_another_encoding_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = _write(tmp_path / "list.csv", b"file_name,label\na.jpg,caf\xe9\n")
    with pytest.raises(CatalogError, match="is not UTF-8 text; save it as 'CSV UTF-8'"):
        list(records(path))
    (row,) = records(path, table=True)
    assert row.values["label"].encode("utf-8", "surrogateescape") == b"caf\xe9"


def _json(tmp_path: Path, **values: Any) -> Record:
    (record,) = records(_write(tmp_path / "list.jsonl", json.dumps({"file_name": "a.jpg", **values})))
    return record


@pytest.mark.parametrize("value", [None, float("nan"), "", "  "])
def test_null_and_not_a_number_are_no_label(value: Any, tmp_path: Path) -> None:
    assert _json(tmp_path, label=value).label("label") == ""


@pytest.mark.parametrize("value", [["denim"], {"a": 1}, True, [], '["denim"]', "['a', 'b']"])
def test_what_is_no_text_is_no_label(value: Any, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"list.jsonl: line 1: column 'label' is "):
        _json(tmp_path, label=value).label("label")


def test_a_number_is_a_label_as_it_is_written(tmp_path: Path) -> None:
    assert _json(tmp_path, label=7).label("label") == "7"


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (["denim", "long sleeve"], ("denim", "long sleeve")),
        ('["denim", "long sleeve"]', ("denim", "long sleeve")),
        ("['denim', 'new']", ("denim", "new")),
        ("denim;new", ("denim", "new")),
        ("denim | new", ("denim", "new")),
        ("denim, new leather", ("denim", "new", "leather")),
        ([1, 2], ("1", "2")),
        (None, ()),
        ([], ()),
    ],
)
def test_tags_in_every_form(value: Any, tags: tuple[str, ...], tmp_path: Path) -> None:
    assert _json(tmp_path, tags=value).tags("tags") == tags


@pytest.mark.parametrize("value", [[["denim"]], [True], "[denim", "{denim}", '["a"', [{"name": "a"}]])
def test_tags_that_cannot_be_told_apart_are_refused(value: Any, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="column 'tags'"):
        _json(tmp_path, tags=value).tags("tags")


def test_boxes_may_be_lists(tmp_path: Path) -> None:
    assert _json(tmp_path, boxes=[[1, 2, 3, 4], [5, 6, 7, 8]]).boxes("boxes") == "1 2 3 4;5 6 7 8"
    assert _json(tmp_path, boxes=[1, 2, 3, 4]).boxes("boxes") == "1 2 3 4"
    assert _json(tmp_path, boxes="1 2 3 4").boxes("boxes") == "1 2 3 4"


def test_a_key_twice_and_a_line_without_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="line 1 has the key 'label' twice"):
        list(records(_write(tmp_path / "twice.jsonl", '{"file_name": "a", "label": "b", "label": "c"}')))
    with pytest.raises(CatalogError, match="line 1 is over 1 MiB"):
        list(records(_write(tmp_path / "long.jsonl", b" " * (LINE_BYTES + 1))))


_TEXT = st.text(alphabet=st.sampled_from("ab,;|\t\"'=\\ é\n\r[]{}\0"), max_size=12)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    table=st.lists(st.tuples(_TEXT, _TEXT, _TEXT), max_size=5),
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_a_writer_wrote_comes_back_or_is_refused(
    table: list[tuple[str, str, str]], separator: str, encoding: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("list") / "list.csv"
    _write(path, _csv(separator, (HEADER, *table)).encode(encoding))
    try:
        found = _values(path)
    except CatalogError:
        return
    # A blank line is no row, whatever a writer meant by it. An apostrophe before a formula is not part of the text.
    expected = [tuple(uncell(cell).strip() for cell in row) for row in table if any(row)]
    assert [tuple(" ".join(c.split()) for c in row) for row in found] == [
        tuple(" ".join(c.split()) for c in row) for row in expected
    ]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.binary(max_size=200), name=st.sampled_from(["list.csv", "list.jsonl"]))
def test_any_bytes_are_rows_or_an_error_of_ours(
    data: bytes, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = _write(tmp_path_factory.mktemp("list") / name, data)
    try:
        for record in records(path):
            for column in list(record.values):
                record.label(column)
                record.tags(column)
    except CatalogError as error:
        said = str(error)
        if str(path) not in said:
            pytest.fail(f"the file is not named: {said}")


def test_lines_are_counted_from_the_first_of_the_file(tmp_path: Path) -> None:
    path = _write(tmp_path / "named.csv", "sep=;\nfile_name;label\na.jpg;bag\n")
    assert [record.line for record in records(path, "file_name")] == [3]

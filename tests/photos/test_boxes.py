from pathlib import Path

import pytest

from goodsight.catalog.read import read_catalog
from goodsight.errors import CatalogError
from goodsight.photos import boxes


def test_boxes_are_read() -> None:
    assert boxes.parse("1 2 30 40.5; 5 6 7 8;", "x") == ((1, 2, 30, 40.5), (5, 6, 7, 8))
    assert boxes.parse("  ", "x") == ()


def test_a_box_without_area_says_nothing() -> None:
    assert boxes.parse("3 176 3 176;0 0 2 2", "x") == ((0, 0, 2, 2),)


@pytest.mark.parametrize(
    "text", ["1 2 3", "1 2 3 4 5", "a b c d", "1,2,3,4", "9 2 3 4", "-1 0 3 4", "0 0 nan 4", "1_0 2 30 40"]
)
def test_a_malformed_box_is_refused_with_its_file_and_row(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    listed = tmp_path / "metadata.csv"
    listed.write_text(f'file_name,label,boxes\na.jpg,cup,"{text}"\n')
    with pytest.raises(
        CatalogError, match=r"metadata\.csv: line 2 has the box .* write `x0 y0 x1 y1` in pixels"
    ) as told:
        read_catalog(tmp_path, boxes=True)
    assert repr(text) in str(told.value)


def test_the_boxes_of_a_list_are_in_its_rows(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "metadata.csv").write_text("file_name,label,boxes\na.jpg,cup,1 2 3 4\nb.jpg,cup,\n")
    assert [row.boxes for row in read_catalog(tmp_path, boxes=True).rows] == [((1.0, 2.0, 3.0, 4.0),), ()]


def test_a_row_for_each_box_of_a_photo(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "metadata.csv").write_text(
        "file_name,label,boxes\na.jpg,cup,1 2 3 4\na.jpg,cup,5 6 7 8\na.jpg,cup,1 2 3 4\na.jpg,cup,\n"
    )
    (row,) = read_catalog(tmp_path, boxes=True).rows
    assert row.boxes == ((1, 2, 3, 4), (5, 6, 7, 8))


def test_boxes_of_another_form_are_not_read_where_nothing_learns_from_them(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.jpg", "label": "cup", "boxes": [[1, 2, 3, 4]]}\n')
    assert [row.boxes for row in read_catalog(tmp_path).rows] == [()]

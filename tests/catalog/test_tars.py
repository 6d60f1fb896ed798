"""A tar of photos with what is said of them beside each, as WebDataset writes it, becomes labelled rows."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from goodsight.catalog.labels import Labels
from goodsight.catalog.read import read_catalog, unlabelled
from goodsight.errors import CatalogError


def _tar(path: Path, members: Mapping[str, object]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, said in members.items():
            data = said if isinstance(said, bytes) else json.dumps(said).encode() if said is not None else b"photo"
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def _rows(path: Path, labels: Labels | None = None) -> list[tuple[str, ...]]:
    return [(row.file_name, *row.labels) for row in read_catalog(path, labels=labels or Labels()).rows]


def test_the_label_is_beside_the_photo_or_the_folder(tmp_path: Path) -> None:
    members = {
        "0001.jpg": None,
        "0001.cls": b"mug\n",
        "0002.PNG": None,
        "0002.txt": b"tasse",
        "0003.json": {"label": "bag", "other": 3},
        "0003.webp": None,
        "shoe/0004.jpg": None,
        "0005.jpg": None,
        "0006.cls": b"alone",
    }
    found = read_catalog(_tar(tmp_path / "x.tar", members))
    labels = [(row.file_name, *row.labels) for row in found.rows]
    assert labels == [("0001.jpg", "mug"), ("0002.PNG", "tasse"), ("0003.webp", "bag"), ("shoe/0004.jpg", "shoe")]
    assert found.left_out == (("0005.jpg", "no label"),)
    assert [row.file_name for row in unlabelled(tmp_path / "x.tar")] == [
        "0001.jpg",
        "0002.PNG",
        "0003.webp",
        "shoe/0004.jpg",
        "0005.jpg",
    ]


def test_what_says_a_label_may_come_before_or_long_after(tmp_path: Path) -> None:
    photos: dict[str, object] = {f"{i}.jpg": None for i in range(3)}
    labels: dict[str, object] = {f"{i}.cls": str(i % 2).encode() for i in range(3)}
    expected = [("0.jpg", "0"), ("1.jpg", "1"), ("2.jpg", "0")]
    assert _rows(_tar(tmp_path / "after.tar", photos | labels)) == expected
    assert sorted(_rows(_tar(tmp_path / "before.tar", labels | photos))) == expected


def test_of_several_files_the_plain_one_is_the_photo(tmp_path: Path) -> None:
    members = {"a.seg.png": None, "a.jpg": None, "a.cls": b"x", "b.image.jpg": None, "b.cls": b"y"}
    dotted = {"c/v1.0.jpg": None, "c/v1.1.jpg": None, "c/._v1.jpg": None, "c/notes.md": None}
    assert _rows(_tar(tmp_path / "x.tar", members | dotted)) == [
        ("a.jpg", "x"),
        ("b.image.jpg", "y"),
        ("c/v1.0.jpg", "c"),
        ("c/v1.1.jpg", "c"),
    ]


def test_json_has_the_columns_of_a_list(tmp_path: Path) -> None:
    said = {"colour": "red", "type": "mug", "tags": ["new"], "split": "train", "shop": "s1"}
    members = {"1.jpg": None, "1.json": said, "2.jpg": None, "2.json": said | {"colour": "blue", "split": "test"}}
    found = read_catalog(
        _tar(tmp_path / "x.tar", members), labels=Labels(label=["colour", "type"], tags="tags", group="shop")
    )
    assert [(row.labels, row.split, row.group) for row in found.rows] == [
        (("red", "mug", "yes"), "train", "s1"),
        (("blue", "mug", "yes"), "test", "s1"),
    ]


def test_folders_of_splits_and_of_attributes_are_read(tmp_path: Path) -> None:
    members = {"train/red_mug/1.jpg": None, "test/blue_mug/2.jpg": None}
    found = read_catalog(_tar(tmp_path / "x.tar", members), labels=Labels(attributes=["colour", "type"]))
    assert [(row.labels, row.split) for row in found.rows] == [(("red", "mug"), "train"), (("blue", "mug"), "test")]


def test_a_folder_of_tars_is_one_set_of_photos(tmp_path: Path) -> None:
    for number in range(2):
        _tar(tmp_path / f"{number}.tar", {"1.jpg": None, "1.cls": f"c{number}".encode()})
    (tmp_path / "readme.md").write_text("what this is", encoding="utf-8")
    found = read_catalog(tmp_path)
    assert [(row.file_name, *row.labels) for row in found.rows] == [("0.tar/1.jpg", "c0"), ("1.tar/1.jpg", "c1")]
    assert found.left_out == (("readme.md", "lies beside tars"),)
    assert [row.file_name for row in unlabelled(tmp_path)] == ["0.tar/1.jpg", "1.tar/1.jpg", "readme.md"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"1.json": b"{"}, r"x\.tar: 1\.json: cannot be read as json: write UTF-8 text"),
        ({"1.json": [1]}, r"1\.json: is no JSON object; write one with the columns of a list"),
        ({"1.cls": b"\xff\xfe\x00"}, r"1\.cls: cannot be read as cls"),
        ({"1.cls": b"x" * 70_000}, r"1\.cls: is over 64 KiB, which is no label; leave it out"),
        ({"1.json": {"label": ["a", "b"]}}, r"x\.tar: line 1: column 'label' is .*a list; give one label"),
        ({}, "no photos with a label"),
    ],
)
def test_what_is_no_label_says_so(said: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=message):
        read_catalog(_tar(tmp_path / "x.tar", {"1.jpg": None} | said))

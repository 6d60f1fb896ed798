"""Folders as people have them: the classes are right, or the error says what was seen and what to do."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

from goodsight import Labels
from goodsight.catalog.read import is_unsorted, read_catalog, read_unsorted, unlabelled
from goodsight.catalog.rows import Catalog
from goodsight.catalog.splits import split_of
from goodsight.errors import CatalogError

SPLIT_NAMES = {
    "train": "train",
    "Train_Set": "train",
    "training data": "train",
    "train2017": "train",
    "images_train": "train",
    "val": "validation",
    "valid": "validation",
    "images-val2017": "validation",
    "eval": "validation",
    "evaluation": "validation",
    "TestImages": "test",
    "test": "test",
    "bag": "",
    "trains": "",
    "testbag": "",
    "dataset": "",
    "X_train": "",
    "train_val": "",
}


def _lay(root: Path, *files: str) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def _classes(catalog: Catalog) -> tuple[str, ...]:
    return catalog.classes(0)


def _photos(*folders: str) -> list[str]:
    return [f"{folder}/{kind}/{number}.jpg" for folder in folders for kind in ("bag", "mug") for number in (1, 2)]


@pytest.mark.parametrize(("name", "split"), SPLIT_NAMES.items())
def test_names_of_splits(name: str, split: str) -> None:
    assert split_of(name) == split


@pytest.mark.parametrize("pair", [("train", "val"), ("train_set", "val_set"), ("Training", "eval"), ("train", "test")])
@pytest.mark.parametrize("beside", ["", "__MACOSX/train/bag/._1.jpg", "unlabelled/1.jpg", "readme.txt", "x/y/1.jpg"])
def test_splits_with_something_beside(pair: Sequence[str], beside: str, tmp_path: Path) -> None:
    root = _lay(tmp_path, *_photos(*pair), *([beside] if beside else []))
    found = read_catalog(root)
    assert _classes(found) == ("bag", "mug")
    assert {row.split for row in found.rows} == {split_of(name) for name in pair}
    hidden = not beside or "/._" in beside
    assert [name for name, _ in found.left_out] == ([] if hidden else [beside])


@pytest.mark.parametrize("debris", ["__MACOSX/bag/1.jpg", "@eaDir/1.jpg", "lost+found/1.jpg"])
def test_what_a_system_left_behind_is_no_class(debris: str, tmp_path: Path) -> None:
    found = read_catalog(_lay(tmp_path, "bag/1.jpg", "mug/1.jpg", debris))
    assert _classes(found) == ("bag", "mug")
    assert found.left_out == ((debris, "lies in a folder that a system left behind"),)


def test_splits_in_each_class(tmp_path: Path) -> None:
    found = read_catalog(_lay(tmp_path, "bag/train/1.jpg", "bag/test/2.jpg", "mug/train/1.jpg", "mug/test/2.jpg"))
    assert _classes(found) == ("bag", "mug")
    assert {(row.labels[0], row.split) for row in found.rows} == {
        ("bag", "train"),
        ("bag", "test"),
        ("mug", "train"),
        ("mug", "test"),
    }


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["bag/1.jpg", "mug/1.jpg", "test/bag/1.jpg"], "'test' is the name of a split, and lies beside"),
        (["bag/1.jpg", "mug/1.jpg", "test/1.jpg"], "'test' is the name of a split, and lies beside"),
        (["car/1.jpg", "train/1.jpg"], "give it another name"),
        (["train/1.jpg", "val/1.jpg"], "called like splits, but without class folders"),
        (["photos/bag/1.jpg", "photos/mug/1.jpg"], "its photos lie deeper; give"),
        (["dataset/train/bag/1.jpg", "dataset/val/bag/1.jpg"], "its photos lie deeper; give"),
        (["1.jpg", "2.jpg"], "no photos in class folders"),
        (["bag/train/1.jpg", "bag/test/2.jpg", "mug/3.jpg"], "mug/ has photos and no splits; put them into mug/train"),
    ],
)
def test_a_doubtful_form_is_refused(files: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as error:
        read_catalog(_lay(tmp_path, *files))
    assert said in str(error.value)


def test_splits_without_training_photos(tmp_path: Path) -> None:
    root = _lay(tmp_path, *_photos("valid", "test"))
    with pytest.raises(CatalogError, match="of the splits test, validation and none of train"):
        read_catalog(root)
    found = read_catalog(root, ignore_split=True)
    assert (_classes(found), len(found.rows)) == (("bag", "mug"), 8)


def test_an_empty_class_folder_is_told(tmp_path: Path) -> None:
    root = _lay(tmp_path, "bag/1.jpg", "mug/1.jpg")
    (root / "watch").mkdir()
    assert read_catalog(root).notes == (("watch/", "a class folder without photos"),)


def test_photos_without_folders_are_read_where_no_label_is_needed(tmp_path: Path) -> None:
    root = _lay(tmp_path, "1.jpg", "2.jpg")
    assert is_unsorted(root)
    assert [row.labels for row in read_unsorted(root).rows] == [("",), ("",)]
    assert not is_unsorted(_lay(tmp_path, "bag/1.jpg"))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_one_name_in_two_ways_is_one_class(form: Literal["NFC", "NFD"], tmp_path: Path) -> None:
    composed, other = unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "café")
    root = _lay(tmp_path, f"{composed}/1.jpg", f"{other}/2.jpg", "mug/1.jpg")
    assert _classes(read_catalog(root)) == (composed, "mug")
    named = unicodedata.normalize(form, "café.jpg")
    lists = _lay(tmp_path / "list", unicodedata.normalize("NFD" if form == "NFC" else "NFC", "café.jpg"), "mug.jpg")
    (lists / "metadata.csv").write_text(f"file_name,label\n{named},{other}\nmug.jpg,mug\n", encoding="utf-8")
    found = read_catalog(lists)
    assert (_classes(found), found.left_out) == ((composed, "mug"), ())


@pytest.mark.parametrize(("one", "two"), [("Mug", "mug"), ("tea pot", "tea  pot"), ("ÉTÉ", "été")])
def test_labels_that_differ_in_case_or_blanks_are_refused(one: str, two: str, tmp_path: Path) -> None:
    root = _lay(tmp_path, f"{one}/1.jpg", f"{two}/2.jpg", "bag/1.jpg")
    with pytest.raises(CatalogError, match="differ only in case or blanks"):
        read_catalog(root)


def test_a_list_in_each_split_folder(tmp_path: Path) -> None:
    root = _lay(tmp_path, "train/1.jpg", "train/2.jpg", "train/more.jpg", "test/1.jpg", "notes.txt")
    (root / "train" / "metadata.csv").write_text("file_name,label\n1.jpg,bag\n2.jpg,mug\n")
    (root / "test" / "metadata.jsonl").write_text('{"file_name": "1.jpg", "label": "bag"}\n')
    found = read_catalog(root)
    assert [(row.file_name, row.labels, row.split) for row in found.rows] == [
        ("test/1.jpg", ("bag",), "test"),
        ("train/1.jpg", ("bag",), "train"),
        ("train/2.jpg", ("mug",), "train"),
    ]
    assert dict(found.left_out) == {"train/more.jpg": "is not in metadata.csv", "notes.txt": "lies beside the splits"}
    (root / "test" / "metadata.jsonl").unlink()
    with pytest.raises(CatalogError, match=r"there is train/metadata\.csv, and no list in test/"):
        read_catalog(root)


def test_what_a_list_lacks_is_named_and_classified(tmp_path: Path) -> None:
    root = _lay(tmp_path, "1.jpg", "2.jpg", "deep/3.jpg")
    (root / "metadata.csv").write_text("file_name,label\n1.jpg,bag\n2.jpg,mug\n")
    assert read_catalog(root).left_out == (("deep/3.jpg", "is not in metadata.csv"),)
    assert read_catalog(root / "metadata.csv").left_out == ()
    assert [row.file_name for row in unlabelled(root)] == ["1.jpg", "2.jpg", "deep/3.jpg"]


def test_somebody_elses_list_is_passed_over(tmp_path: Path) -> None:
    root = _lay(tmp_path, "bag/1.jpg", "mug/1.jpg")
    (root / "metadata.csv").write_text("sku,price\n1,2\n")
    found = read_catalog(root)
    assert _classes(found) == ("bag", "mug")
    assert found.left_out == (("metadata.csv", "has no column file_name, so it is passed over"),)
    assert [row.file_name for row in unlabelled(root)] == ["bag/1.jpg", "mug/1.jpg"]


def test_labels_of_programs_that_mean_none_are_told(tmp_path: Path) -> None:
    root = _lay(tmp_path, "1.jpg", "2.jpg", "3.jpg")
    (root / "metadata.csv").write_text("file_name,label\n1.jpg,nan\n2.jpg,mug\n3.jpg,nan\n")
    ((name, said),) = read_catalog(root).notes
    assert name == "label 'nan'"
    assert said.startswith("is taken for a class of 2 photos")


def test_attributes_in_folders_of_splits(tmp_path: Path) -> None:
    root = _lay(tmp_path, "train/red_bag/1.jpg", "train/blue_mug/1.jpg", "val/red_mug/1.jpg")
    found = read_catalog(root, labels=Labels(attributes=["colour", "type"]))
    assert (found.classes(0), found.classes(1)) == (("blue", "red"), ("bag", "mug"))


def test_groups_are_folders_below_the_class_or_a_column(tmp_path: Path) -> None:
    root = _lay(tmp_path / "a", "bag/anna/1.jpg", "bag/2.jpg", "mug/anna/1.jpg")
    found = read_catalog(root, labels=Labels(group="folder"))
    assert {row.file_name: row.group for row in found.rows} == {
        "bag/anna/1.jpg": "bag/anna",
        "bag/2.jpg": "",
        "mug/anna/1.jpg": "mug/anna",
    }
    with pytest.raises(CatalogError, match="`group` seller is a column of a list"):
        read_catalog(root, labels=Labels(group="seller"))
    lists = _lay(tmp_path / "b", "x/1.jpg", "2.jpg")
    (lists / "metadata.csv").write_text("file_name,label,seller\nx/1.jpg,bag, anna \n2.jpg,mug,\n")
    assert [row.group for row in read_catalog(lists, labels=Labels(group="seller")).rows] == ["anna", ""]
    assert [row.group for row in read_catalog(lists, labels=Labels(group="folder")).rows] == ["x", ""]
    with pytest.raises(CatalogError, match="there is no column 'sender'"):
        read_catalog(lists, labels=Labels(group="sender"))


def test_groups_of_one_class_are_read(tmp_path: Path) -> None:
    root = _lay(tmp_path, "bag/anna/1.jpg", "bag/ben/2.jpg")
    assert [row.group for row in read_catalog(root, labels=Labels(group="folder")).rows] == ["bag/anna", "bag/ben"]


def test_groups_that_are_nowhere_or_two_are_refused(tmp_path: Path) -> None:
    root = _lay(tmp_path / "a", "bag/1.jpg", "mug/2.jpg")
    with pytest.raises(CatalogError, match="`group` folder: no photo lies in a folder below its class"):
        read_catalog(root, labels=Labels(group="folder"))
    lists = _lay(tmp_path / "b", "1.jpg")
    (lists / "metadata.csv").write_text("file_name,label,seller\n1.jpg,bag,\n")
    with pytest.raises(CatalogError, match="`group` seller: the column is empty"):
        read_catalog(lists, labels=Labels(group="seller"))
    (lists / "metadata.csv").write_text("file_name,label,seller\n1.jpg,bag,anna\n1.jpg,bag,ben\n")
    with pytest.raises(CatalogError, match=r"1\.jpg is listed in the groups 'anna' and 'ben'"):
        read_catalog(lists, labels=Labels(group="seller"))

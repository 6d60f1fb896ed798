"""The three forms are read, and each mistake is named with what to do."""

import json
from pathlib import Path

import pytest

from goodsight import catalog
from goodsight.errors import CatalogError


def _fill(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"photo")
    return root


def _listed(root: Path, text: str, name: str = "metadata.csv") -> Path:
    _fill(root, "a.jpg", "b.jpg", "c.jpg")
    (root / name).write_text(text, encoding="utf-8-sig")
    return root


def test_folder_per_class(tmp_path: Path) -> None:
    found = catalog.load(_fill(tmp_path, "phone/1.jpg", "phone/deep/2.jpg", "laptop/3.jpg", "loose.jpg"))
    assert [(r.file_name, r.label) for r in found.rows] == [
        ("laptop/3.jpg", "laptop"),
        ("phone/1.jpg", "phone"),
        ("phone/deep/2.jpg", "phone"),
    ]
    assert found.classes == ("laptop", "phone")
    assert found.left_out == (("loose.jpg", "lies in no class folder"),)


def test_split_folders_with_other_names(tmp_path: Path) -> None:
    found = catalog.load(_fill(tmp_path, "Training/a/1.jpg", "val/a/2.jpg", "testing/b/3.jpg"))
    assert {(r.label, r.split) for r in found.rows} == {("a", "train"), ("a", "validation"), ("b", "test")}
    assert not catalog.load(tmp_path, ignore_split=True).has_split


def test_csv_with_split_and_another_label(tmp_path: Path) -> None:
    root = _listed(tmp_path, "file_name,kind,split\na.jpg,ü,train\n./b.jpg,y,val\nc.jpg,y,\n")
    found = catalog.load(root, columns=catalog.Columns(("kind",)))
    rows = [(r.file_name, r.label, r.split) for r in found.rows]
    assert rows == [("a.jpg", "ü", "train"), ("b.jpg", "y", "validation")]
    assert found.left_out == (("c.jpg", "no split given"),)


def test_json_lines(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"file_name": f, "label": i}) for i, f in enumerate(["a.jpg", "b.jpg"]))
    root = _listed(tmp_path, lines, "metadata.jsonl")
    assert [r.label for r in catalog.load(root).rows] == ["0", "1"]
    assert len(catalog.load(root / "metadata.jsonl").rows) == 2


def test_twice_with_one_label_counts_once(tmp_path: Path) -> None:
    assert len(catalog.load(_listed(tmp_path, "file_name,label\na.jpg,x\na.jpg,x\nb.jpg,\n")).rows) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file_name,lable\na.jpg,x\n", r"no column 'label'; the columns are file_name, lable\. Did you mean 'lable'\?"),
        ("name,label\na.jpg,x\n", "no column 'file_name'; the columns are name, label"),
        ("file_name,label\na.jpg,x\na.jpg,y\n", "a.jpg is listed as 'x' and as 'y'"),
        ("file_name,label\na.jpg,x\nno.jpg,y\n", r"1 rows without a file \(row 3: no.jpg\)"),
        ("file_name,label\n,x\n", "row 2 has an empty file_name"),
        ("file_name,label,split\na.jpg,x,tran\n", r"row 2 has the split 'tran'.*Did you mean 'train'\?"),
        ("file_name,label\n", "no photos with a label"),
    ],
)
def test_mistakes_in_a_list(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=message):
        catalog.load(_listed(tmp_path, text))


def test_mistakes_in_folders(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no such folder"):
        catalog.load(tmp_path / "gone")
    with pytest.raises(CatalogError, match="no photos in class folders"):
        catalog.load(_fill(tmp_path, "loose.jpg"))
    with pytest.raises(CatalogError, match=r"one class only \('a'\)"):
        catalog.require_classes(catalog.load(_fill(tmp_path, "a/1.jpg")))


def test_unlabelled_takes_photo_folder_and_list(tmp_path: Path) -> None:
    root = _fill(tmp_path, "x/1.jpg", "2.jpg")
    assert [r.file_name for r in catalog.unlabelled(root)] == ["2.jpg", "x/1.jpg"]
    assert [r.file_name for r in catalog.unlabelled(root / "2.jpg")] == ["2.jpg"]
    (root / "list.csv").write_text("file_name\nx/1.jpg\n")
    assert [r.path for r in catalog.unlabelled(root / "list.csv")] == [root / "x/1.jpg"]
    with pytest.raises(CatalogError, match="no such photo, folder or list"):
        list(catalog.unlabelled(root / "gone"))


def test_a_backslash_may_be_part_of_a_name(tmp_path: Path) -> None:
    root = _fill(tmp_path, "od\\d.jpg", "in/side.jpg")
    (root / "metadata.csv").write_text("file_name,label\nod\\d.jpg,x\nin\\side.jpg,y\n")
    assert [r.file_name for r in catalog.load(root).rows] == ["od\\d.jpg", "in/side.jpg"]

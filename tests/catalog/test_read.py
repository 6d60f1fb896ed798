"""The three forms are read, and each mistake is named with what to do."""

import json
from pathlib import Path

import pytest

from goodsight.catalog import trainable
from goodsight.catalog.labels import Labels
from goodsight.catalog.read import read_catalog, unlabelled
from goodsight.catalog.rows import Catalog, in_words
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
    found = read_catalog(_fill(tmp_path, "phone/1.jpg", "phone/deep/2.jpg", "laptop/3.jpg", "loose.jpg"))
    assert [(r.file_name, *r.labels) for r in found.rows] == [
        ("laptop/3.jpg", "laptop"),
        ("phone/1.jpg", "phone"),
        ("phone/deep/2.jpg", "phone"),
    ]
    assert found.classes(0) == ("laptop", "phone")
    assert found.left_out == (("loose.jpg", "lies in no class folder"),)


def test_split_folders_with_other_names(tmp_path: Path) -> None:
    found = read_catalog(_fill(tmp_path, "Training/a/1.jpg", "val/a/2.jpg", "testing/b/3.jpg"))
    assert {(*r.labels, r.split) for r in found.rows} == {("a", "train"), ("a", "validation"), ("b", "test")}
    assert not read_catalog(tmp_path, ignore_split=True).has_split


def test_csv_with_split_and_another_label(tmp_path: Path) -> None:
    root = _listed(tmp_path, "file_name,kind,split\na.jpg,ü,train\n./b.jpg,y,val\nc.jpg,y,\n")
    found = read_catalog(root, labels=Labels(label="kind"))
    rows = [(r.file_name, *r.labels, r.split) for r in found.rows]
    assert rows == [("a.jpg", "ü", "train"), ("b.jpg", "y", "validation")]
    assert found.left_out == (("c.jpg", "no split given"),)


def test_json_lines(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"file_name": f, "label": i}) for i, f in enumerate(["a.jpg", "b.jpg"]))
    root = _listed(tmp_path, lines, "metadata.jsonl")
    assert [r.labels for r in read_catalog(root).rows] == [("0",), ("1",)]
    assert len(read_catalog(root / "metadata.jsonl").rows) == 2


def test_twice_with_one_label_counts_once(tmp_path: Path) -> None:
    assert len(read_catalog(_listed(tmp_path, "file_name,label\na.jpg,x\na.jpg,x\nb.jpg,\n")).rows) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file_name,lable\na.jpg,x\n", r"no column 'label'; the columns are file_name, lable\. Did you mean 'lable'\?"),
        ("file_name,label\na.jpg,x\na.jpg,y\n", "a.jpg is listed as 'x' and as 'y'"),
        ("file_name,label\na.jpg,x\nno.jpg,y\n", r"1 rows without a file \(line 3: no.jpg\)"),
        ("file_name,label\n,x\n", "line 2 has an empty file_name"),
        ("file_name,label,split\na.jpg,x,tran\n", r"line 2: column 'split' is 'tran'.*Did you mean 'train'\?"),
        ("file_name,label\n", "no photos with a label"),
    ],
)
def test_mistakes_in_a_list(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=message):
        read_catalog(_listed(tmp_path, text))


def test_a_list_that_is_given_must_name_photos(tmp_path: Path) -> None:
    root = _listed(tmp_path, "name,label\na.jpg,x\n")
    with pytest.raises(CatalogError, match="no column 'file_name'; the columns are name, label"):
        read_catalog(root / "metadata.csv")


def test_mistakes_in_folders(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no such folder"):
        read_catalog(tmp_path / "gone")
    with pytest.raises(CatalogError, match="no photos in class folders"):
        read_catalog(_fill(tmp_path, "loose.jpg"))
    with pytest.raises(CatalogError, match=r"one class only \('a'\)"):
        trainable.require_classes(read_catalog(_fill(tmp_path, "a/1.jpg")))


def test_unlabelled_takes_photo_folder_and_list(tmp_path: Path) -> None:
    root = _fill(tmp_path, "x/1.jpg", "2.jpg")
    assert [r.file_name for r in unlabelled(root)] == ["2.jpg", "x/1.jpg"]
    assert [r.file_name for r in unlabelled(root / "2.jpg")] == ["2.jpg"]
    (root / "list.csv").write_text("file_name\nx/1.jpg\n")
    assert [r.path for r in unlabelled(root / "list.csv")] == [root / "x/1.jpg"]
    with pytest.raises(CatalogError, match="no such photo, folder or list"):
        list(unlabelled(root / "gone"))


def test_photos_of_none_are_added_once(tmp_path: Path) -> None:
    shop = _fill(tmp_path / "shop", "cross/a.jpg", "nothing/b.jpg", "nothing/c.jpg")
    (tmp_path / "link").symlink_to(shop / "nothing")
    given = read_catalog(shop)
    assert trainable.with_none(given, tmp_path / "link", "nothing").rows == given.rows
    _fill(tmp_path / "everyday", "d.jpg")
    assert [r.labels for r in trainable.with_none(given, tmp_path / "everyday", "nothing").rows[3:]] == [("nothing",)]


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("everyday", r"`none` .*everyday: 2 of its photos are labelled otherwise .* first b\.jpg as 'everyday'"),
        ("", r"3 of its photos .* the first cross/a\.jpg as 'cross'; take them out"),
    ],
)
def test_a_photo_of_none_has_no_other_label(folder: str, message: str, tmp_path: Path) -> None:
    shop = _fill(tmp_path, "cross/a.jpg", "everyday/b.jpg", "everyday/c.jpg")
    with pytest.raises(CatalogError, match=message):
        trainable.with_none(read_catalog(shop), shop / folder, "none")


def test_a_backslash_may_be_part_of_a_name(tmp_path: Path) -> None:
    root = _fill(tmp_path, "od\\d.jpg", "in/side.jpg")
    (root / "metadata.csv").write_text("file_name,label\nod\\d.jpg,x\nin\\side.jpg,y\n")
    assert [r.file_name for r in read_catalog(root).rows] == ["od\\d.jpg", "in/side.jpg"]


def _attributes(found: Catalog) -> list[str]:
    return [f"{attribute.name}?" if attribute.tag else attribute.name for attribute in found.attributes]


def _said(found: Catalog) -> dict[str, tuple[str, ...]]:
    return {row.file_name: row.labels for row in found.rows}


def test_several_label_columns_are_attributes(tmp_path: Path) -> None:
    root = _listed(tmp_path, "file_name,kind,colour\na.jpg,jeans,black\nb.jpg, dress ,blue\nc.jpg,jeans,blue\n")
    found = read_catalog(root, labels=Labels(label=("colour", "kind")))
    assert _attributes(found) == ["colour", "kind"]
    assert _said(found) == {"a.jpg": ("black", "jeans"), "b.jpg": ("blue", "dress"), "c.jpg": ("blue", "jeans")}
    assert (found.classes(0), found.classes(1)) == (("black", "blue"), ("dress", "jeans"))
    words = [in_words(row.labels, found.attributes) for row in found.rows]
    assert words == ["black jeans", "blue dress", "blue jeans"]
    trainable.require_classes(found)


def test_one_label_column_is_one_attribute(tmp_path: Path) -> None:
    found = read_catalog(_listed(tmp_path, "file_name,colour\na.jpg,black\n"), labels=Labels(label="colour"))
    assert (_attributes(found), found.rows[0].labels) == (["colour"], ("black",))


def test_a_row_that_lacks_one_label_stays_for_the_other(tmp_path: Path) -> None:
    root = _listed(tmp_path, "file_name,colour,kind\na.jpg,black,\nb.jpg,,dress\nc.jpg,,\n")
    found = read_catalog(root, labels=Labels(label=("colour", "kind")))
    assert _said(found) == {"a.jpg": ("black", ""), "b.jpg": ("", "dress")}
    assert [in_words(row.labels, found.attributes) for row in found.rows] == ["black", "dress"]
    assert found.left_out == (("c.jpg", "no label"),)
    assert found.classes(0) == ("black",)
    with pytest.raises(CatalogError, match=r"colour: one class only \('black'\)"):
        trainable.require_classes(found)


def test_two_rows_must_agree_in_every_label(tmp_path: Path) -> None:
    root = _listed(tmp_path, "file_name,colour,kind\na.jpg,black,jeans\na.jpg,black,dress\n")
    with pytest.raises(CatalogError, match=r"a.jpg is listed as 'black, jeans' and as 'black, dress'"):
        read_catalog(root, labels=Labels(label=("colour", "kind")))
    assert len(read_catalog(root, labels=Labels(label="colour")).rows) == 1


def test_names_of_folders_hold_one_label_of_each(tmp_path: Path) -> None:
    root = _fill(tmp_path, "black_jeans/1.jpg", "navy_t_shirt/2.jpg", "black/3.jpg", "_jeans/4.jpg", "loose.jpg")
    found = read_catalog(root, labels=Labels(attributes=("colour", "type")))
    assert _attributes(found) == ["colour", "type"]
    assert _said(found) == {"black_jeans/1.jpg": ("black", "jeans"), "navy_t_shirt/2.jpg": ("navy", "t_shirt")}
    reasons = dict(found.left_out)
    assert reasons["black/3.jpg"] == "the folder 'black' does not name one label of each, as COLOUR_TYPE would"
    assert set(reasons) == {"black/3.jpg", "_jeans/4.jpg", "loose.jpg"}


def test_names_of_folders_below_split_folders(tmp_path: Path) -> None:
    root = _fill(tmp_path, "train/black_jeans/1.jpg", "test/blue_dress/2.jpg")
    found = read_catalog(root, labels=Labels(attributes=("colour", "type")))
    assert {(row.labels, row.split) for row in found.rows} == {
        (("black", "jeans"), "train"),
        (("blue", "dress"), "test"),
    }


def test_attributes_of_a_list_are_its_columns(tmp_path: Path) -> None:
    root = _listed(tmp_path, "file_name,colour,type\na.jpg,black,jeans\n")
    found = read_catalog(root, labels=Labels(attributes=("colour", "type")))
    assert _said(found) == {"a.jpg": ("black", "jeans")}
    with pytest.raises(CatalogError, match=r"no column 'typ'.* Did you mean 'type'\? Choose one with `attributes`"):
        read_catalog(root, labels=Labels(attributes=("colour", "typ")))


def test_each_tag_is_an_attribute(tmp_path: Path) -> None:
    text = 'file_name,colour,tags\na.jpg,black,"sale, new"\nb.jpg,blue,new  big\nc.jpg,black,\n'
    found = read_catalog(_listed(tmp_path, text), labels=Labels(label="colour", tags="tags"))
    assert _attributes(found) == ["colour", "big?", "new?", "sale?"]
    assert _said(found) == {
        "a.jpg": ("black", "no", "yes", "yes"),
        "b.jpg": ("blue", "yes", "yes", "no"),
        "c.jpg": ("black", "no", "no", "no"),
    }
    assert [in_words(row.labels, found.attributes) for row in found.rows] == ["black new sale", "blue big new", "black"]


def test_tags_alone_need_no_label(tmp_path: Path) -> None:
    text = 'file_name,tags,other\na.jpg,"sale,new",sale\nb.jpg,new,\nc.jpg,,\n'
    found = read_catalog(_listed(tmp_path, text), labels=Labels(tags="tags"))
    assert _attributes(found) == ["new?", "sale?"]
    assert len(found.rows) == 3
    one = read_catalog(tmp_path, labels=Labels(tags="other"))
    assert (_attributes(one), [row.labels for row in one.rows]) == (["sale?"], [("yes",), ("no",), ("no",)])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (Labels(label="colour", tags="tag"), r"no column 'tag'.*Did you mean 'tags'\? Choose one with `tags`"),
        (Labels(label=("color", "tags")), r"no column 'color'.*Did you mean 'colour'\? Choose one with `label`"),
        (Labels(label=("sale", "colour"), tags="tags"), "'sale' is both a tag and a label column; rename one"),
        (Labels(label="colour", tags="empty"), "the column 'empty' holds no tags"),
        (
            Labels(label=("colour", "verdict")),
            "'verdict' cannot be the name of an attribute, it is a column of results",
        ),
        (Labels(label="colour", tags="taken"), "'reason' cannot be the name of an attribute"),
    ],
)
def test_mistakes_in_columns(labels: Labels, message: str, tmp_path: Path) -> None:
    text = "file_name,colour,sale,tags,empty,verdict,taken\na.jpg,black,1,sale,,ok,reason\n"
    with pytest.raises(CatalogError, match=message):
        read_catalog(_listed(tmp_path, text), labels=labels)


@pytest.mark.parametrize(
    ("label", "attributes", "tags", "message"),
    [
        (("a",), ("b",), "", "`attributes` takes labels from folders' names, `label` from columns: give one of them"),
        (("a", "a"), (), "", "`label` 'a': empty or given twice"),
        (("a", ""), (), "", "`label` '': empty or given twice"),
        ((), ("a", " a"), "", "`attributes` 'a': empty or given twice"),
        (("a",), (), "a", "`label` 'a': empty or given twice"),
    ],
)
def test_mistakes_in_names(label: tuple[str, ...], attributes: tuple[str, ...], tags: str, message: str) -> None:
    with pytest.raises(CatalogError, match=message):
        Labels(label, attributes, tags)


def test_columns_need_a_list(tmp_path: Path) -> None:
    root = _fill(tmp_path, "black_jeans/1.jpg")
    with pytest.raises(
        CatalogError,
        match=r"`label` colour and `label` type are columns of a list, and there is no metadata.csv; "
        "for labels in the names of folders use `attributes` colour,type",
    ):
        read_catalog(root, labels=Labels(label=("colour", "type")))
    with pytest.raises(CatalogError, match=r"`tags` tags is a column of a list, and there is no metadata.csv"):
        read_catalog(root, labels=Labels(attributes=("colour", "type"), tags="tags"))


def test_several_sources_have_the_same_attributes(tmp_path: Path) -> None:
    one = _listed(tmp_path / "one", "file_name,colour,tags\na.jpg,black,new\n")
    two = _listed(tmp_path / "two", "file_name,colour,tags\na.jpg,blue,sale\n")
    found = read_catalog(one, two, labels=Labels(label="colour", tags="tags"))
    assert _attributes(found) == ["colour", "new?", "sale?"]
    assert _said(found) == {"one/a.jpg": ("black", "yes", "no"), "two/a.jpg": ("blue", "no", "yes")}


def test_a_tag_that_all_photos_have_is_left_out_with_its_reason(tmp_path: Path) -> None:
    lines = ["a.jpg,bag,photo new", "b.jpg,mug,photo", "c.jpg,mug,photo new"]
    labels = Labels(label="kind", tags="tags")
    found = read_catalog(_listed(tmp_path, "\n".join(["file_name,kind,tags", *lines])), labels=labels)
    kept = trainable.without_lone_tags(found)
    assert [attribute.name for attribute in kept.attributes] == ["kind", "new"]
    assert kept.left_out == (("tag photo", "all training photos have it, so there is nothing to learn"),)
    assert [row.labels for row in kept.rows] == [("bag", "yes"), ("mug", "no"), ("mug", "yes")]


@pytest.mark.parametrize("name", ["kind_verdict", "kind_top1_label", "verdict"])
def test_an_attribute_may_not_be_called_like_a_column_of_results(name: str, tmp_path: Path) -> None:
    listed = _listed(tmp_path, f"file_name,kind,{name}\na.jpg,x,1\nb.jpg,y,2\n")
    with pytest.raises(CatalogError, match=f"{name}' cannot be the name of an attribute"):
        read_catalog(listed, labels=Labels(label=("kind", name)))


@pytest.mark.parametrize("name", ["a" * 5000 + ".jpg", "x\\" + "a" * 5000 + ".jpg", "\xe9" * 3000 + ".jpg"])
def test_a_name_that_no_file_can_have_is_a_row_without_a_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(f"file_name,label\n{name},bag\n", encoding="utf-8")
    with pytest.raises(CatalogError, match=r"list\.csv: 1 rows without a file \(line 2: "):
        read_catalog(tmp_path / "list.csv")

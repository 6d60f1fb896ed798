"""Lists of addresses, labels that can be folders, numbers of pages."""

from pathlib import Path

import pytest

from goodsight.collecting import lists
from goodsight.collecting.terms import Wanted
from goodsight.errors import CatalogError, GoodsightError


def test_a_list_with_and_without_labels(tmp_path: Path) -> None:
    path = tmp_path / "urls.csv"
    path.write_text("\ufeffid,url,label\n1, http://a/1 ,mug\n2,http://a/2,\n3,,mug\n4,http://a/1,mug\n5\n")
    wanted, left_out = lists.read(path, "bag")
    assert wanted == [Wanted("http://a/1", "mug"), Wanted("http://a/2", "bag")]
    assert left_out == [("urls.csv row 4", "no address"), ("urls.csv row 6", "no address")]
    path.write_text("url\nhttp://a/1\n")
    assert lists.read(path, "")[0] == [Wanted("http://a/1")]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"urls,label\nx,y\n", r"there is no column 'url'; the columns are urls, label\. Did you mean 'urls'\?"),
        (b"", "there is no column 'url'; the columns are none"),
        (b"url\n,\n", "no row has an address in its column 'url'"),
        (b"url\n\xff\xfe\n", "cannot be read as UTF-8 text"),
        (b"url,label\nhttp://a,x\nhttp://b,../up\n", r"row 3: the label '\.\./up' cannot be a folder's name"),
        (None, "cannot be read: no such file"),
    ],
)
def test_lists_that_cannot_be_read(content: bytes | None, why: str, tmp_path: Path) -> None:
    path = tmp_path / "urls.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CatalogError, match=why):
        lists.read(path, "")


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ("a/b", "has '/' in it"),
        ("..\\b", r"has '\\\\' in it"),
        ("a\nb", "in it"),
        ("a\x00b", "in it"),
        ("\u202egpj", "in it"),
        ("..", "begins with '.'"),
        (".collect", "begins with '.'"),
        ("=cmd|' /C calc'!A0", "has '/'"),
        ("=1+1", "begins with '='"),
        ("@x", "begins with '@'"),
        ("+1", "begins with '\\+'"),
        ("-1", "begins with '-'"),
        ("mug.", "ends with a dot"),
        ("C:", "has ':'"),
        ("nul", "another meaning"),
        ("COM1.txt", "another meaning"),
        ("Metadata.csv", "another meaning"),
        ("ä" * 51, "is 102 bytes long"),
    ],
)
def test_labels_that_cannot_be_folders(label: str, why: str) -> None:
    with pytest.raises(CatalogError, match=why):
        lists.checked_label(label, "`label`")


@pytest.mark.parametrize("label", ["", "mug", "Tasse groß", "手机", "a.b", "it's"])
def test_labels_that_can(label: str) -> None:
    assert lists.checked_label(label, "`label`") == label


def test_labels_are_composed_and_distinct() -> None:
    assert lists.checked_label("u\u0308 ", "`label`") == "ü"
    with pytest.raises(CatalogError, match="'Mug' and 'mug' differ in upper and lower case only"):
        lists.require_distinct(["Mug", "bag", "mug"])


def test_pages_are_counted_inclusively() -> None:
    assert lists.page_addresses("http://a/{page}?p={page}", "9:11") == [f"http://a/{n}?p={n}" for n in (9, 10, 11)]
    assert lists.page_addresses("http://a/", "") == ["http://a/"]


@pytest.mark.parametrize(
    ("page", "pages", "why"),
    [
        ("http://a/", "1:3", r"`pages` 1:3: needs \{page\} in `page`"),
        ("http://a/{page}", "", r"give the numbers for \{page\} with `pages`, such as 1:70"),
        ("http://a/{page}", "3:1", "`pages` 3:1: give the first and the last number"),
        ("http://a/{page}", "1-3", "`pages` 1-3: give the first and the last number"),
        ("http://a/{page}", "0:999999", "1000000 pages; at most 100000"),
    ],
)
def test_ranges_that_are_none(page: str, pages: str, why: str) -> None:
    with pytest.raises(GoodsightError, match=why):
        lists.page_addresses(page, pages)

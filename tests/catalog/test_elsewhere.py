"""What lies behind an address is read as what lies here: the same rows, the same errors, nothing of this machine."""

import io
import json
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from bucket import Bucket

from goodsight.catalog import posts
from goodsight.catalog.labels import Labels
from goodsight.catalog.read import is_unsorted, read_catalog, read_unsorted, unlabelled
from goodsight.catalog.rows import Catalog, Row
from goodsight.errors import CatalogError
from goodsight.photos import decoder, places
from goodsight.photos.limits import BadPhoto
from goodsight.photos.places import Address, Source

fsspec = pytest.importorskip("fsspec", reason="needs fsspec, which is in the extra `remote`")
FORMS = {
    "classes": ["mug/1.jpg", "mug/deep/2.jpg", "mug.jpg", "bag/ü 3.jpg", ".hidden/4.jpg", "loose.jpg"],
    "splits": ["train/a/1.jpg", "val/a/2.jpg", "testing/b/3.jpg"],
    "splits inside": ["a/train/1.jpg", "a/test/2.jpg", "b/train/3.jpg", "b/test/4.jpg"],
}
LISTED = "file_name,label,split\na.jpg,x,train\nsub/b.jpg,y,train\n"


def _lay(tmp_path: Path, names: Sequence[str], **texts: str) -> tuple[Path, Address]:
    """The same files here and in memory."""
    root = tmp_path / "photos"
    root.mkdir()
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    for name, text in texts.items():
        (root / name.replace("_", ".")).write_text(text, encoding="utf-8")
    memory = fsspec.filesystem("memory")
    folder = f"/elsewhere/{tmp_path.name}"
    for path in root.rglob("*"):
        if path.is_file():
            memory.pipe(f"{folder}/{path.relative_to(root).as_posix()}", path.read_bytes())
    return root, Address(f"memory:/{folder}")


def _told(found: Catalog) -> object:
    rows = [(r.file_name, r.labels, r.split, r.group, decoder.read(r.path)) for r in found.rows]
    return rows, found.left_out, found.notes


def _named(source: Source) -> list[tuple[str, bytes]]:
    return [(row.file_name, decoder.read(row.path)) for row in unlabelled(source)]


@pytest.mark.parametrize("form", FORMS)
def test_folders_elsewhere_are_as_here(form: str, tmp_path: Path) -> None:
    here, there = _lay(tmp_path, FORMS[form])
    assert _told(read_catalog(there)) == _told(read_catalog(here))
    assert _named(there) == _named(here)


@pytest.mark.parametrize("names", [["train/a.jpg", "test/b.jpg"], ["a/train/1.jpg", "b/1.jpg"], ["a/b/c.jpg"]])
def test_doubtful_folders_elsewhere_have_the_errors_of_here(names: list[str], tmp_path: Path) -> None:
    said = []
    for source in _lay(tmp_path, names):
        with pytest.raises(CatalogError) as found:
            read_catalog(source)
        said.append(str(found.value).replace(str(source), "ROOT"))
    assert said[0] == said[1]


def test_a_list_in_a_folder_elsewhere_is_as_here(tmp_path: Path) -> None:
    here, there = _lay(tmp_path, ["a.jpg", "sub/b.jpg", "sub/c.jpg"], metadata_csv=LISTED)
    for one, other in ((here, there), (here / "metadata.csv", there / "metadata.csv")):
        assert _told(read_catalog(other)) == _told(read_catalog(one))
        assert _named(other) == _named(one)


def test_unsorted_photos_elsewhere_are_as_here(tmp_path: Path) -> None:
    here, there = _lay(tmp_path, ["b.jpg", "a.jpg"])
    assert is_unsorted(here) == is_unsorted(there) is True
    assert _told(read_unsorted(there)) == _told(read_unsorted(here))


def test_json_lines_and_archives_are_read_as_well(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"file_name": name, "label": name[0]}) for name in ("a.jpg", "b.jpg"))
    _, there = _lay(tmp_path, ["a.jpg", "b.jpg"], photos_jsonl=lines)
    assert [row.labels for row in read_catalog(there / "photos.jsonl").rows] == [("a",), ("b",)]
    with zipfile.ZipFile(packed := io.BytesIO(), "w") as archive:
        for name in ("x/1.jpg", "y/2.jpg", "x/deep/3.jpg"):
            archive.writestr(name, name)
    fsspec.filesystem("memory").pipe("/elsewhere/p.zip", packed.getvalue())
    found = read_catalog(places.of("zip://::memory://elsewhere/p.zip"))
    assert [(r.file_name, *r.labels, decoder.read(r.path)) for r in found.rows] == [
        ("x/1.jpg", "x", b"x/1.jpg"),
        ("x/deep/3.jpg", "x", b"x/deep/3.jpg"),
        ("y/2.jpg", "y", b"y/2.jpg"),
    ]


def test_a_photo_that_is_not_there_is_a_row_and_stops_nothing(tmp_path: Path) -> None:
    _, there = _lay(tmp_path, ["a.jpg"], metadata_csv=LISTED)
    row = read_catalog(there / "metadata.csv").rows[1]
    assert row.file_name == "sub/b.jpg"
    with pytest.raises(BadPhoto, match="missing: nothing is there"):
        decoder.read(row.path)


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../../secret.jpg", "file:///etc/passwd", "zip://a::file:///b.zip", "local:///etc/passwd"]
)
def test_a_list_from_elsewhere_names_nothing_of_this_machine(name: str, tmp_path: Path) -> None:
    _, there = _lay(tmp_path, [], metadata_csv=f"file_name,label\nhttps://example.org/a.jpg,x\n{name},y\n")
    for read in (lambda: read_catalog(there / "metadata.csv"), lambda: list(unlabelled(there / "metadata.csv"))):
        with pytest.raises(
            CatalogError, match=r"metadata\.csv: line 3: .*a list from elsewhere names photos beside it"
        ):
            read()


def test_addresses_that_differ_in_what_is_not_shown_have_names_of_their_own(tmp_path: Path) -> None:
    url = "https://example.org/get?id="
    text = f"file_name,label\n{url}1,x\n{url}2,y\n{url}1,x\ns3://bucket/a.jpg,x\n"
    here, _ = _lay(tmp_path, [], list_csv=text)
    rows: Sequence[Row] = read_catalog(here / "list.csv", labels=Labels()).rows
    assert [row.file_name for row in rows] == [
        "https://example.org/get",
        "https://example.org/get (2)",
        "s3://bucket/a.jpg",
    ]
    assert [places.real(row.path) for row in rows] == [f"{url}1", f"{url}2", "s3://bucket/a.jpg"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("memory://elsewhere/nowhere", "memory://elsewhere/nowhere: there is no such"),
        ("memory://elsewhere/none.csv", r"none\.csv: cannot be read: missing: nothing is there"),
        ("nonsense://x/y", "nonsense://x/y: unreadable: no way is known to read nonsense://"),
        ("https://me:pw@example.org/list.csv", "https://example.org/list.csv: the address names a user"),
    ],
)
def test_a_source_that_cannot_be_read_is_an_error(source: str, said: str) -> None:
    with pytest.raises(CatalogError, match=said):
        list(unlabelled(source))
    with pytest.raises(CatalogError, match=said):
        read_catalog(places.of(source))


def test_nothing_is_listed_before_its_turn(bucket: Bucket) -> None:
    for name in ("a/1.jpg", "b/2.jpg"):
        bucket.put(f"lazy/{name}", b"x")
    rows = unlabelled(bucket.url("lazy/"))
    assert next(rows).file_name == "a/1.jpg"
    bucket.put("lazy/b/3.jpg", b"x")
    assert [row.file_name for row in rows] == ["b/2.jpg", "b/3.jpg"]


def test_a_feed_elsewhere_shows_no_photo_of_another_place(tmp_path: Path) -> None:
    images = ["a.jpg", "sub/b.jpg", "../c.jpg", "/etc/passwd", "https://example.org/d.jpg", "file:///etc/passwd"]
    lines = "\n".join(json.dumps({"image": image}) for image in images)
    _, there = _lay(tmp_path, ["a.jpg"], posts_jsonl=lines)
    feed = posts.read(there / "posts.jsonl")
    assert [str(post.row.path) for post in feed.posts] == [f"{there}/a.jpg", f"{there}/sub/b.jpg"]
    assert [name for name, _ in feed.bad] == images[2:]


@pytest.mark.parametrize("without", ["gcsfs", "fsspec"])
def test_a_row_that_nothing_here_can_read_is_one_bad_photo(
    without: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if without == "fsspec":
        monkeypatch.setattr("goodsight.photos.remote.find_spec", lambda _: None)
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    (tmp_path / "a.jpg").write_bytes(b"photo")
    (tmp_path / "list.csv").write_text("file_name,label\na.jpg,x\ngs://bucket/b.jpg,y\nnone://bucket/c.jpg,y\n")
    found = [row.path for row in read_catalog(tmp_path / "list.csv").rows]
    assert found == [row.path for row in unlabelled(tmp_path / "list.csv")]
    assert decoder.read(found[0]) == b"photo"
    reason = "no access|unreadable: no way is known to read none://"
    for path in found[1:]:
        with pytest.raises(BadPhoto, match=reason):
            decoder.read(path)


def test_a_name_that_is_found_leads_nowhere_else() -> None:
    storage = fsspec.filesystem("memory")
    for name in ("a.jpg", "x::memory:/elsewhere.jpg", "b::c/d.jpg", "simplecache::e.jpg"):
        storage.pipe(f"/chains/{name}", b"photo")
    found = {row.file_name: row.path for row in unlabelled("memory://chains")}
    assert list(found) == ["a.jpg", "b%3A%3Ac", "simplecache%3A%3Ae.jpg", "x%3A%3Amemory%3A"]
    assert decoder.read(found.pop("a.jpg")) == b"photo"
    for path in found.values():
        assert "::" not in str(path)
        with pytest.raises(BadPhoto, match="missing: a colon is written as %3A here; rename it"):
            decoder.read(path)

"""The folder: whole after any kill, and never a loss of what a person did in it."""

import csv
from pathlib import Path

import pytest
import shop

from goodsight.catalog.read import read_catalog
from goodsight.collecting.shelf import Shelf
from goodsight.collecting.terms import NotFetched, Wanted
from goodsight.errors import CatalogError, FolderExistsError, GoodsightError

PHOTOS = [shop.jpeg(n) for n in range(5)]
MUG = Wanted("http://a/1", "mug", "http://a/")


def _rows(root: Path) -> list[dict[str, str]]:
    with (root / "metadata.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def _fill(root: Path, count: int = 2, label: str = "mug") -> None:
    with Shelf(root, {label}) as shelf:
        for n in range(count):
            assert shelf.put(Wanted(f"http://a/{n}", label), PHOTOS[n])


def test_a_photo_with_its_source_and_time(tmp_path: Path) -> None:
    with Shelf(tmp_path / "out", {"mug"}) as shelf:
        assert not shelf.has(MUG)
        assert shelf.put(MUG, PHOTOS[0])
        assert shelf.has(MUG)
        assert not shelf.put(Wanted("http://b/copy", "mug"), PHOTOS[0]), "an exact copy is kept once"
    (row,) = _rows(tmp_path / "out")
    assert row["file_name"] == f"mug/{row['sha256'][:32]}.jpg"
    assert (row["url"], row["page"], row["label"]) == ("http://a/1", "http://a/", "mug")
    assert row["time"].endswith("+00:00")
    assert (tmp_path / "out" / row["file_name"]).read_bytes() == PHOTOS[0]
    with Shelf(tmp_path / "out", set()) as shelf:
        assert shelf.has(MUG)
        assert shelf.has(Wanted("http://b/copy", "mug")), "the copy need not be fetched again"
        assert not shelf.has(Wanted("http://a/1", "bag"))


def test_the_ending_tells_the_format(tmp_path: Path) -> None:
    with Shelf(tmp_path / "out", {""}) as shelf:
        for kind in ("PNG", "GIF", "WEBP", "BMP", "TIFF", "JPEG"):
            shelf.put(Wanted(f"http://a/{kind}"), shop.jpeg(1, kind))
    assert [Path(row["file_name"]).suffix for row in _rows(tmp_path / "out")] == [
        ".png", ".gif", ".webp", ".bmp", ".tif", ".jpg",
    ]  # fmt: skip
    assert all("/" not in row["file_name"] for row in _rows(tmp_path / "out"))


def test_two_labels_are_both_kept_and_told(tmp_path: Path) -> None:
    with Shelf(tmp_path / "out", {"mug", "bag"}) as shelf:
        assert shelf.put(MUG, PHOTOS[0])
        assert shelf.put(Wanted("http://a/1", "bag"), PHOTOS[0])
        assert shelf.put(Wanted("http://a/2", "bag"), PHOTOS[1])
        assert [labels for _, labels in shelf.two_labels()] == ["'bag', 'mug'"]
    read = read_catalog(tmp_path / "out")
    assert read.classes(0) == ("bag", "mug")
    assert len(read.rows) == 3


@pytest.mark.parametrize("cut", range(1, 110, 6))
def test_a_torn_last_line_is_mended(cut: int, tmp_path: Path) -> None:
    """As a kill within a write would leave it: the photo is there, its row in part, the journal knows nothing of it."""
    root = tmp_path / "out"
    _fill(root, 2)
    lines = (root / "metadata.csv").read_bytes().splitlines(keepends=True)
    journal = (root / ".collect" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (root / "metadata.csv").write_bytes(b"".join(lines[:2]) + lines[2][:-cut])
    (root / ".collect" / "journal.jsonl").write_bytes(journal[0] + journal[1][: len(journal[1]) // 2])
    (root / ".collect" / "part-x.jpg").write_bytes(b"half")
    with Shelf(root, {"mug"}) as shelf:
        assert shelf.has(Wanted("http://a/0", "mug"))
        assert shelf.has(Wanted("http://a/1", "mug")) == (cut == 1), "only the line's end was lost"
        assert shelf.put(Wanted("http://a/1", "mug"), PHOTOS[1]) == (cut > 1)
        shelf.put(Wanted("http://a/2", "mug"), PHOTOS[2])
    assert [row["url"] for row in _rows(root)] == ["http://a/0", "http://a/1", "http://a/2"]
    assert len(read_catalog(root).rows) == 3
    assert not list((root / ".collect").glob("part-*"))
    with Shelf(root, {"mug"}) as shelf:
        assert all(shelf.has(Wanted(f"http://a/{n}", "mug")) for n in range(3))


def test_without_the_journal_the_table_is_the_memory(tmp_path: Path) -> None:
    _fill(tmp_path / "out")
    (tmp_path / "out" / ".collect" / "journal.jsonl").write_bytes(b'{"url": 3}\n[]\n\xff\n"x"\n')
    with Shelf(tmp_path / "out", {"mug"}) as shelf:
        assert shelf.has(Wanted("http://a/0", "mug"))


def test_the_journal_is_written_at_once_and_survives_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "out" / ".collect" / "journal.jsonl"
    with Shelf(tmp_path / "out", {"mug"}) as shelf:
        shelf.journal.note(MUG, reason="HTTP 404")
        assert b"HTTP 404" in path.read_bytes(), "a kill may come now"
    path.write_bytes(path.read_bytes() + b'{"url": "http://a/')
    with Shelf(tmp_path / "out", {"mug"}) as shelf:
        shelf.journal.note(Wanted("http://a/2", "mug"), reason="HTTP 410")
    with Shelf(tmp_path / "out", {"mug"}) as shelf:
        assert shelf.journal.failed(MUG) == "HTTP 404"
        assert shelf.journal.failed(Wanted("http://a/2", "mug")) == "HTTP 410"


def test_what_a_person_changed_stays(tmp_path: Path) -> None:
    root = tmp_path / "out"
    _fill(root, 4)
    rows = _rows(root)
    with (root / "metadata.csv").open("w", encoding="utf-8-sig", newline="") as stream:  # as a spreadsheet saves it
        writer = csv.DictWriter(stream, ["note", *rows[0]])
        writer.writeheader()
        writer.writerow(rows[0] | {"label": "cup", "note": "not a\nmug"})
        writer.writerows(row | {"note": ""} for row in rows[2:])  # the second is dropped, with its file
    (root / rows[1]["file_name"]).unlink()
    (root / rows[3]["file_name"]).unlink()  # of the last the row is left
    with Shelf(root, {"mug"}) as shelf:
        assert [shelf.has(Wanted(f"http://a/{n}", "mug")) for n in range(4)] == [True, True, True, False]
        assert not shelf.put(Wanted("http://b/1", "mug"), PHOTOS[1]), "dropped, and its copy does not bring it back"
        assert not shelf.put(Wanted("http://a/3", "mug"), PHOTOS[3]), "the file is restored, its row is there"
        assert shelf.put(Wanted("http://a/4", "mug"), PHOTOS[4])
    assert [row["label"] for row in _rows(root)] == ["cup", "mug", "mug", "mug"]
    assert [row["note"] for row in _rows(root)] == ["not a\nmug", "", "", ""]
    assert [(root / row["file_name"]).is_file() for row in rows] == [True, False, True, True]


def test_a_row_without_its_end_of_line_is_no_torn_one(tmp_path: Path) -> None:
    _fill(tmp_path / "out", 1)
    listed = tmp_path / "out" / "metadata.csv"
    listed.write_bytes(listed.read_bytes().rstrip())
    with Shelf(tmp_path / "out", {"mug"}) as shelf:
        shelf.put(Wanted("http://a/9", "mug"), PHOTOS[1])
    assert [row["url"] for row in _rows(tmp_path / "out")] == ["http://a/0", "http://a/9"]


def test_another_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"mine")
    with pytest.raises(FolderExistsError, match=r"holds 'cat\.jpg' and no metadata\.csv.*choose another `out`"):
        Shelf(tmp_path, {"mug"})
    with pytest.raises(FolderExistsError, match=r"cat\.jpg: is a file; choose another `out`"):
        Shelf(tmp_path / "cat.jpg", {"mug"})
    (tmp_path / "metadata.csv").write_text("file_name,label\ncat.jpg,cat\n")
    with pytest.raises(FolderExistsError, match="there is no column 'url', so `goodsight collect` did not write it"):
        Shelf(tmp_path, {"mug"})
    assert not (tmp_path / ".collect").exists()
    assert (tmp_path / "metadata.csv").read_text() == "file_name,label\ncat.jpg,cat\n"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    root = tmp_path / "out"
    _fill(root, 1)
    path = root / _rows(root)[0]["file_name"]
    path.write_bytes(b"edited")
    with (
        Shelf(root, {"mug"}) as shelf,
        pytest.raises(NotFetched, match="is there with another content; nothing is over"),
    ):
        shelf.put(Wanted("http://b/1", "mug"), PHOTOS[0])
    assert path.read_bytes() == b"edited"


def test_labels_that_clash(tmp_path: Path) -> None:
    root = tmp_path / "out"
    _fill(root, 1)
    with pytest.raises(CatalogError, match="'Mug' and 'mug' differ in upper and lower case only"):
        Shelf(root, {"Mug"})
    (root / "bag").write_text("")
    with pytest.raises(FolderExistsError, match="bag: is a file, where a folder for the label 'bag' must be"):
        Shelf(root, {"bag"})


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with (
        Shelf(tmp_path / "out", {"mug"}),
        pytest.raises(GoodsightError, match="another `goodsight collect` is filling"),
    ):
        Shelf(tmp_path / "out", {"mug"})
    with Shelf(tmp_path / "out", {"mug"}):
        pass


def test_a_failure_is_remembered_for_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Shelf(tmp_path / "out", {"mug"}) as shelf:
        shelf.journal.note(MUG, reason="HTTP 404")
    with Shelf(tmp_path / "out", {"mug"}) as shelf:
        assert shelf.journal.failed(MUG) == "HTTP 404"
        assert shelf.journal.failed(Wanted(MUG.url, "bag")) == ""
        monkeypatch.setattr("goodsight.collecting.journal.REMEMBERED", -1)
        assert shelf.journal.failed(MUG) == ""

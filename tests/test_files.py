"""Files and folders appear whole or not at all, and only what Goodsight made is ever replaced."""

from pathlib import Path

import pytest

from goodsight.errors import FolderExistsError, GoodsightError
from goodsight.files import cache_folder, exchange, refuse_folder, whole_file, whole_folder


def test_a_cache_folder_that_cannot_be_made_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "taken").touch()
    monkeypatch.setenv("GOODSIGHT_CACHE", str(tmp_path / "taken"))
    with pytest.raises(GoodsightError, match=r"the cache folder cannot be made: file exists; .*GOODSIGHT_CACHE"):
        cache_folder()


def test_a_file_that_fails_leaves_nothing_and_keeps_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with whole_file(path) as part:
        part.write_text("old")
    with pytest.raises(FileNotFoundError), whole_file(path) as part:
        part.write_text((tmp_path / "missing").read_text())
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_a_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_folder(tmp_path / "out") as folder:
        (folder / "missing" / "a").write_text("half")
    assert list(tmp_path.iterdir()) == []


def test_only_a_folder_of_ours_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    refuse_folder(out, force=True)
    (out / "photo.jpg").write_text("mine")
    with pytest.raises(FolderExistsError, match="was not made by goodsight"):
        refuse_folder(out, force=True)
    with pytest.raises(FolderExistsError, match="is there already"):
        refuse_folder(out, force=False)
    (out / "metrics.json").write_text("{}")
    with whole_folder(out, force=True) as folder:
        (folder / "new").write_text("new")
    assert [p.name for p in out.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_exchange_keeps_both(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "which").write_text(name)
    kept = exchange(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old" / "which").read_text() == "new"
    assert (tmp_path / "new" / "which").read_text() == "new"
    assert (kept / "which").read_text() == "old"
    assert kept.name.startswith("old.before-")
    assert len(list(tmp_path.iterdir())) == 3


def test_a_mark_that_others_use_as_well_must_be_ours(tmp_path: Path) -> None:
    (tmp_path / "split.json").write_text('{"train": ["mine.jpg"]}')
    with pytest.raises(FolderExistsError, match="was not made by goodsight"):
        refuse_folder(tmp_path, force=True)
    (tmp_path / "split.json").write_text('{"goodsight": "0.1.0"}')
    refuse_folder(tmp_path, force=True)

"""Shards go on where they were, and are refused when anything that they depend on is another: it is said what."""

from pathlib import Path
from typing import Any

import pytest
from shard_jobs import rows

from goodsight.cluster.manifest import NAME, Manifest, agree
from goodsight.cluster.store import Store
from goodsight.errors import GoodsightError

ASKED = {"verb": "classify", "model": "abc"}


def _made(count: int = 10, size: int = 4, skip: int = -1, **asked: Any) -> Manifest:
    photos = [row for i, row in enumerate(rows(count)) if i != skip]
    return Manifest.of(ASKED | asked, photos, size)


def test_a_manifest_comes_back_from_its_file(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    assert agree(store, _made()) == set()
    assert Manifest.read(store) == _made()
    assert _made().names() == ["0000000.parquet", "0000001.parquet", "0000002.parquet"]


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    agree(store, _made())
    store.write("0000001.parquet", b"answers")
    assert agree(store, _made()) == {"0000001.parquet"}


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (_made(model="abd"), "the model is 'abd' and was 'abc'"),
        (_made(top=2), "the top is 2 and was None"),
        (_made(size=5), "`shard` is 5 and was 4"),
        (_made(count=11), "1 photos were added, the first in shard 2 (photo 8 and after)"),
        (_made(skip=5), "1 photos were removed, the first in shard 1 (photo 4 and after)"),
        (_made(count=11, skip=0), "photos were changed, the first in shard 0 (photo 0 and after)"),
    ],
)
def test_what_changed_is_said_and_nothing_is_overwritten(tmp_path: Path, other: Manifest, said: str) -> None:
    store = Store(str(tmp_path))
    agree(store, _made())
    with pytest.raises(GoodsightError) as refused:
        agree(store, other)
    assert f"`out` {tmp_path}: its shards answer something else: {said}. Choose another `out`" in str(refused.value)
    assert Manifest.read(store) == _made()


def test_a_folder_with_anything_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(GoodsightError, match=f"is not empty and holds no {NAME}; choose another `out`"):
        agree(Store(str(tmp_path)), _made())


def test_what_a_killed_run_was_writing_is_not_in_the_way(tmp_path: Path) -> None:
    (tmp_path / f".{NAME}.0123").write_text("{")
    assert agree(Store(str(tmp_path)), _made()) == set()
    assert Manifest.read(Store(str(tmp_path))) == _made()


@pytest.mark.parametrize(("text", "said"), [("{", "cannot be read"), ('{"goodsight": 9}', "newer Goodsight; upgrade")])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(GoodsightError, match=said):
        Manifest.read(Store(str(tmp_path)))

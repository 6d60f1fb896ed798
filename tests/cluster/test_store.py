"""Files appear whole in a folder and in a bucket; storage that does not answer is asked again."""

import errno
import os
from pathlib import Path

import pytest
from bucket import Bucket

from goodsight.cluster import store as stores
from goodsight.cluster.store import Store
from goodsight.errors import GoodsightError


def test_a_folder(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "deep" / "out"))
    assert not store.afar
    assert store.names() == set()
    store.write("a", b"one")
    store.write("a", b"two")
    assert (store.names(), store.read("a")) == ({"a"}, b"two")


def test_a_disk_that_cannot_be_used_is_an_error_that_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").touch()
    said = f"{tmp_path / 'taken'}: cannot be written: (file exists|not a directory); choose another folder"
    with pytest.raises(GoodsightError, match=said):
        Store(str(tmp_path / "taken")).write("a", b"")
    with pytest.raises(GoodsightError, match="cannot be read: no such file"):
        Store(str(tmp_path)).read("none")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for method, ask in (("iterdir", "names"), ("write_bytes", "write")):
        monkeypatch.setattr(Path, method, full)
        with pytest.raises(GoodsightError, match=r"cannot be (listed|written): no space left on device"):
            getattr(Store(str(tmp_path)), ask)(*(("a", b"") if ask == "write" else ()))


def test_a_bucket(bucket: Bucket) -> None:
    store = Store(bucket.url("store-test/"))
    assert store.afar
    assert store.names() == set()
    store.write("a", b"one")
    assert (store.names(), store.read("a"), bucket.get("store-test/a")) == ({"a"}, b"one", b"one")
    bucket.put("store-test/b", b"by another machine")
    assert store.names() == {"a", "b"}


def test_storage_is_asked_again_and_then_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "PAUSES", (0.0, 0.0))
    tries = []

    class Down:
        def pipe_file(self, path: str, data: bytes) -> None:
            tries.append(path)
            if len(tries) != 3:
                raise ConnectionError("http://secret@storage")

    monkeypatch.setattr(Store, "_system", lambda self: (Down(), "shop"))
    Store("s3://shop").write("a", b"")
    assert tries == ["shop/a"] * 3
    with pytest.raises(GoodsightError, match=r"s3://shop: the storage cannot be used \(ConnectionError\)") as error:
        Store("s3://shop").write("b", b"")
    assert "secret" not in str(error.value)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "find_spec", lambda name: None)
    with pytest.raises(GoodsightError, match=r"install the extra remote: pip install 'goodsight\[remote\]'"):
        Store("s3://shop/answers")

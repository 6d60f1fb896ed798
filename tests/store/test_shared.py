"""Photos behind an address: in memory for what any file system does, and S3 as moto plays it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from bucket import Bucket

from goodsight.errors import StoreError
from goodsight.store import Store
from goodsight.store.kept import place_of
from goodsight.store.shared import SharedPhotos

fsspec = pytest.importorskip("fsspec", reason="addresses need the extra `remote`")
DATA = b"a photo"
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def address() -> Iterator[str]:
    yield "memory://shop/photos"
    fsspec.filesystem("memory").store.clear()


def _does_what_a_folder_does(address: str) -> None:
    one, two = SharedPhotos(address), SharedPhotos(address)
    assert two.get(SHA256) is None
    one.put_all({SHA256: DATA, "0" * 64: b"another"})
    one.put_all({SHA256: DATA})
    assert two.get(SHA256) == DATA
    two.delete(SHA256)
    two.delete(SHA256)
    assert one.get(SHA256) is None
    assert one.get("0" * 64) == b"another"
    with pytest.raises(ValueError, match="not a sha256"):
        place_of("../secret")


def test_any_file_system(address: str) -> None:
    _does_what_a_folder_does(address)


def test_s3_and_a_bucket_that_is_not_there(bucket: Bucket) -> None:
    _does_what_a_folder_does(bucket.url("kept"))
    with pytest.raises(StoreError, match="`kept` s3://nothing/photos: "):
        SharedPhotos("s3://nothing/photos")


def test_a_photo_that_was_written_in_part_is_written_again(address: str) -> None:
    photos = SharedPhotos(address)
    photos.put_all({SHA256: DATA})
    fsspec.filesystem("memory").pipe_file(f"/shop/photos/{place_of(SHA256)}", DATA[:3])
    photos.put_all({SHA256: DATA})
    assert photos.get(SHA256) == DATA


def test_a_store_keeps_its_photos_there(address: str, tmp_path: Path) -> None:
    store = Store.open("", tmp_path / "data", address)
    assert store.keep_photo(DATA) == SHA256
    assert store.photo(SHA256) == DATA
    assert not list((tmp_path / "data").rglob(SHA256))
    store.close()
    store = Store.open("", tmp_path / "data", f"file://{tmp_path}/elsewhere")
    store.keep_photo(DATA)
    assert (tmp_path / "elsewhere" / place_of(SHA256)).read_bytes() == DATA
    store.close()


def test_what_cannot_be_reached_is_said_without_its_password() -> None:
    with pytest.raises(StoreError, match=r"`kept` nowhere://\*\*\*@host/x: Protocol not known") as caught:
        SharedPhotos("nowhere://user:secret@host/x")
    assert "secret" not in str(caught.value)

"""Photos are on the disk, files and names, before anybody is told that they are kept."""

import hashlib
import os
from pathlib import Path

import pytest

from goodsight.store.kept import KeptPhotos

DATA = [b"one", b"two", b"three"]


def _photos() -> dict[str, bytes]:
    return {hashlib.sha256(data).hexdigest(): data for data in DATA}


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What was forced to the disk, in order: a path and its bytes at that moment, -1 for a folder."""
    seen: list[tuple[str, int]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        seen.append((str(path), path.stat().st_size if path.is_file() else -1))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


def test_files_and_then_their_folders_are_forced_to_the_disk(tmp_path: Path, forced: list[tuple[str, int]]) -> None:
    kept, photos = KeptPhotos(tmp_path / "photos"), _photos()
    kept.put_all(photos)
    files, folders = forced[:3], [path for path, _ in forced[3:]]
    assert sorted(size for _, size in files) == sorted(map(len, DATA))
    named = {str(tmp_path / "photos" / sha256[:2]) for sha256 in photos}
    assert set(folders) == named | {str(tmp_path / "photos"), str(tmp_path)}
    assert [kept.get(sha256) for sha256 in photos] == DATA
    assert not list(tmp_path.rglob(".*"))
    kept.close()


def test_what_is_long_there_is_left_and_what_is_new_is_forced_again(
    tmp_path: Path, forced: list[tuple[str, int]]
) -> None:
    kept, photos = KeptPhotos(tmp_path), _photos()
    kept.put_all(photos)
    old, new, gone = photos
    os.utime(tmp_path / old[:2] / old, (0, 0))
    kept.delete(gone)
    assert [kept.has(sha256) for sha256 in photos] == [True, True, False]
    forced.clear()
    kept.put_all(photos)
    paths = [path for path, _ in forced]
    assert str(tmp_path / new[:2] / new) in paths
    assert not [path for path in paths if old in path]
    assert kept.get(gone) == DATA[2]
    kept.close()


def test_a_photo_that_cannot_be_kept_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    kept = KeptPhotos(tmp_path)
    with pytest.raises(OSError, match="No space"):
        kept.put_all(_photos())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    kept.close()

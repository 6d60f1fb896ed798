"""What is behind an address is read at any place, and no more of it than was asked for."""

import io

import pytest

from goodsight.photos import ranges, remote
from goodsight.photos.limits import BadPhoto

fsspec = pytest.importorskip("fsspec", reason="needs fsspec, which is in the extra `remote`")
DATA = bytes(range(256)) * 9000


def test_a_stream_reads_as_a_file_does() -> None:
    fsspec.filesystem("memory").pipe("/ranges/x", DATA)
    stream, file = ranges.stream("memory://ranges/x"), io.BytesIO(DATA)
    for offset, whence, size in ((5, 0, 10), (3, 1, 2_000_000), (-7, 2, 100), (0, 0, -1), (10**7, 0, 5), (1, 0, 1)):
        assert stream.seek(offset, whence) == file.seek(offset, whence)
        assert stream.read(size) == file.read(size)
        assert stream.tell() == file.tell()


def test_what_was_not_asked_for_does_not_travel(monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec.filesystem("memory").pipe("/ranges/x", DATA)
    asked: list[tuple[int, int]] = []
    fetch = remote.fetch
    monkeypatch.setattr(
        remote, "fetch", lambda url, start, stop: (asked.append((start, stop)), fetch(url, start, stop))[1]
    )
    stream = ranges.stream("memory://ranges/x")
    stream.read(3)
    stream.seek(2_000_000)
    stream.read(3)
    assert asked == [(0, remote.PAGE), (2_000_000, 2_000_000 + remote.PAGE)]


def test_what_is_missing_is_a_named_reason_in_the_midst_of_reading() -> None:
    with pytest.raises(BadPhoto, match="missing"):
        ranges.stream("memory://ranges/none").read(1)

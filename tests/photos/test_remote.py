"""What is behind an address comes as bytes or as a named reason, after some tries, in time, and without a secret."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from bucket import Bucket
from planted_storage import SECRET, planted

from goodsight.errors import CatalogError, GoodsightError
from goodsight.photos import places, remote
from goodsight.photos.limits import BadPhoto, Limits

pytest.importorskip("fsspec", reason="needs fsspec, which is in the extra `remote`")
DATA = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PAUSES", (0.0,) * 5)


def _bad(url: str, limits: Limits | None = None) -> str:
    with pytest.raises(BadPhoto) as found:
        places.Address(url).read(limits or Limits())
    return str(found.value)


def test_what_may_be_answered_later_is_asked_again() -> None:
    with planted(TimeoutError(SECRET), ConnectionResetError(SECRET), a=DATA) as storage:
        assert places.Address("planted://a.jpg").read(Limits()) == DATA
        assert storage.asked == 3


def test_what_never_answers_is_unreachable_after_six_tries() -> None:
    with planted(*[OSError(5, SECRET)] * 9, a=DATA) as storage:
        assert _bad("planted://a.jpg") == "unreachable: OSError"
        assert storage.asked == 6


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (FileNotFoundError(SECRET), "missing: nothing is there"),
        (PermissionError(SECRET), "no access: without keys in the environment that allow it"),
        (IsADirectoryError(SECRET), "unreadable: a folder"),
        (RuntimeError(SECRET), "unreadable: RuntimeError"),
        (ValueError(SECRET), "unreadable: ValueError"),
    ],
)
def test_what_would_be_answered_the_same_again_is_asked_once(fault: Exception, said: str) -> None:
    with planted(fault, a=DATA) as storage:
        assert _bad("planted://a.jpg") == said
        assert storage.asked == 1


def test_what_hangs_is_left_after_its_time_and_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "SECONDS", 0.05)
    with planted(0.5, a=DATA):
        assert places.Address("planted://a.jpg").read(Limits()) == DATA
    with planted(*[0.5] * 6, a=DATA):
        assert _bad("planted://a.jpg") == "unreachable: TimeoutError"


def test_a_folder_that_cannot_be_listed_says_so_and_an_outage_is_waited_for() -> None:
    with planted(TimeoutError(), a=DATA):
        assert sorted(remote.entries("planted://")) == [("a.jpg", False)]
    with planted(*[PermissionError(SECRET)] * 2, a=DATA), pytest.raises(GoodsightError) as found:
        places.Address("planted://").entries()
    assert str(found.value) == "planted://: cannot be listed: no access: without keys in the environment that allow it"


def test_no_message_of_another_library_gets_out() -> None:
    with planted(RuntimeError(SECRET), a=DATA), pytest.raises(BadPhoto) as found:
        places.Address("planted://a.jpg").read(Limits())
    shown: BaseException | None = found.value
    assert SECRET not in repr(shown)
    assert shown is not None
    assert shown.__suppress_context__
    assert shown.__cause__ is None


def test_a_bucket_gives_what_is_there_and_names_what_is_not(bucket: Bucket) -> None:
    url = bucket.put("remote/odd #1 ?%20.jpg", DATA)
    assert places.Address(url).read(Limits()) == DATA
    assert remote.fetch(url, 100, 300) == DATA[100:300]
    assert remote.fetch(url, 10**6, 10**6 + 1) == b""
    assert (remote.size(url), remote.kind(url)) == (len(DATA), "file")
    assert remote.kind(bucket.url("remote")) == "directory"
    assert remote.kind(bucket.url("nowhere")) == ""
    assert _bad(bucket.put("remote/empty.jpg", b"")) == "empty: the file has 0 bytes"
    assert _bad(bucket.url("remote/none.jpg")) == "missing: nothing is there"
    assert _bad("s3://no-such-bucket/a.jpg") == "missing: nothing is there"
    assert _bad(url, Limits(max_bytes=2**13)).startswith("too large: over the limit of 0.0078125 MiB")


def test_no_keys_at_all_is_no_access(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs")
    import s3fs

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        assert _bad(bucket.url("remote/none.jpg")).startswith("no access")
    finally:
        s3fs.S3FileSystem.clear_instance_cache()


class _Web(BaseHTTPRequestHandler):
    """``/ranges`` knows ranges, ``/whole`` does not, ``/endless`` never ends; ``/503x2`` fails twice; else a status."""

    protocol_version = "HTTP/1.1"
    failed = 0

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/ranges":
            first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
            self._send(206 if first < len(DATA) else 416, DATA[first : last + 1])
        elif path == "/whole":
            self._send(200, DATA)
        elif path == "/endless":
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 2**16)
            except OSError:
                self.close_connection = True
        elif path == "/503x2" and type(self).failed < 2:
            type(self).failed += 1
            self._send(503, b"")
        elif path == "/503x2":
            self._send(200, DATA)
        else:
            self._send(int(path[1:]), b"")

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_web_is_read_by_ranges_or_without_and_never_beyond(web: str) -> None:
    pytest.importorskip("aiohttp")
    for kind in ("ranges", "whole", "503x2"):
        assert places.Address(f"{web}/{kind}?sig={SECRET}").read(Limits()) == DATA
    for kind in ("ranges", "whole"):
        assert remote.fetch(f"{web}/{kind}", 100, 300) == DATA[100:300]
        assert remote.fetch(f"{web}/{kind}", len(DATA) - 5, len(DATA) + 5) == DATA[-5:]
        assert remote.fetch(f"{web}/{kind}", 10**5, 10**5 + 1) == b""
    assert _bad(f"{web}/endless", Limits(max_bytes=10**5)).startswith("too large")


def test_a_server_without_ranges_is_not_asked_for_the_end_of_something_long(
    web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("aiohttp")
    monkeypatch.setattr(remote, "_SKIPPED", 1000)
    assert remote.fetch(f"{web}/whole", 999, 1001) == DATA[999:1001]
    with pytest.raises(BadPhoto, match="unreadable: the server gives no ranges"):
        remote.fetch(f"{web}/whole", 1001, 1003)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("404", "missing"),
        ("410", "missing"),
        ("401", "no access"),
        ("403", "no access"),
        ("400", "unreachable: status 400"),
        ("500", "unreachable: status 500"),
    ],
)
def test_a_status_is_a_reason(path: str, said: str, web: str) -> None:
    pytest.importorskip("aiohttp")
    assert _bad(f"{web}/{path}?sig={SECRET}").startswith(said)


def test_a_closed_port_is_unreachable() -> None:
    pytest.importorskip("aiohttp")
    assert _bad("http://127.0.0.1:1/a.jpg") == "unreachable: ClientConnectorError"


def test_the_web_has_no_folders() -> None:
    with pytest.raises(GoodsightError, match="the web has no folders; give a list of photos"):
        places.Address("https://example.org/photos/").entries()


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://me:pw@example.org/a.jpg", True),
        ("s3://key:secret@bucket/a.jpg", True),
        ("zip://a.jpg::https://me@example.org/b.zip", True),
        ("abfs://container@account.dfs.core.windows.net/a.jpg", False),
        ("abfs://container:key@account.dfs.core.windows.net/a.jpg", True),
        ("s3://bucket/a@b.jpg", False),
        ("https://example.org/@me/a.jpg?x=@", False),
    ],
)
def test_an_address_that_names_a_user_is_not_asked(url: str, named: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert remote.names_user(url) == named
    if named:
        monkeypatch.setattr(remote, "_system", None)
        assert _bad(url).startswith("no access: the address names a user; take it out")
        with pytest.raises(GoodsightError, match="names a user or a password; take them out") as found:
            places.of(url)
        assert not any(word in str(found.value) for word in ("me:", "pw", "secret", "me@", "key@"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("gs://bucket/a.jpg", "gs://: needs the package gcsfs: pip install gcsfs"),
        ("az://bucket/a.jpg", "az://: needs the package adlfs: pip install adlfs"),
        ("s3://bucket/a.jpg", r"s3://: needs the extra remote: pip install 'goodsight\[remote\]'"),
        ("https://example.org/a.jpg", r"https://: needs the extra remote: pip install 'goodsight\[remote\]'"),
    ],
)
def test_a_package_that_is_not_installed_is_named(url: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_: object, **__: object) -> None:
        raise ImportError("no such module")

    monkeypatch.setattr("fsspec.core.url_to_fs", lacking)
    with pytest.raises(BadPhoto, match=f"no access: {said}"):
        places.Address(url).read(Limits())
    if url.startswith("http"):  # nobody asks what is there
        return
    for ask in (places.Address(url).exists, places.Address(url).entries):
        with pytest.raises(CatalogError, match=said):
            ask()


def test_without_fsspec_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setattr("goodsight.photos.remote.find_spec", lambda _: None)
    with pytest.raises(GoodsightError, match=r"to read addresses, .*pip install 'goodsight\[remote\]'"):
        places.of("s3://bucket/photos/")
    assert _bad("s3://bucket/a.jpg").startswith("no access: to read addresses, install the extra remote")

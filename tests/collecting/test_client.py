"""Guarded, polite HTTP against a server on this machine that misbehaves in all the usual ways."""

import gzip
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import HTTPServer
from pathlib import Path

import pytest
import shop
from shop import Clock, Shop

from goodsight.collecting import client, wire
from goodsight.collecting.client import Client
from goodsight.collecting.terms import USER_AGENT, Manners, NotFetched, Stopped

MOST = 100_000
PHOTO = shop.jpeg(1)
Get = Callable[[str], bytes]


@pytest.fixture
def served() -> Iterator[Shop]:
    with shop.opened() as running:
        running.pages["/a.jpg"] = shop.gives(PHOTO)
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _local(host: str, port: int) -> list[str]:
    """A name server that knows shops and the machine where a cloud keeps its secrets."""
    return [{"cloud.test": "169.254.169.254"}.get(host, "127.0.0.1" if host.endswith(".test") else host)]


@pytest.fixture
def asking(clock: Clock) -> Iterator[Client]:
    manners = Manners(rate=0.5, allow_private=True)
    with Client(manners, threading.Event(), wait=clock.wait, now=clock.now, lookup=_local) as made:
        yield made


def _reason(asking: Client, url: str) -> NotFetched:
    with pytest.raises(NotFetched) as stop:
        asking.get(url, MOST)
    return stop.value


def test_a_photo_comes_under_our_name_and_without_cookies(served: Shop, asking: Client) -> None:
    served.pages["/b.jpg"] = shop.gives(PHOTO, headers={"Set-Cookie": "id=1"})
    for path in ("/b.jpg", "/a.jpg"):
        assert asking.get(served.url(path, "a.test"), MOST).body == PHOTO
    for headers in served.headers:
        assert headers["User-Agent"] == USER_AGENT
        assert headers["Host"] == f"a.test:{served.port}"
        assert headers["Accept-Encoding"] == "identity"
        assert "Cookie" not in headers
    assert list(served.asked) == ["/robots.txt", "/b.jpg", "/a.jpg"]


def test_one_rate_per_host(served: Shop, asking: Client, clock: Clock) -> None:
    for host in ("a.test", "b.test"):
        for _ in range(2):
            asking.get(served.url("/a.jpg", host), MOST)
    assert clock.waits == [0, 2, 2, 0, 2, 2], "robots.txt takes a turn too; another host need not wait"


def test_a_crawl_delay_slows_down(served: Shop, asking: Client, clock: Clock) -> None:
    served.pages["/robots.txt"] = shop.gives(b"User-agent: *\nCrawl-delay: 7", kind="text/plain")
    for _ in range(2):
        asking.get(served.url("/a.jpg"), MOST)
    assert clock.waits == [0, 7, 7]
    served.pages["/robots.txt"] = shop.gives(b"User-agent: *\nCrawl-delay: 86400")
    assert "asks for 86400 s between requests" in _reason(asking, served.url("/a.jpg", "slow.test")).reason


def test_what_robots_txt_forbids_is_not_asked_for(served: Shop, asking: Client) -> None:
    served.pages["/robots.txt"] = shop.gives(b"User-agent: *\nDisallow: /secret")
    served.pages["/secret.jpg"] = shop.gives(PHOTO)
    served.pages["/way.jpg"] = shop.leads_to("/secret.jpg")
    for path in ("/secret.jpg", "/way.jpg"):
        assert "robots.txt of 127.0.0.1 forbids it" in _reason(asking, served.url(path)).reason
    assert served.asked["/secret.jpg"] == 0
    assert served.asked["/robots.txt"] == 1


@pytest.mark.parametrize(("status", "allowed"), [(404, True), (403, True), (500, False), (429, False)])
def test_a_robots_txt_that_is_not_there(status: int, allowed: bool, served: Shop, asking: Client) -> None:
    served.pages["/robots.txt"] = shop.gives(b"", status)
    if allowed:
        assert asking.get(served.url("/a.jpg"), MOST).body == PHOTO
        return
    assert (
        f"robots.txt cannot be read (HTTP {status}), so nothing may be" in _reason(asking, served.url("/a.jpg")).reason
    )
    assert served.asked == {"/robots.txt": client.TRIES}


def test_of_a_huge_robots_txt_the_beginning_counts(served: Shop, asking: Client) -> None:
    rules = b"User-agent: *\nDisallow: /early\n" + b"#" * client.ROBOTS_BYTES + b"\nDisallow: /a.jpg\n"
    served.pages["/robots.txt"] = shop.gives(rules)
    assert asking.get(served.url("/a.jpg"), MOST).body == PHOTO
    assert "forbids" in _reason(asking, served.url("/early")).reason


def test_a_redirect_is_followed_and_its_page_named(served: Shop, asking: Client) -> None:
    served.pages["/old"] = shop.leads_to("/older", 301)
    served.pages["/older"] = shop.leads_to(served.url("/a.jpg", "b.test"), 308)
    answer = asking.get(served.url("/old", "a.test"), MOST)
    assert answer.url == served.url("/a.jpg", "b.test")
    assert answer.body == PHOTO
    assert served.asked["/robots.txt"] == 2, "the other host is asked whether we may"


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("http://cloud.test/latest/meta-data", "cloud.test leads to 169.254.169.254, a link-local address"),
        ("http://169.254.169.254/", "a link-local address"),
        ("file:///etc/passwd", "redirects to an address that is refused: file: is refused"),
        ("http://me:pw@127.0.0.1/", "user name or password"),
        ("http://[::1", "redirects to something that is not a web address"),
        ("/round", "more than 5 redirects"),
    ],
)
def test_redirects_that_are_refused(target: str, why: str, served: Shop, asking: Client) -> None:
    served.pages["/round"] = shop.leads_to(target)
    assert why in _reason(asking, served.url("/round")).reason


def test_private_hosts_are_refused_before_a_byte_is_sent(served: Shop, clock: Clock) -> None:
    with Client(Manners(), threading.Event(), wait=clock.wait, now=clock.now) as careful:
        assert "leads to 127.0.0.1, a loopback address; allow it" in _reason(careful, served.url("/a.jpg")).reason
    assert not served.asked


def test_the_connection_goes_to_the_address_that_was_judged(served: Shop, clock: Clock) -> None:
    """A name server that gives a good address to the judge and a bad one a moment later."""
    answers: list[str] = []
    served.pages["/robots.txt"] = shop.gives(b"")

    def rebinding(host: str, port: int) -> list[str]:
        answers.append("127.0.0.1" if not answers else "169.254.169.254")
        return answers[-1:]

    manners = Manners(allow_private=True)
    with Client(manners, threading.Event(), wait=clock.wait, now=clock.now, lookup=rebinding) as asking:
        assert asking.get(served.url("/a.jpg", "evil.test"), MOST).body == PHOTO
        assert answers == ["127.0.0.1"], "judged once, on the connection that both requests used"
        assert "169.254.169.254" in _reason(asking, "http://evil.test:1/").reason


def test_the_next_address_is_tried(served: Shop, clock: Clock) -> None:
    manners = Manners(allow_private=True)
    two = ["127.1.2.3", "127.0.0.1"]  # nobody listens on the first
    with Client(manners, threading.Event(), wait=clock.wait, lookup=lambda host, port: two) as asking:
        assert asking.get(served.url("/a.jpg", "two.test"), MOST).body == PHOTO


def test_503_then_200(served: Shop, asking: Client, clock: Clock) -> None:
    served.pages["/b.jpg"] = shop.in_turn(*[shop.gives(b"", 503)] * 3, shop.gives(PHOTO))
    assert asking.get(served.url("/b.jpg"), MOST).body == PHOTO
    assert served.asked["/b.jpg"] == 4
    assert [round(wait) >= 2 for wait in clock.waits[1:]] == [True] * 4
    assert 2 <= clock.waits[-1] <= 6, "four seconds, give or take a half"


def test_four_tries_and_no_more(served: Shop, asking: Client) -> None:
    served.pages["/b.jpg"] = shop.gives(b"", 500)
    error = _reason(asking, served.url("/b.jpg"))
    assert (error.reason, error.lasting, served.asked["/b.jpg"]) == ("HTTP 500", False, client.TRIES)
    error = _reason(asking, served.url("/none.jpg"))
    assert (error.reason, error.lasting, served.asked["/none.jpg"]) == ("HTTP 404", True, 1)


@pytest.mark.parametrize("as_date", [False, True])
def test_a_retry_after_is_honoured(as_date: bool, served: Shop, asking: Client, clock: Clock) -> None:
    after = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True) if as_date else "90"
    served.pages["/b.jpg"] = shop.in_turn(shop.gives(b"", 429, {"Retry-After": after}), shop.gives(PHOTO))
    assert asking.get(served.url("/b.jpg"), MOST).body == PHOTO
    assert 85 <= clock.waits[-1] <= 90


def test_a_retry_after_of_a_redirects_target_holds_the_target(served: Shop, asking: Client, clock: Clock) -> None:
    served.pages["/go"] = shop.leads_to(served.url("/b.jpg", "b.test"))
    served.pages["/b.jpg"] = shop.in_turn(shop.gives(b"", 429, {"Retry-After": "60"}), shop.gives(PHOTO))
    assert asking.get(served.url("/go", "a.test"), MOST).body == PHOTO
    assert clock.waits[-1] > 50, "it is the last that waits: the target"


@pytest.mark.parametrize("after", ["3600", "999999999999", "soon"])
def test_a_long_or_odd_retry_after(after: str, served: Shop, asking: Client, clock: Clock) -> None:
    served.pages["/b.jpg"] = shop.gives(b"", 429, {"Retry-After": after})
    error = _reason(asking, served.url("/b.jpg"))
    assert error.again
    assert served.asked["/b.jpg"] == (1 if after == "3600" else client.TRIES)
    assert ("asks to come back in 3600 s" in error.reason) == (after == "3600")
    assert max(clock.waits) < client.LONGEST_WAIT


def test_a_body_without_end_is_cut_off(served: Shop, asking: Client) -> None:
    def endless(visitor: shop.Visitor) -> None:
        visitor.send_response(200)
        visitor.end_headers()
        while True:
            visitor.wfile.write(b"x" * 65536)

    served.pages["/endless"] = endless
    assert _reason(asking, served.url("/endless")).reason == "too large: more than the limit of 0.0953674 MiB"


def test_a_stated_length_is_believed_when_it_is_too_large(served: Shop, asking: Client) -> None:
    served.pages["/big"] = shop.gives(PHOTO, headers={"Content-Length": str(MOST + 1)})
    assert "too large" in _reason(asking, served.url("/big")).reason


def test_a_bomb_is_counted_as_it_unfolds(served: Shop, asking: Client) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < MOST
    served.pages["/bomb"] = shop.gives(bomb, headers={"Content-Encoding": "gzip"})
    assert "too large" in _reason(asking, served.url("/bomb")).reason
    served.pages["/small"] = shop.gives(gzip.compress(PHOTO), headers={"Content-Encoding": "gzip"})
    assert asking.get(served.url("/small"), MOST).body == PHOTO
    for odd in ("br", "zstd", "gzip, gzip"):
        served.pages["/odd"] = shop.gives(bomb, headers={"Content-Encoding": odd})
        assert f"sent as {odd!r}" in _reason(asking, served.url("/odd")).reason
    served.pages["/lie"] = shop.gives(PHOTO, headers={"Content-Encoding": "gzip"})
    assert "no whole answer" in _reason(asking, served.url("/lie")).reason


def test_half_an_answer_is_none(served: Shop, asking: Client) -> None:
    def half(visitor: shop.Visitor) -> None:
        shop.gives(PHOTO[:50], headers={"Content-Length": str(len(PHOTO))})(visitor)
        visitor.close_connection = True

    served.pages["/b.jpg"] = shop.in_turn(half, shop.gives(PHOTO))
    assert asking.get(served.url("/b.jpg"), MOST).body == PHOTO
    served.pages["/c.jpg"] = half
    assert "no whole answer" in _reason(asking, served.url("/c.jpg")).reason


def test_what_is_no_http_harms_nobody(served: Shop, asking: Client) -> None:
    def garbage(visitor: shop.Visitor) -> None:
        visitor.wfile.write(b"\x00\xff garbage\r\n\r\n")
        visitor.close_connection = True

    served.pages["/g"] = garbage
    assert "no whole answer" in _reason(asking, served.url("/g")).reason


def test_a_trickle_ends_at_the_deadline(served: Shop, asking: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then never lets a plain timeout pass."""
    monkeypatch.setattr(wire.Deadline.start, "__defaults__", (0.3,))
    monkeypatch.setattr(client, "TRIES", 1)

    def trickle(visitor: shop.Visitor) -> None:
        shop.gives(b"x", headers={"Content-Length": "9999"})(visitor)
        for _ in range(200):
            visitor.wfile.write(b"x")
            time.sleep(0.02)

    asking.get(served.url("/a.jpg"), MOST)
    served.pages["/slow"] = trickle
    began = time.monotonic()
    assert "it took too long" in _reason(asking, served.url("/slow")).reason
    assert time.monotonic() - began < 3


def test_an_interruption_ends_a_request(served: Shop, clock: Clock) -> None:
    stop = threading.Event()

    def stops(visitor: shop.Visitor) -> None:
        stop.set()
        shop.gives(PHOTO[:9], headers={"Content-Length": str(len(PHOTO))})(visitor)  # and the rest never

    served.pages["/b.jpg"] = stops
    with Client(Manners(allow_private=True), stop, wait=clock.wait) as asking, pytest.raises(Stopped):
        asking.get(served.url("/b.jpg"), MOST)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_a_certificate_is_checked_against_the_name(
    tmp_path: Path, served: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection goes to an address, and yet the certificate must be for the name."""
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    kind = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=shop.test"]
    subprocess.run(
        ["openssl", "req", *kind, "-addext", "subjectAltName=DNS:shop.test", *files], check=True, capture_output=True
    )
    server = HTTPServer(("127.0.0.1", 0), _handler(served))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    port = server.server_address[1]
    with Client(Manners(allow_private=True), threading.Event(), wait=clock.wait, lookup=_local) as asking:
        assert asking.get(f"https://shop.test:{port}/a.jpg", MOST).body == PHOTO
        assert "robots.txt cannot be read" in _reason(asking, f"https://other.test:{port}/a.jpg").reason
    server.shutdown()
    server.server_close()


def _handler(served: Shop) -> type[shop.Visitor]:
    class Handler(shop.Visitor):
        def do_GET(self) -> None:  # noqa: N802
            served.pages.get(self.path, shop.gives(b"", 404))(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler

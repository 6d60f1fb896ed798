"""Webhooks arrive signed, are tried again until they are heard, follow no redirect, and go where the operator says."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from goodsight.errors import GoodsightError
from goodsight.serve import webhooks
from goodsight.serve.webhooks import GIVEN_UP, Webhook, Webhooks, read_webhooks, signature
from goodsight.store import Store
from goodsight.store.outbox import LEASE

SECRET = "a secret of twenty-six letters"


class Receiver(HTTPServer):
    """Answers with the statuses that it is told, then with 204."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses: list[int] = []
        self.heard: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?of=shop"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.path, dict(self.headers), body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open("", tmp_path)
    yield opened
    opened.close()


def test_a_message_arrives_signed(receiver: Receiver, store: Store) -> None:
    hooks = Webhooks((Webhook(receiver.url, SECRET, ("review.decided",)),), store)
    hooks.tell("model.swapped", model="ads")  # nobody asked for that
    hooks.tell("review.decided", check="c1", decision="phone", reviewer="ann")
    assert hooks.send(receiver.url)
    assert not hooks.send(receiver.url)
    ((path, headers, body),) = receiver.heard
    assert path == "/hook?of=shop"
    assert headers["Goodsight-Signature"] == signature(SECRET, headers["Goodsight-Timestamp"], body)
    assert headers["Goodsight-Signature"] != signature(SECRET + "!", headers["Goodsight-Timestamp"], body)
    said = json.loads(body)
    assert (said["event"], said["check"], said["decision"]) == ("review.decided", "c1", "phone")
    assert store.outbox.waiting() == 0


def test_it_is_tried_again_later_and_later_until_it_is_heard(receiver: Receiver, store: Store) -> None:
    receiver.statuses = [500, 302]  # a redirect is not followed, and is no answer
    hooks = Webhooks((Webhook(receiver.url, SECRET),), store)
    hooks.tell("model.swapped", model="ads", model_id="m")
    (message,) = [store.outbox.take(receiver.url)]
    assert message is not None
    store.outbox.again(message.number, message.time)
    now = message.time
    sent = [second for second in range(120) if hooks.send(receiver.url, now=now + second)]
    assert sent == [0, 10, 30]  # the first try counts the one above
    assert [path for path, *_ in receiver.heard] == ["/hook?of=shop"] * 3
    assert len({body for *_, body in receiver.heard}) == 1
    assert store.outbox.waiting() == 0


def test_who_never_answers_is_given_up(store: Store) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        url = f"http://127.0.0.1:{closed.server_port}/"
    hooks = Webhooks((Webhook(url, SECRET),), store)
    hooks.tell("model.swapped", model="ads", model_id="m")
    message = store.outbox.take(url, now=1e12)
    assert message is not None
    assert hooks.send(url, now=1e12 + GIVEN_UP)
    assert store.outbox.waiting() == 0
    (line,) = store.log.lines()
    assert (line.who, line.what, line.about) == ("service", "gave up a webhook", url)


def test_an_address_of_another_process_is_left_to_it(receiver: Receiver, store: Store) -> None:
    older = Webhooks((Webhook("http://127.0.0.1/", SECRET),), store)
    newer = Webhooks((Webhook(receiver.url, SECRET),), store)
    newer.tell("model.swapped", model="ads", model_id="m")
    assert not any(older.send(url) for url in older.urls)
    older.forget()
    assert newer.send(receiver.url)
    assert len(receiver.heard) == 1
    newer.tell("model.swapped", model="ads", model_id="m")
    newer.forget(now=1e12)  # its own are tried once more at least
    assert store.log.lines() == []
    older.forget(now=1e12)
    assert store.outbox.waiting() == 0
    (line,) = store.log.lines()
    assert (line.what, line.about) == ("gave up a webhook", receiver.url)


class _Dripping(_Handler):
    """Answers a byte at a time, each well within the time for a read, and ends with an answer that counts."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        with suppress(OSError):
            for byte in b"HTTP/1.0 200 OK\r\nDrip: drip drip drip drip\r\n\r\n":
                self.wfile.write(bytes([byte]))
                time.sleep(0.05)


def test_a_whole_answer_has_a_limit(receiver: Receiver, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver.RequestHandlerClass = _Dripping
    monkeypatch.setattr(webhooks, "SECONDS", 1.2)  # within the head, after the status
    hooks = Webhooks((Webhook(receiver.url, SECRET),), store)
    hooks.tell("model.swapped", model="ads", model_id="m")
    assert hooks.send(receiver.url)
    assert store.outbox.waiting() == 1


def test_a_lease_is_longer_than_an_exchange() -> None:
    assert webhooks.SECONDS + webhooks._CONNECT < LEASE / 2


def test_two_processes_do_not_send_one_message(store: Store) -> None:
    store.outbox.add(["http://127.0.0.1/"], "{}")
    first = store.outbox.take("http://127.0.0.1/", now=1e10)
    assert first is not None
    assert store.outbox.take("http://127.0.0.1/", now=1e10 + 59) is None
    again = store.outbox.take("http://127.0.0.1/", now=1e10 + 61)  # who took it was killed
    assert again is not None
    assert (again.number, again.tries) == (first.number, first.tries + 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"has no \[\[webhooks\]\] entry"),
        ("[[webhooks]]\nurl = 'http://a/'", "entry 1: must have url and secret"),
        ("[[webhooks]]\nurl = 'file:///etc/passwd'\nsecret = '0123456789abcdef'", "must be http://host/path"),
        ("[[webhooks]]\nurl = 'http://a/'\nsecret = 'short'", "secret must have 16 characters"),
        ("[[webhooks]]\nurl = 'http://a/'\nsecret = '0123456789abcdef'\nevents = ['x']", "events must be some of"),
        ("[[webhooks]]\nurl = 'http://a/'\nsecret = '0123456789abcdef'\n" * 2, "twice"),
        ("=", "cannot be read"),
    ],
)
def test_a_wrong_file_is_told(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "hooks.toml").write_text(text, encoding="utf-8")
    with pytest.raises(GoodsightError, match=said):
        read_webhooks(tmp_path / "hooks.toml")


def test_a_file_becomes_webhooks(tmp_path: Path) -> None:
    path = tmp_path / "hooks.toml"
    path.write_text(f"[[webhooks]]\nurl = 'https://a/b'\nsecret = '{SECRET}'", encoding="utf-8")
    assert read_webhooks(path) == (Webhook("https://a/b", SECRET),)

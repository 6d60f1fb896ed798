"""Others are told what happened: a signed POST to addresses of the operator's, tried again until it is heard.

The signature is the HMAC-SHA256 (RFC 2104) of the time, a dot and the body, under the webhook's secret: who has that
knows that a message is ours, unchanged, and how old it is. A message may come twice; its ``id`` is then the same.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import logging
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from goodsight.about import __version__
from goodsight.errors import GoodsightError
from goodsight.files import read_toml
from goodsight.store import Message, News, Store

logger = logging.getLogger("goodsight.serve")
EVENTS = ("review.decided", "review.undone", "model.swapped")
SECONDS = 10.0
"""For a whole exchange with an address, which is less than the lease of its message."""
_CONNECT = 5.0
"""For each of the machines that an address stands for."""
FIRST, LONGEST = 5.0, 3600.0
"""Seconds before the first new try, each later one after twice the time; and the longest time between two."""
GIVEN_UP = 3 * 86400.0
"""Seconds after which a message is given up."""
_SECRET = 16


@dataclass(frozen=True)
class Webhook:
    """Where to tell what, and the secret that signs it."""

    url: str
    secret: str
    events: tuple[str, ...] = EVENTS


def read_webhooks(path: Path) -> tuple[Webhook, ...]:
    """Read a webhooks file.

    Raises:
        GoodsightError: it cannot be read, or an entry is wrong.

    """
    record = read_toml(path, "`webhooks`")
    entries = record.get("webhooks")
    if not isinstance(entries, list) or not entries:
        raise GoodsightError(f"`webhooks` {path}: has no [[webhooks]] entry; give url and secret in each")
    made = tuple(_webhook(f"`webhooks` {path}: entry {n}", entry) for n, entry in enumerate(entries, start=1))
    if len({hook.url for hook in made}) < len(made):
        raise GoodsightError(f"`webhooks` {path}: an url is there twice; give all its events in one entry")
    return made


def _webhook(where: str, entry: Any) -> Webhook:
    if not isinstance(entry, dict) or not {"url", "secret"} <= set(entry) <= {"url", "secret", "events"}:
        raise GoodsightError(f"{where}: must have url and secret, and may have events")
    url, secret, events = str(entry["url"]), str(entry["secret"]), entry.get("events", list(EVENTS))
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise GoodsightError(f"{where}: url {url[:100]!r} must be http://host/path or https://host/path")
    if len(secret) < _SECRET:
        raise GoodsightError(f"{where}: secret must have {_SECRET} characters or more")
    if not isinstance(events, list) or not events or not set(events) <= set(EVENTS):
        raise GoodsightError(f"{where}: events must be some of {', '.join(EVENTS)}")
    return Webhook(url, secret, tuple(events))


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What the header ``Goodsight-Signature`` says of a body at a time."""
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Webhooks:
    """Tells what happened.

    Args:
        hooks: whom; nothing is kept for nobody.
        store: keeps what is not heard yet.

    """

    def __init__(self, hooks: tuple[Webhook, ...], store: Store) -> None:
        self._hooks = {hook.url: hook for hook in hooks}
        self._store = store

    def tell(self, event: str, **said: Any) -> None:
        """Keep what happened for all who want to hear of it."""
        if news := self.news(event, **said):
            self._store.outbox.add(news.urls, news.body)

    def news(self, event: str, **said: Any) -> News | None:
        """What is told of something to all who want to hear of it, None where nobody does; it is not kept here."""
        urls = tuple(hook.url for hook in self._hooks.values() if event in hook.events)
        known = {"id": uuid.uuid4().hex, "event": event, "time": time.time()}
        return News(urls, json.dumps(known | said)) if urls else None

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses that hear of something."""
        return tuple(self._hooks)

    def send(self, url: str, *, now: float | None = None) -> bool:
        """Send the message that has been due longest at an address; False when there is none."""
        now = time.time() if now is None else now
        message = self._store.outbox.take(url, now=now)
        if message is None:
            return False
        trouble = _post(self._hooks[url], message)
        if not trouble:
            self._store.outbox.done(message.number)
        elif now - message.time > GIVEN_UP:
            self._store.outbox.done(message.number)
            self._give_up(message, trouble)
        else:
            wait = min(FIRST * 2**message.tries, LONGEST)
            logger.warning("webhook %s: %s; trying again in %g s", message.url, trouble, wait)
            self._store.outbox.again(message.number, now + wait)
        return True

    def forget(self, *, now: float | None = None) -> None:
        """Give up old messages to addresses that are not ours; until then a process with another file may know them."""
        now = time.time() if now is None else now
        for message in self._store.outbox.strays(self.urls, now - GIVEN_UP):
            self._give_up(message, "it is not in the file of webhooks any more")

    def _give_up(self, message: Message, trouble: str) -> None:
        logger.error("webhook %s: given up: %s", message.url, trouble)
        self._store.log.add("service", "gave up a webhook", message.url, trouble)


def _post(hook: Webhook, message: Message) -> str:
    """What went wrong, '' where the address took the message. A redirect is no answer: it would lead elsewhere."""
    body, timestamp = message.body.encode(), str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"goodsight/{__version__}",
        "Goodsight-Timestamp": timestamp,
        "Goodsight-Signature": signature(hook.secret, timestamp, body),
    }
    try:
        status = _status(hook.url, body, headers)
    except (OSError, http.client.HTTPException) as error:
        return f"does not answer: {error}"
    return "" if 200 <= status < 300 else f"answers {status}"


def _status(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """What an address answers, within :data:`SECONDS` in all: a time limit of a socket is for each read alone."""
    end = time.monotonic() + SECONDS
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port)
    with _connected(connection.host, connection.port, secure=parts.scheme == "https") as link:
        cut = threading.Timer(max(0.0, end - time.monotonic()), _cut, (link,))
        cut.daemon = True
        cut.start()
        try:
            if isinstance(link, ssl.SSLSocket):
                link.do_handshake()
            connection.sock = link
            query = f"?{parts.query}" if parts.query else ""
            connection.request("POST", (parts.path or "/") + query, body, dict(headers))
            status = connection.getresponse().status
        finally:
            cut.cancel()
            connection.close()
    if time.monotonic() >= end:  # half a head reads like a whole one
        raise TimeoutError(f"no whole answer in {SECONDS:g} s")
    return status


def _connected(host: str, port: int, *, secure: bool) -> socket.socket:
    """A connection; where it is to be secure, one that has still to shake hands."""
    plain = socket.create_connection((host, port), timeout=_CONNECT)
    plain.settimeout(SECONDS)
    if not secure:
        return plain
    context = ssl.create_default_context()
    return context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)


def _cut(link: socket.socket) -> None:
    with suppress(OSError):  # it is closed already
        socket.socket.shutdown(link, socket.SHUT_RDWR)  # that of ssl would change what another thread reads from

"""Around every request: a host that we answer to, a body that is not too big or too slow, safe headers, the meters."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Collection
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from goodsight.serve import problems
from goodsight.serve.meters import Meters
from goodsight.serve.problems import Problem

logger = logging.getLogger("goodsight.serve")
HEAD_BYTES = 32 * 2**10
HEAD_SECONDS = 10.0
_METHODS = {"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"}
_PHOTOS = {"/v1/check", "/v1/classify", "/v1/search"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


class Shield:
    """ASGI middleware.

    Args:
        app: what is shielded.
        meters: told about every request.
        hosts: host names that are answered to; empty for all.
        most: bytes of a body.
        seconds: for a body to arrive.
        full: why no photo can be taken now, '' when one can.

    """

    def __init__(
        self,
        app: ASGIApp,
        meters: Meters,
        hosts: Collection[str],
        most: int,
        seconds: float,
        full: Callable[[], str],
    ) -> None:
        self._app, self._meters, self._hosts = app, meters, frozenset(hosts)
        self._most, self._seconds, self._full = most, seconds, full

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.monotonic()
        status = 499  # the client left before an answer

        async def safe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            refused = self._refused(scope["path"], Headers(scope=scope))
            if refused:
                await problems.response(refused.status_code, refused.detail, refused.headers)(scope, receive, safe)
            else:
                await self._app(scope, self._measured(receive), safe)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            seconds = time.monotonic() - start
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._meters.request(method, route, status, seconds)
            logger.info("%s %s %d %.0f ms", method, route, status, 1000 * seconds)

    def _refused(self, path: str, headers: Headers) -> Problem | None:
        host = headers.get("host", "")
        if self._hosts and re.sub(r":\d*$", "", host) not in self._hosts:
            return Problem(400, f"this service does not answer as {host[:100]!r}", {"Connection": "close"})
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._most:
            return self._too_large()
        # Here, before routes, sessions and bodies, a refusal costs least: that is when there is the most to do.
        if (path in _PHOTOS or path.endswith("/infer")) and (reason := self._full()):
            return problems.busy(reason)
        return None

    def _measured(self, receive: Receive) -> Receive:
        count, until = 0, asyncio.get_running_loop().time() + self._seconds

        async def measured() -> Any:
            nonlocal count
            if count < 0:  # the body is complete; what comes now is a disconnection, for which there is no hurry
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError as error:
                raise Problem(408, f"the body took more than {self._seconds:g} s", {"Connection": "close"}) from error
            count += len(message.get("body", b""))
            if count > self._most:
                raise self._too_large()
            if not message.get("more_body"):
                count = -1
            return message

        return measured

    def _too_large(self) -> Problem:
        return Problem(413, f"the limit is {self._most / 2**20:g} MiB", {"Connection": "close"})


class BoundedHead(HttpToolsProtocol):
    """Uvicorn's protocol, with a limit on the bytes and seconds of a request's head."""

    def connection_made(self, transport: Any) -> None:
        """Give the head its time."""
        super().connection_made(transport)
        self._head = 0
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._late)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a head."""
        if self._head >= 0:
            self._head += len(data)
        super().data_received(data)
        if self._head > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("the request's head is too large")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count the headers that came in one piece."""
        self._headers += len(name) + len(value)
        if self._headers > HEAD_BYTES:
            raise ValueError("the request's head is too large")  # the parser turns it into a 400
        super().on_header(name, value)

    def on_message_begin(self) -> None:
        """A new head."""
        self._headers = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole: from here on the body has limits of its own."""
        self._head = -1
        self._deadline.cancel()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next request on this connection starts with a head again."""
        super().on_message_complete()
        self._head = 0

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        self._deadline.cancel()
        super().connection_lost(exc)

    def _late(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

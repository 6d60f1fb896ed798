"""Around every request: a host that we answer to, safe headers, redirects that stay here, the meters."""

from __future__ import annotations

import ipaddress
import logging
import re
import time
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from goodsight.serve import problems
from goodsight.serve.meters import Meters
from goodsight.serve.problems import Problem

logger = logging.getLogger("goodsight.serve")
_METHODS = {"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"}
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
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
        hosts: host names that are answered to, in small letters; empty for all.

    """

    def __init__(self, app: ASGIApp, meters: Meters, hosts: Collection[str]) -> None:
        self._app, self._meters, self._hosts = app, meters, frozenset(hosts)

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
                _make_safe(MutableHeaders(scope=message), scope)
            await send(message)

        try:
            refused = self._refused(Headers(scope=scope))
            if refused:
                await problems.response(refused.status_code, refused.detail, refused.headers)(scope, receive, safe)
            else:
                await self._app(scope, receive, safe)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            seconds = time.monotonic() - start
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._meters.request(method, route, status, seconds)
            logger.info("%s %s %d %.0f ms", method, route, status, 1000 * seconds)

    def _refused(self, headers: Headers) -> Problem | None:
        given = headers.getlist("host")
        host = _name(given[0]) if given else ""
        if len(given) > 1 or (given and not host) or (self._hosts and host not in self._hosts):
            said = (
                f"this service does not answer as {', '.join(given)[:100]!a}; `goodsight serve --allow-host` names it"
            )
            return Problem(400, said, {"Connection": "close"})
        return None


def _name(host: str) -> str:
    """The name or address in a Host header, in small letters; '' where there is none that an address can hold."""
    found = _HOST.fullmatch(host)
    name = found[1].lower() if found else ""
    if name.startswith("["):
        try:
            ipaddress.IPv6Address(name[1:-1])
        except ValueError:
            return ""
    return name


def _make_safe(headers: MutableHeaders, scope: Scope) -> None:
    """Headers that every answer has, before it is sent."""
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    if place := headers.get("location"):
        # The framework puts the Host header into it, which is whatever the client, or who misleads it, wrote there.
        headers["location"] = "/" + _ABSOLUTE.sub("", place).lstrip("/\\")
    body = scope.get("extensions", {}).get("goodsight.body")
    if body and body["coming"]():
        headers["connection"] = "close"  # nobody will read the rest

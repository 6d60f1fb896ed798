"""The guarded connection: it goes to an address that was judged, and it ends at its deadline.

The name is resolved once per connection, and the socket is opened to the very address that was judged: a name server
that answers differently a moment later changes nothing. TLS still checks the certificate against the name.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpcore2
import httpx2

from goodsight.collecting.terms import Stopped

SECONDS = 120.0
"""For a whole answer; a server that sends a byte now and then would otherwise hold on to us for ever."""
TRIED = 3
"""How many addresses of a host are tried."""


class Deadline(threading.local):
    """When the request that this thread has under way must be over."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._until = float("inf")

    def start(self, seconds: float = SECONDS) -> None:
        """A new request begins."""
        self._until = time.monotonic() + seconds

    def left(self, timeout: float | None) -> float:
        """The timeout for the next step. Raises ReadTimeout when the time is over, Stopped after an interruption."""
        if self._stop.is_set():
            raise Stopped
        left = self._until - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("the whole answer took too long")
        return left if timeout is None else min(timeout, left)


class Guarded(httpcore2.NetworkBackend):
    """Opens connections to addresses that ``resolve`` lets pass; it raises NotFetched for the others."""

    def __init__(self, resolve: Callable[[str, int], list[str]], deadline: Deadline) -> None:
        self._resolve, self._deadline, self._plain = resolve, deadline, httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of the host that answers."""
        failed: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in self._resolve(host, port)[:TRIED]:
            left = self._deadline.left(timeout)
            try:
                stream = self._plain.connect_tcp(address, port, left, local_address, socket_options)
                return _Timed(stream, self._deadline)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise failed


class _Timed(httpcore2.NetworkStream):
    """A stream whose every step ends at the deadline."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Timed(
            self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout)), self._deadline
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class Transport(httpx2.BaseTransport):
    """Sends a request over guarded connections. No cookies, no proxies, no redirects: what is asked, no more."""

    def __init__(self, backend: httpcore2.NetworkBackend, connections: int) -> None:
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context(),
            max_connections=2 * connections,  # a redirect may lead to a second host
            max_keepalive_connections=connections,
            keepalive_expiry=20.0,
            network_backend=backend,
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer, whose content is yet to be read. Raises what httpcore2 raises, NotFetched and Stopped."""
        url = request.url
        sent = httpcore2.Request(
            request.method,
            httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            extensions=request.extensions,
        )
        got = self._pool.handle_request(sent)
        return httpx2.Response(got.status, headers=got.headers, stream=_Body(got), request=request)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _Body(httpx2.SyncByteStream):
    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    def __iter__(self) -> Any:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()

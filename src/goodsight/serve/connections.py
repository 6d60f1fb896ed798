"""Connections that cost little: each phase has its time, no address has every place, who only waits makes room.

Uvicorn's protocol knows no limit but one for idle connections, and its limit on connections refuses those who come
late, which are the honest ones when slow clients hold every place.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 32 * 2**10
LINGER = 2.0
"""Seconds that a client may go on sending what nobody reads, so that it hears the answer before the end."""
_LOOK = 0.5
_GRACE = 5.0
_REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Bounds:
    """What connections may take.

    Attributes:
        most: open at once.
        per_address: of them, from one address; 0 for no limit of its own.
        proxies: addresses that speak for many and have no limit of their own.
        head_seconds: for a request's head, whole, on a new connection and on an old one.
        idle_seconds: between an answer and the next request.
        body_seconds: for a body to arrive.
        answer_seconds: for a client to read what waits for it.

    """

    most: int = 512
    per_address: int = 256
    proxies: tuple[str, ...] = ()
    head_seconds: float = 10.0
    idle_seconds: float = 5.0
    body_seconds: float = 30.0
    answer_seconds: float = 30.0


class Register:
    """All connections of one process.

    Who comes when all places are taken gets the place of one that only waits for its client: first of one that has
    not even sent a head, from the address that has most, then of the slowest body. A request in work keeps its place.

    Args:
        bounds: of connections.

    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        # In the order in which their clients were last answered: who has waited longest stands in front.
        self._by_address: dict[str, dict[Connection, None]] = {}
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    def admit(self, made: Connection) -> bool:
        """Give a new connection a place; whether there was one."""
        own = self._by_address.get(made.address, {})
        alone = self.bounds.per_address and made.address not in self.bounds.proxies
        if alone and len(own) >= self.bounds.per_address and not self._make_room(own):
            return False
        if self._count >= self.bounds.most and not self._make_room_among_all():
            return False
        self._by_address.setdefault(made.address, {})[made] = None
        self._count += 1
        if self._timer is None:
            self._timer = made.loop.call_later(_LOOK, self._look, made.loop)
        return True

    def answered(self, one: Connection) -> None:
        """The client of a connection has its answer, and its waiting begins anew."""
        own = self._by_address.get(one.address, {})
        if one in own:
            del own[one]
            own[one] = None

    def leave(self, gone: Connection) -> None:
        """The connection is closed, or as good as that."""
        own = self._by_address.get(gone.address, {})
        if gone in own:
            del own[gone]
            self._count -= 1
            if not own:
                del self._by_address[gone.address]

    def _make_room_among_all(self) -> bool:
        largest = max(self._by_address.values(), key=len)
        if self._make_room(largest):
            return True
        return any(self._make_room(crowd) for crowd in list(self._by_address.values()))

    def _make_room(self, among: Iterable[Connection]) -> bool:
        """Under fire this is asked for each connection, so that it must find somebody at the first glance."""
        worst = next((one for one in among if one.phase not in ("work", "body")), None)
        if worst is None:
            now = time.monotonic()
            bodies = [one for one in among if one.phase == "body"]
            worst = min(bodies, key=lambda one: one.speed(now), default=None)
        if worst is None:
            return False
        self.leave(worst)
        worst.end()
        return True

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """End what has outlived its phase."""
        now = time.monotonic()
        for one in [one for crowd in self._by_address.values() for one in crowd]:
            if one.late(now):
                self.leave(one)
                one.end()
        self._timer = loop.call_later(_LOOK, self._look, loop) if self._count else None


class Connection(HttpToolsProtocol):
    """Uvicorn's protocol with a place in a register, and limits on the bytes and seconds of each phase.

    ``phase`` is what is waited for: ``head`` and ``body`` from the client, ``work`` by us, ``unread`` for the client to
    read, ``idle`` for the next request, ``linger`` for the client to hear what came before the end of its body.
    """

    def __init__(self, register: Register, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._register = register
        self.address = ""
        self._reading = "head"  # what the parser is in
        self._since = time.monotonic()
        self._bytes = 0
        self._headers = 0
        self._lingering = False
        self._unread_since = 0.0  # when an answer began to wait for its reader; 0 when none waits

    @property
    def phase(self) -> str:
        """See above."""
        if self._lingering:
            return "linger"
        if self._wire.get_write_buffer_size():
            return "unread"
        if self.cycle is not None and not self.cycle.response_complete and self._reading != "body":
            return "work"
        return self._reading

    @property
    def sending(self) -> bool:
        """Whether the client may be in the middle of a request."""
        return self._reading == "body" or (self._reading == "head" and self._bytes > 0)

    def speed(self, now: float) -> float:
        """Bytes a second that came of a body."""
        return (self._bytes + 1) / (now - self._since + 1e-9)

    def late(self, now: float) -> bool:
        """Whether the client has taken more than its time."""
        bounds = self._register.bounds
        if not self._wire.get_write_buffer_size():
            self._unread_since = 0.0
        elif not self._unread_since:
            self._unread_since = now
        elif now - self._unread_since > bounds.answer_seconds:
            return True
        limits = {
            "head": bounds.head_seconds,
            "idle": bounds.idle_seconds,
            # The application answers with 408 first, when it waits for the body.
            "body": bounds.body_seconds + _GRACE,
            "linger": LINGER,
        }
        return now - self._since > limits.get(self.phase, float("inf"))

    def end(self) -> None:
        """Close at once, whatever is still to be sent."""
        self._wire.abort()

    def connection_made(self, transport: Any) -> None:
        """Take a place, or be refused."""
        super().connection_made(transport)
        self._wire = transport
        self.transport = _Patient(transport, self)  # type: ignore[assignment]
        self.address = self.client[0] if self.client else ""
        if not self._register.admit(self):
            transport.write(_REFUSAL)
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a phase; after the answer they are not even parsed."""
        if self._lingering:
            return
        if self._reading == "idle":
            self._enter("head")
        self._bytes += len(data)
        super().data_received(data)
        if self._reading == "head" and self._bytes > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("the request's head is too large")

    def on_message_begin(self) -> None:
        """A new head."""
        self._headers = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count the headers that came in one piece."""
        self._headers += len(name) + len(value)
        if self._headers > HEAD_BYTES:
            raise ValueError("the request's head is too large")  # the parser turns it into a 400
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """From here on the body is waited for."""
        self._enter("body")
        if not self.url.startswith(b"/"):
            self._host_of_target()
        super().on_headers_complete()
        # An answer that comes while the body is still on its way ends the connection, and says so.
        cycle: Any = self.cycle
        self.scope["extensions"] = {"goodsight.body": {"coming": lambda: cycle.more_body}}

    def on_message_complete(self) -> None:
        """The next request on this connection starts with a head again."""
        super().on_message_complete()
        self._enter("idle")

    def on_response_complete(self) -> None:
        """The client's time starts anew."""
        self._since = time.monotonic()
        self._register.answered(self)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._register.leave(self)
        super().connection_lost(exc)

    def linger(self) -> None:
        """Send no more than what was said, and hear the client out for a moment.

        Closing at once with bytes unread resets the connection, and the client may never see its answer.
        """
        self._lingering = True
        self._since = time.monotonic()
        self.flow.resume_reading()
        self._wire.write_eof()

    def _host_of_target(self) -> None:
        """The host in a request's target, as proxies are sent it, counts, and not the header (RFC 9112, 3.2.2)."""
        target = httptools.parse_url(self.url)
        port = b":%d" % target.port if target.port else b""
        self.headers[:] = [(name, value) for name, value in self.headers if name != b"host"]
        self.headers.append((b"host", (target.host or b"") + port))

    def _enter(self, reading: str) -> None:
        self._reading, self._since, self._bytes = reading, time.monotonic(), 0


class _Patient:
    """A transport that is closed after the client could read what it was sent."""

    def __init__(self, wire: Any, connection: Connection) -> None:
        self._wire, self._connection = wire, connection

    def close(self) -> None:
        """Close, now or when the client has stopped sending."""
        if self.is_closing():
            return
        if self._connection.sending:
            self._connection.linger()
        else:
            self._wire.close()

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._connection.phase == "linger" or self._wire.is_closing()

    def write(self, data: bytes) -> None:
        """Send, as long as the connection is not at its end."""
        if not self.is_closing():
            self._wire.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wire, name)

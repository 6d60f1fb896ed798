"""Over real sockets: each phase of a connection ends in its time, and who only waits makes room for who asks."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from goodsight.serve.connections import Bounds, Connection, Register
from goodsight.serve.meters import Meters
from goodsight.serve.shield import Shield

SHORT = Bounds(head_seconds=1, idle_seconds=1, body_seconds=1, answer_seconds=1)
HEAD = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
PATIENCE = 20.0
Connect = Callable[..., socket.socket]


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers at once with the host it was asked as, with much for /much, and for /wait when the client has left."""
    if scope["path"] == "/wait":
        while (await receive())["type"] != "http.disconnect":
            pass
    host = dict(scope["headers"]).get(b"host", b"")
    body = bytes(2**26) if scope["path"] == "/much" else host
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def _serving(bounds: Bounds) -> Iterator[Connect]:
    """A server; connects from a loopback address to it. What is open at the end is closed."""
    app = Shield(_app, Meters(lambda: 0, lambda: 0), ())
    protocol = partial(Connection, Register(bounds))
    config = uvicorn.Config(app, "127.0.0.1", 0, http=protocol, ws="none", lifespan="off", log_level="error")  # type: ignore[arg-type]
    config.timeout_keep_alive = 100  # ours must do it
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with ExitStack() as stack:

        def connect(sent: bytes = b"", address: str = "127.0.0.1") -> socket.socket:
            wire = stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE, (address, 0)))
            wire.sendall(sent)
            return wire

        yield connect
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def connect() -> Iterator[Connect]:
    with pytest.MonkeyPatch.context() as patch, _serving(SHORT) as made:
        patch.setattr("goodsight.serve.connections._GRACE", 0.0)
        yield made


def _read(wire: socket.socket) -> bytes:
    """What comes until the server ends the connection."""
    found = b""
    try:
        while part := wire.recv(2**16):
            found += part
    except ConnectionResetError:
        pass
    return found


def _answered(wire: socket.socket) -> bool:
    return wire.recv(12) == b"HTTP/1.1 200"


def _drip(wire: socket.socket, data: bytes) -> None:
    """Send a byte now and then, until nobody takes them any more."""
    for at in range(len(data)):
        try:
            wire.sendall(data[at : at + 1])
        except OSError:
            return
        time.sleep(0.1)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", HEAD[:-2]])
def test_a_head_that_does_not_come_ends_the_connection(connect: Connect, sent: bytes) -> None:
    assert _read(connect(sent)) == b""


def test_a_second_head_has_no_more_time_than_the_first(connect: Connect) -> None:
    wire = connect(HEAD)
    assert _answered(wire)
    slow = threading.Thread(target=_drip, args=(wire, b"GET / HTTP/1.1\r\nX: " + b"x" * 200))
    slow.start()
    assert b"HTTP/1.1" not in _read(wire)
    slow.join(PATIENCE)
    assert not slow.is_alive()


def test_an_idle_connection_is_closed(connect: Connect) -> None:
    assert _read(connect(HEAD)).endswith(b"here")


def test_who_does_not_read_is_left(connect: Connect) -> None:
    wire = connect(HEAD.replace(b"/ ", b"/much "))
    time.sleep(2.5)
    assert len(_read(wire)) < 2**26


def test_the_body_of_nobody_who_waits_ends_the_connection(connect: Connect) -> None:
    assert _read(connect(b"POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")) == b""


def test_an_answer_before_the_body_is_read_and_heard(connect: Connect) -> None:
    wire = connect(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 9000000\r\n\r\n" + bytes(3_000_000))
    found = _read(wire)
    assert found.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in found
    assert found.endswith(b"here")


def test_a_body_that_is_there_leaves_the_connection_open(connect: Connect) -> None:
    wire = connect(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\nabc")
    found = b""
    while not found.endswith(b"here"):
        found += wire.recv(4096)
    assert b"connection: close" not in found
    wire.sendall(HEAD)
    assert _answered(wire)


@pytest.mark.parametrize(
    ("target", "host"), [(b"/", b"here"), (b"http://evil.example/", b"evil.example"), (b"http://e:8/x", b"e:8")]
)
def test_the_host_in_a_target_counts(connect: Connect, target: bytes, host: bytes) -> None:
    assert _read(connect(HEAD.replace(b"/", target, 1))).endswith(b"\r\n\r\n" + host)


@pytest.mark.parametrize("target", [b"*", b"http://", b"evil:443", b"\xff", b"//"])
def test_odd_targets_are_no_error_of_ours(connect: Connect, target: bytes) -> None:
    assert not _read(connect(HEAD.replace(b"/", target, 1))).startswith(b"HTTP/1.1 5")


def test_who_asks_gets_the_place_of_who_waits() -> None:
    bounds = Bounds(most=6, per_address=4)
    with _serving(bounds) as connect:
        slow = [connect(b"GET / HT", "127.0.0.2") for _ in range(4)]
        assert _answered(connect(HEAD, "127.0.0.2"))
        assert _read(slow[0]) == b""  # the oldest of its address
        others = [connect(b"GET / HT", f"127.0.0.{number}") for number in range(3, 9)]
        assert _answered(connect(HEAD, "127.0.0.9"))
        assert _read(slow[1]) == b""  # the crowd goes first
        others[-1].sendall(b"TP/1.1\r\nHost: a\r\n\r\n")
        assert _answered(others[-1])


def test_a_request_in_work_keeps_its_place() -> None:
    with _serving(Bounds(most=2, per_address=1, proxies=("127.0.0.2",))) as connect:
        wait = HEAD.replace(b"/ ", b"/wait ")
        first = connect(wait)
        time.sleep(0.3)
        assert b" 503 " in _read(connect(HEAD))
        second = connect(wait, "127.0.0.2")
        time.sleep(0.3)
        assert b" 503 " in _read(connect(HEAD, "127.0.0.2"))
        first.close()
        time.sleep(0.3)
        assert _answered(connect(HEAD, "127.0.0.2"))  # a proxy has no limit of its own
        second.close()


def test_who_does_not_read_makes_room() -> None:
    with _serving(Bounds(most=2)) as connect:
        deaf = [connect(HEAD.replace(b"/ ", b"/much ")) for _ in range(2)]
        time.sleep(0.5)
        assert _answered(connect(HEAD))
        assert len(_read(deaf[0])) < 2**26


def test_the_slowest_body_goes_first() -> None:
    with _serving(replace(Bounds(), most=2)) as connect:
        start = b"POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n"
        slow, quick = connect(start + b"x"), connect(start + bytes(50_000))
        time.sleep(0.3)
        assert _answered(connect(HEAD))
        assert _read(slow) == b""
        quick.settimeout(0.2)
        with pytest.raises(TimeoutError):
            quick.recv(1)

"""A service in a process of its own on a free loopback port, and a load of requests on it; for benches and tests."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

BOUNDARY = b"------------------------d74496d66958873e"
_HEAD = (
    b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=" + BOUNDARY + b"\r\n"
    b"Content-Length: %d\r\n\r\n"
)


@dataclass
class Running:
    """A service that answers."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def resident(self) -> float:
        """MiB of memory in use, decoding processes left out."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextmanager
def service(model: Path, data: Path, *options: str, log: Path | None = None, port: int = 0) -> Iterator[Running]:
    """``goodsight serve`` until the block ends, stopped as a person would; on a free port unless one is given."""
    command = [sys.executable, "-m", "goodsight", "serve", f"m={model}", "--data", str(data), *options]
    with running(command, "/v2/health/ready", log=log, port=port) as made:
        yield made


@contextmanager
def running(
    command: Sequence[str], ready: str, *, log: Path | None = None, env: dict[str, str] | None = None, port: int = 0
) -> Iterator[Running]:
    """A server that takes ``--port``, from when it answers on the path ``ready`` until the block ends."""
    port = port or free_port()
    with (log or Path(os.devnull)).open("ab") as sink:
        process = subprocess.Popen([*command, "--port", str(port)], stdout=sink, stderr=sink, env=env)
    made = Running(process, port)
    try:
        _wait(made, ready)
        yield made
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()
        process.wait()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(made: Running, ready: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while True:
        with suppress(OSError):
            urllib.request.urlopen(made.url + ready, timeout=5).close()  # noqa: S310
            return
        if made.process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the server did not start: {' '.join(map(str, made.process.args))}")  # type: ignore[arg-type]
        time.sleep(0.1)


def check_request(photo: bytes, declared: str, path: bytes = b"/v1/check", token: str = "") -> bytes:
    """The bytes of one request, as curl would send it."""
    parts = (
        b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="ad_category"\r\n\r\n' + declared.encode(),
        b"\r\n--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + photo,
        b"\r\n--" + BOUNDARY + b"--\r\n",
    )
    body = b"".join(parts)
    head = _HEAD % (path, len(body))
    if token:
        head = head.removesuffix(b"\r\n") + f"Authorization: Bearer {token}\r\n\r\n".encode()
    return head + body


@dataclass
class Load:
    """What a load of requests was answered with."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Photos answered with 200 per second."""
        return self.statuses[200] / self.seconds

    def percentile(self, share: float) -> float:
        """Seconds within which a share of the 200s came."""
        return sorted(self.latencies)[min(int(share * len(self.latencies)), len(self.latencies) - 1)]


def load(
    port: int,
    requests: Sequence[bytes],
    seconds: float,
    *,
    connections: int = 0,
    rate: float = 0.0,
    keep_bodies: bool = False,
) -> Load:
    """Send requests for some seconds.

    Args:
        port: on loopback.
        requests: sent in turn.
        seconds: when to stop sending; what is on its way is awaited.
        connections: a closed loop of so many, each sending as soon as it has its answer.
        rate: instead, so many requests a second whatever the answers do, over as many connections as that takes.
        keep_bodies: keep the bodies of the 200s.

    """
    return asyncio.run(_load(port, requests, seconds, connections, rate, keep_bodies))


async def _load(
    port: int, requests: Sequence[bytes], seconds: float, connections: int, rate: float, keep_bodies: bool
) -> Load:
    made = Load()
    start = time.monotonic()
    end = start + seconds
    if connections:
        await asyncio.gather(
            *[_closed(made, port, requests[i::connections], end, keep_bodies) for i in range(connections)]
        )
    else:
        idle: list[_Connection] = []
        tasks = []
        for number in range(int(seconds * rate)):
            await asyncio.sleep(max(0.0, start + number / rate - time.monotonic()))
            tasks.append(asyncio.create_task(_one(made, port, idle, requests[number % len(requests)], keep_bodies)))
        await asyncio.gather(*tasks)
        for connection in idle:
            connection.close()
    made.seconds = time.monotonic() - start
    return made


class _Connection:
    def __init__(self, port: int) -> None:
        self._port = port
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        used = self._writer is not None
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            self._writer.write(request)
            head = await self._reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            # A server may close a connection that was idle; as every HTTP client does, ask again on a new one.
            if used and not getattr(error, "partial", b""):
                return await self.ask(request)
            raise
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        if b"connection: close" in head.lower():
            self.close()
        return int(head[9:12]), body

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


async def _closed(made: Load, port: int, requests: Sequence[bytes], end: float, keep_bodies: bool) -> None:
    connection, number = _Connection(port), 0
    while time.monotonic() < end:
        if not await _ask(made, connection, requests[number % len(requests)], keep_bodies):
            await asyncio.sleep(0.05)
        number += 1
    connection.close()


async def _one(made: Load, port: int, idle: list[_Connection], request: bytes, keep_bodies: bool) -> None:
    connection = idle.pop() if idle else _Connection(port)
    if await _ask(made, connection, request, keep_bodies):
        idle.append(connection)


async def _ask(made: Load, connection: _Connection, request: bytes, keep_bodies: bool) -> bool:
    """One request; a connection that is lost counts as status 0."""
    start = time.monotonic()
    try:
        status, body = await connection.ask(request)
    except (OSError, asyncio.IncompleteReadError):
        made.statuses[0] += 1
        connection.close()
        return False
    made.statuses[status] += 1
    if status == 200:
        made.latencies.append(time.monotonic() - start)
        if keep_bodies:
            made.bodies.append(body)
    return True

"""Honest checks while others send slowly, or send photos that take long to decode: how late, how many refused.

All on loopback, bounded in count and time. The slow ones hold connections in each phase: a first head, a second one, a
body, an idle connection, an answer that nobody reads. The expensive photos have 64 megapixels: AVIF, PNG of 16 bits, a
JPEG of many scans.
"""

from __future__ import annotations

import asyncio
import io
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import drawn
import loopback
import numpy as np
from common import Figure
from PIL import Image

from goodsight.photos.headers import segments

SIDE = 8000
SCANS = 40
SLOW_SECONDS, DEAR_SECONDS = 40.0, 20.0
SLOW = 700
"""More than all the places that a service has."""


def expensive(rng: np.random.Generator) -> dict[str, bytes]:
    """A photo of 64 megapixels of each kind."""
    block = rng.integers(0, 255, (SIDE // 40, SIDE // 40, 3), np.uint8)
    picture = Image.fromarray(block).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return {"AVIF": _saved(picture, "AVIF", quality=60, speed=10), "PNG": _png16(rng), "JPEG": _scans(picture)}


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _png16(rng: np.random.Generator) -> bytes:
    """The same noise again and again: it packs well, and takes as long to unpack as any other."""
    row = b"\0" + rng.bytes(SIDE // 10 * 6) * 10
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(row) for _ in range(SIDE)) + packer.flush()
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _scans(picture: Image.Image) -> bytes:
    """A progressive JPEG whose last scan comes again and again, which a decoder reads every time."""
    data = _saved(picture, "JPEG", quality=50, progressive=True)
    last = max(start for marker, start, _ in segments(data) if marker == 0xDA)
    return data[:-2] + data[last:-2] * SCANS + b"\xff\xd9"


def figures(port: int) -> list[Figure]:
    """Honest checks at half of what the service can take, beside slow clients and beside expensive photos."""
    rng = np.random.default_rng(0)
    honest = [loopback.check_request(drawn.megapixel(rng), "bag") for _ in range(200)]
    dear = [loopback.check_request(photo, "bag") for photo in expensive(rng).values()] * 4
    loopback.load(port, honest, 3, connections=32)
    rate = loopback.load(port, honest, 10, connections=32).rate / 2
    with slow(port, honest[0]):
        beside_slow = loopback.load(port, honest, SLOW_SECONDS, rate=rate)
    with heavy(port, dear) as statuses:
        beside_dear = loopback.load(port, honest, DEAR_SECONDS, rate=rate)
    slow_said, dear_said = f"{SLOW} slow connections", f"{len(dear)} photos of 64 megapixels under way"
    made = _figures(beside_slow, slow_said) + _figures(beside_dear, dear_said)
    return [*made, Figure("  of them answered meanwhile", statuses[200], "", None, f"{DEAR_SECONDS:g} s")]


def _figures(met: loopback.Load, beside: str) -> list[Figure]:
    late, refused = met.percentile(0.99), sum(met.statuses.values()) - met.statuses[200]
    n = f"n={sum(met.statuses.values())} at half of saturation"
    return [
        Figure(f"honest checks beside {beside}: p99 seconds", late, "<= 1", late <= 1, n),
        Figure("  of them not answered with 200", refused, "= 0", refused == 0, n),
    ]


@contextmanager
def slow(port: int, request: bytes, count: int = SLOW) -> Iterator[Counter[str]]:
    """Slow clients beside the block, which come again when they are thrown out; what became of them."""
    met: Counter[str] = Counter()
    with _beside(lambda: _all_slow(port, request, count, met)):
        yield met


@contextmanager
def heavy(port: int, requests: list[bytes]) -> Iterator[Counter[int]]:
    """Each request under way for as long as the block lasts: who is answered asks again. The statuses."""
    statuses: Counter[int] = Counter()

    async def again(request: bytes) -> None:
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                statuses[await _status(port, request)] += 1
            await asyncio.sleep(0.2)

    async def run() -> None:
        await asyncio.gather(*map(again, requests))

    with _beside(run):
        yield statuses


@contextmanager
def _beside(run: Callable[[], Coroutine[Any, Any, None]]) -> Iterator[None]:
    """Something asynchronous in a thread of its own, cancelled when the block ends."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(run())

    def live() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        loop.close()


async def _status(port: int, request: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()
    return int(head[9:12])


async def _all_slow(port: int, request: bytes, count: int, met: Counter[str]) -> None:
    await asyncio.gather(*[_one_slow(port, request, number, met) for number in range(count)])


async def _one_slow(port: int, request: bytes, number: int, met: Counter[str]) -> None:
    head = b"GET /v2/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    body = request.index(b"\r\n\r\n") + 4
    begun = (b"", head, request[:body], head, b"GET /static/style.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 5)
    rest = (head, head, request[body:], b"", b"")
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**10)
            met["connected"] += 1
            try:
                writer.write(begun[number % 5])
                await _drip(reader, writer, rest[number % 5], deaf=number % 5 == 4)
                met["thrown out"] += 1
            finally:
                writer.close()
        await asyncio.sleep(2)  # slow, not a flood: a flood of requests is another matter


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes, *, deaf: bool) -> None:
    """A byte a second until the server ends it; who is deaf reads nothing of what is sent."""
    at = 0
    while not reader.at_eof() and not writer.is_closing():
        if data:
            writer.write(data[at % len(data) : at % len(data) + 1])
            at += 1
        await asyncio.sleep(1)
        if not deaf:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await reader.read(2**16)

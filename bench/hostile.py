"""What a stranger may send: bombs, polyglots, cut and damaged photos, odd names, broken and slow requests.

``python bench/hostile.py`` runs a service, sends all of it and says whether it held: no 500, no crash, no file outside
the data folder, no request beyond its time limit.
"""

from __future__ import annotations

import argparse
import io
import re
import socket
import struct
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import drawn
import fire
import loopback
import numpy as np
from common import Figure, tell
from PIL import Image

import goodsight
from goodsight import Wishes

MUTATIONS = 200
BODY_SECONDS, DECODE_SECONDS = 5.0, 5.0
"""The limits that the service is given here."""
LIMIT = BODY_SECONDS + DECODE_SECONDS + 1
_NAMES = {"goodsight.db", "goodsight.db-wal", "goodsight.db-shm", "session.key"}


def main() -> bool:
    """Send everything to a service that runs on drawn photos."""
    argparse.ArgumentParser(description=__doc__).parse_known_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn.make_folder(folder / "photos", per_kind=40, faults=0)
        goodsight.train(folder / "photos", folder / "model", wishes=Wishes(budget=0))
        before = outside(folder)
        with service(folder / "model", folder / "data") as running:
            seen = attack(running.port, MUTATIONS)
            alive = running.process.poll() is None
        strays = outside(folder) - before
        with loopback.service(folder / "model", folder / "more") as running:
            under_fire = fire.figures(running.port)
    statuses = [status for status, _ in seen.values()]
    errors, slowest = sum(status == 500 for status in statuses), max(seconds for _, seconds in seen.values())
    n = f"n={len(seen)} requests"
    figures = [
        Figure("hostile requests answered with 500", errors, "= 0", errors == 0, n),
        Figure("  the service went on", alive, "= 1", alive, n),
        Figure("  files outside their place", len(strays), "= 0", not strays, n),
        Figure("  slowest answer: seconds", slowest, f"<= {LIMIT:g}", slowest <= LIMIT, n),
    ]
    return tell("hostile", figures + under_fire)


def service(model: Path, data: Path, log: Path | None = None) -> AbstractContextManager[loopback.Running]:
    """A service with short limits."""
    limits = ("--body-seconds", str(BODY_SECONDS), "--decode-seconds", str(DECODE_SECONDS))
    return loopback.service(model, data, *limits, log=log)


def attack(port: int, mutations: int) -> dict[str, tuple[int, float]]:
    """Send everything: (status, seconds) by name."""
    rng = np.random.default_rng(0)
    seen = {name: send(port, loopback.check_request(photo, "bag")) for name, photo in photos(rng, mutations)}
    return seen | {name: send(port, request) for name, request in requests(drawn.megapixel(rng))}


def outside(folder: Path) -> set[str]:
    """Files that are neither a photo under its hash nor the service's own."""
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in files if not re.search(r"/photos/[0-9a-f]{2}/[0-9a-f]{64}$", f"/{name}")} - {
        f"data/{name}" for name in _NAMES
    }


def photos(rng: np.random.Generator, mutations: int = MUTATIONS) -> Iterator[tuple[str, bytes]]:
    """Named bytes that claim to be a photo."""
    good = {name: _save(drawn.draw("bag", rng), name) for name in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")}
    yield "empty", b""
    yield "a gigapixel PNG", _png(50_000, 50_000)
    yield "a PNG as wide as can be", _png(2**31 - 1, 1)
    yield "a PNG whose text unpacks to 100 MB", _png(8, 8, _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8), 9)))
    yield "a gigapixel GIF", b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\x80\0\0" + bytes(6) + b",\0\0\0\0"
    yield "a gigapixel BMP", b"BM" + struct.pack("<IIIIiiHHIIiiII", 60, 0, 54, 40, 60_000, 60_000, 1, 24, *([0] * 6))
    yield "a JPEG that says 65500 x 65500", _resized_jpeg(good["JPEG"], 65_500)
    yield "a TIFF whose directory points to itself", b"II*\0\x08\0\0\0\x00\x00\x08\0\0\0" + bytes(50)
    yield "a JPEG that is a page", good["JPEG"] + b"<html><script>alert(1)</script></html>"
    yield "a GIF that is a script", b"GIF89a/*" + bytes(10) + b"*/=1;alert(1)"
    yield "an SVG", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    for name, start in (
        ("ZIP", b"PK\3\4"),
        ("PDF", b"%PDF-1.7"),
        ("program", b"\x7fELF"),
        ("video", b"\0\0\0\x18ftypmp42"),
    ):
        yield f"a {name}", start + bytes(500)
    for name, data in good.items():
        for share in (0.01, 0.1, 0.5, 0.99):
            yield f"{name} cut to {share:.0%}", data[: int(len(data) * share)]
        yield f"{name} with a random end", data[:40] + rng.bytes(len(data))
    names = sorted(good)
    for number in range(mutations):
        damaged = bytearray(good[names[number % len(names)]])
        for place in rng.integers(0, len(damaged), 1 + number % 20):
            damaged[place] = rng.integers(0, 256)
        yield f"mutation {number} of {names[number % len(names)]}", bytes(damaged)


def requests(photo: bytes) -> Iterator[tuple[str, bytes]]:
    """Named bytes of whole requests that are odd, each answered or cut off at once."""
    plain = loopback.check_request(photo, "bag")
    head, body = plain.split(b"\r\n\r\n", 1)
    for said in (
        "../../../../tmp/evil.jpg",
        "/etc/passwd",
        "C:\\evil.jpg",
        "a\0b.jpg",
        "\u202egpj.exe",
        "x" * 10_000,
        "",
    ):
        name = said.encode("utf-8", "surrogateescape")
        yield (
            f"a file called {said[:20]!r}",
            _sized(head, body.replace(b'filename="a.jpg"', b'filename="' + name + b'"')),
        )
    yield "a category of 1 MB", loopback.check_request(photo, "x" * 10**6)
    yield "a category that is not text", _sized(head, body.replace(b"\r\n\r\nbag", b"\r\n\r\n\xff\xfe\0"))
    parts = b"".join(
        b"--" + loopback.BOUNDARY + b'\r\nContent-Disposition: form-data; name="n"\r\n\r\nx\r\n' for _ in range(10_000)
    )
    yield "10,000 parts", _sized(head, parts + body)
    yield "no boundary", plain.replace(b"; boundary=" + loopback.BOUNDARY, b"", 1)
    yield "a boundary of 10,000 letters", plain.replace(b"boundary=", b"boundary=" + b"x" * 10_000, 1)
    yield "a head of 1 MB", head + b"\r\nX-Long: " + b"x" * 10**6 + b"\r\n\r\n" + body
    yield "5,000 headers", head + b"".join(b"\r\nX-%d: y" % i for i in range(5_000)) + b"\r\n\r\n" + body
    yield "a body shorter than said", plain[:-50_000] if len(plain) > 60_000 else plain[:-500]
    yield "a length that is no number", plain.replace(b"Content-Length: ", b"Content-Length: x", 1)
    yield "a negative length", plain.replace(b"Content-Length: ", b"Content-Length: -", 1)
    yield "a length of 10 GB", plain.replace(b"Content-Length: ", b"Content-Length: 9999", 1)
    yield "two lengths", plain.replace(b"Content-Length", b"Content-Length: 3\r\nContent-Length", 1)
    yield "length and chunks", plain.replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nContent-Length", 1)
    yield "not HTTP", b"\x16\x03\x01\x02\0" + bytes(500)
    yield "a path with dots", b"GET /static/../../../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    yield "a path with coded dots", b"GET /static/%2e%2e/%2e%2e/app.py HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    yield "an unknown method", b"BREW /v1/check HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    deep = b'{"id":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    start = (
        b"POST /v1/appeals HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    yield "JSON 100,000 deep", start % len(deep) + deep
    yield "JSON that is not", start % 3 + b"{{{"
    yield from _tricks(head, body)
    yield from _known_again(head, body)


def _tricks(head: bytes, body: bytes) -> Iterator[tuple[str, bytes]]:
    """JSON that is much of nothing, texts that no database keeps, charsets, and hosts that are not ours."""
    most = b"[" + b"{}," * 10**7 + b"{}]"
    infer = b"/v2/models/m/infer"
    for path in (infer, b"/v1/appeals", b"/v1/reviews/x", b"/v1/reviews/next"):
        yield f"30 MB of JSON for {path.decode()}", _json(path, most)
    inputs = b'{"inputs":[{"name":"image","datatype":"BYTES","shape":[%s],"data":["%s"]}]}'
    yield "a photo of escapes", _json(infer, inputs % (b"1", b"\\u0041" * 5 * 10**6))
    yield "a photo of percents", _json(infer, inputs % (b"1", b"data:a;base64," + b"%41" * 10**7))
    for shape in (b"NaN", b"1e999", b"9" * 5000, b"-1", b"1,1,1,1"):
        yield f"a shape of {shape[:9].decode()}", _json(infer, inputs % (shape, b"AAAA"))
    yield "a name twice", _json(b"/v1/appeals", b'{"id":"a","id":"b"}')
    for text in (b"a\\u0000b", b"\\ud800", b"\\u001b"):
        yield f"an id of {text.decode()}", _json(b"/v1/appeals", b'{"id":"%s"}' % text)
        yield f"a note of {text.decode()}", _json(b"/v1/appeals", b'{"id":"a","note":"%s"}' % text)
    for asked in (
        b"GET /v1/photos/%00",
        b"POST /v1/reviews/a%00b/skip",
        b"DELETE /v1/checks/%0a",
        b"GET /v2/models/%00",
    ):
        yield asked.decode(), asked + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    for charset in (b"punycode", b"undefined", b"idna", b"utf-16", b"x" * 1000):
        other = head.replace(b"boundary=", b"charset=" + charset + b"; boundary=")
        yield f"charset {charset[:9].decode()}", other + b"\r\n\r\n" + body
        named = body.replace(b"image/jpeg", b"image/jpeg; charset=" + charset)
        yield f"a part's charset {charset[:9].decode()}", _sized(head, named)
    for host in (b"evil.example", b"127.0.0.1\r\nHost: evil.example", b"", b"\xff"):
        yield f"Host: {host[:30]!r}", b"GET /reviews/ HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
    yield "a target of another host", b"GET http://evil.example/reviews/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def _known_again(head: bytes, body: bytes) -> Iterator[tuple[str, bytes]]:
    """Searches, ads and the log."""
    search = head.replace(b"/v1/check", b"/v1/search", 1)
    yield "a search", search + b"\r\n\r\n" + body
    yield "a search without a photo", _sized(search, body.replace(b'name="image"', b'name="other"'))
    yield "a search in another charset", search.replace(b"boundary=", b"charset=idna; boundary=") + b"\r\n\r\n" + body
    yield "a search of 30 MB of JSON", _json(b"/v1/search", b"[" + b"{}," * 10**7 + b"{}]")
    yield "a search of 10 GB", search.replace(b"Content-Length: ", b"Content-Length: 9999", 1) + b"\r\n\r\n" + body
    start = b"--" + loopback.BOUNDARY + b'\r\nContent-Disposition: form-data; name="ad"\r\n\r\n'
    for ad in (b"a\0b", b"\xff\xfe", b"\x1b[2J", b"x" * 10_000):
        yield f"an ad of {ad[:9]!r}", _sized(head, start + ad + b"\r\n" + body)
    for after in (b"-1", b"9" * 5000, b"NaN", b"%00"):
        log = b"GET /v1/log?after=%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % after
        yield f"the log after {after[:9].decode()}", log


def _json(path: bytes, body: bytes) -> bytes:
    start = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return start % (path, len(body)) + body


def send(port: int, request: bytes, *, pause: float = 0.0, patience: float = 60.0) -> tuple[int, float]:
    """Send bytes, in pieces when there is a pause between them; the status (0 for a closed connection), and seconds."""
    start = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=patience) as wire:
            if pause:
                for place in range(len(request)):
                    wire.sendall(request[place : place + 1])
                    time.sleep(pause)
                    if time.monotonic() - start > patience:
                        break
            else:
                wire.sendall(request)
            answer = wire.recv(4096)
    except TimeoutError:
        return -1, time.monotonic() - start
    except OSError:
        answer = b""
    status = int(answer[9:12]) if answer[9:12].isdigit() else 0
    return status, time.monotonic() - start


def _save(picture: Image.Image, name: str) -> bytes:
    out = io.BytesIO()
    picture.convert("RGB").save(out, name)
    return out.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, more: bytes = b"") -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = _chunk(b"IDAT", zlib.compress(bytes(min(width + 1, 10**6) * min(height, 10)), 9))
    return b"\x89PNG\r\n\x1a\n" + header + more + pixels + _chunk(b"IEND", b"")


def _resized_jpeg(data: bytes, side: int) -> bytes:
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", side, side) + data[place + 4 :]


def _sized(head: bytes, body: bytes) -> bytes:
    before = head.split(b"Content-Length: ")[0]
    return before + b"Content-Length: %d\r\n\r\n" % len(body) + body


if __name__ == "__main__":
    raise SystemExit(not main())

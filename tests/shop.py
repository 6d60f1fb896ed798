"""A web server on this machine that plays the shops: it serves what a test lays out, and keeps count."""

import io
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

Visitor = BaseHTTPRequestHandler
Page = Callable[[Visitor], None]


class Shop:
    """What is served, by path, and what was asked for.

    Attributes:
        pages: answers by path; what is not there is a 404.
        asked: how often each path was asked for.
        headers: of each request, in order.

    """

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self.port = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


class Clock:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.time, self._lock = 1000.0, threading.Lock()
        self.waits: list[float] = []

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        with self._lock:
            self.time += max(0.0, seconds)
            self.waits.append(seconds)


def jpeg(seed: int, kind: str = "JPEG", size: int = 24) -> bytes:
    stream = io.BytesIO()
    picture = Image.new("RGB", (size, size), (seed * 37 % 256, seed * 91 % 256, seed % 256))
    picture.paste("white", (0, 0, size, size // 2))  # a picture of one colour is no photo
    picture.save(stream, kind)
    return stream.getvalue()


def gives(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None, kind: str = "image/jpeg") -> Page:
    def answer(visitor: Visitor) -> None:
        visitor.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            visitor.send_header(name, value)
        visitor.end_headers()
        visitor.wfile.write(body)

    return answer


def shows(html: str) -> Page:
    return gives(html.encode(), kind="text/html")


def leads_to(target: str, status: int = 302) -> Page:
    return gives(b"", status, {"Location": target})


def in_turn(*answers: Page) -> Page:
    """One answer after the other; the last one stays."""
    left = list(answers)
    return lambda visitor: (left.pop(0) if len(left) > 1 else left[0])(visitor)


@contextmanager
def opened() -> Iterator[Shop]:
    shop = Shop()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            shop.asked[self.path] += 1
            shop.headers.append(dict(self.headers.items()))
            shop.pages.get(self.path, gives(b"", 404))(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A visitor that hangs up early is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    shop.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()

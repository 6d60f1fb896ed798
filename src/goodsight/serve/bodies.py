"""How large a body may be, by its route; and JSON, read so that no text of any shape holds up the others."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from goodsight.serve.problems import Problem

EXTRA_BYTES = 2**20
"""What may stand around the photos of a request."""
SMALL_BYTES = 2**16
"""Of a body without photos: the longest note, each letter written as a pair of escapes, is less than half of it."""
_FORMS = {"/v1/check", "/v1/classify", "/v1/search"}
_INFER = re.compile(r"/v2/models/.+/infer")
_TYPE = 200
"""Characters of a Content-Type; a boundary has at most 70 (RFC 2046)."""
_VALUES = 20_000
"""Brackets, commas and colons; a text without photos, or with sixteen of them, has a few dozen."""
_QUICK = 2**16
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def has_photos(path: str) -> bool:
    """Whether the requests of a path bring photos."""
    return path in _FORMS or _INFER.fullmatch(path) is not None


def most(path: str, photo_bytes: int) -> int:
    """The most bytes that a request's body may have.

    Args:
        path: of the request.
        photo_bytes: the most that a photo may have.

    """
    if path in _FORMS:
        return photo_bytes + EXTRA_BYTES
    return photo_bytes * 4 // 3 + EXTRA_BYTES if has_photos(path) else SMALL_BYTES  # base64 is a third longer


def utf8_only(content_type: str) -> None:
    """Refuse a text in another encoding than UTF-8, whose letters would be taken for others.

    Raises:
        Problem: 400: the header names another charset, or is longer than any that somebody needs.

    """
    if len(content_type) > _TYPE:  # the time of the search below grows with the square of the length
        raise Problem(400, f"Content-Type: has {len(content_type)} characters; send at most {_TYPE}")
    named = re.findall(r"""charset[^=;]*=\s*["']?([^"';]*)""", content_type, re.IGNORECASE)
    if any(name.strip().lower() not in ("utf-8", "utf8") for name in named):
        raise Problem(400, f"charset {named[0][:100]!a}: send UTF-8")


class BoundedRoute(APIRoute):
    """A route whose JSON is read by :func:`parsed`, beside the event loop when it is long."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, which is given a request of our own."""
        handler = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            return await handler(_Request(request.scope, request.receive))

        return bounded


class _Request(Request):
    async def json(self) -> Any:
        """The body as JSON."""
        utf8_only(self.headers.get("content-type", ""))
        body = await self.body()
        return parsed(body) if len(body) < _QUICK else await asyncio.to_thread(parsed, body)


def parsed(body: bytes) -> Any:
    """JSON in UTF-8, of few values, each name once, with numbers that are numbers.

    The parser lets no other thread of Python run, so what would keep it long is counted and refused before.

    Raises:
        Problem: 400: it is none, or has too many values or escapes.

    """
    if sum(body.count(mark) for mark in b"[{,:") > _VALUES or body.count(b"\\") > _VALUES + len(body) // 16:
        raise Problem(400, f"JSON: more than {_VALUES} values; send less in one request")
    try:
        text = body.decode("utf-8-sig")
        found = json.loads(text, object_pairs_hook=_named_once, parse_float=_finite, parse_constant=_finite)
        if _SURROGATE.search(body):
            json.dumps(found, ensure_ascii=False).encode()  # half a letter can neither be kept nor said again
        return found
    except json.JSONDecodeError:
        raise  # FastAPI says where
    except RecursionError as error:
        raise Problem(400, "JSON: too deep") from error
    except ValueError as error:
        raise Problem(400, f"JSON: {str(error)[:200]}") from error


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:50]} is no number here")
    return number


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        once: set[str] = set()
        for name, _ in pairs:
            if name in once:
                raise ValueError(f"{name[:100]!a} is there twice")
            once.add(name)
    return found

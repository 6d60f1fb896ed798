"""Every error is a problem document (RFC 9457): a status, a title, and a detail that says what to do."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from goodsight.errors import ConflictError, NotFoundError, StoreError
from goodsight.photos.limits import BadPhoto
from goodsight.serve.allowance import BusyError
from goodsight.store.database import is_full

logger = logging.getLogger("goodsight.serve")
MEDIA_TYPE = "application/problem+json"


class Problem(HTTPException):
    """An answer that is an error: HTTP status, what is wrong and what to do, and further headers."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, dict(headers or {}))


def busy(detail: str, seconds: int = 1) -> Problem:
    """503: ask again in some seconds."""
    return Problem(503, detail, {"Retry-After": str(seconds)})


def of_busy(error: BusyError) -> Problem:
    """What a photo that is too expensive for now is answered with."""
    return Problem(429 if error.own else 503, f"image: {error}", {"Retry-After": str(error.seconds)})


def of_photo(bad: BadPhoto) -> Problem:
    """What a photo that cannot be used is answered with."""
    status = {"too large": 413, "not a picture": 415}.get(bad.reason, 422)
    return Problem(status, f"image: {bad}; send a JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC photo")


def body(status: int, detail: str) -> dict[str, Any]:
    """The problem document."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def response(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The problem document as a response."""
    return JSONResponse(body(status, detail), status, dict(headers or {}), MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Turn every error of an app into a problem document."""

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        return response(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        said = "; ".join(f"{'.'.join(str(part) for part in e['loc'][1:])}: {e['msg']}" for e in error.errors()[:5])
        return response(422, said[:500])

    @app.exception_handler(NotFoundError)
    async def _missing(_: Request, error: NotFoundError) -> JSONResponse:
        return response(404, str(error))

    @app.exception_handler(ConflictError)
    async def _conflict(_: Request, error: ConflictError) -> JSONResponse:
        return response(409, str(error))

    @app.exception_handler(StoreError)
    @app.exception_handler(SQLAlchemyError)
    async def _no_store(_: Request, error: Exception) -> JSONResponse:
        logger.error("the store does not answer: %s", _first_line(error))
        if is_full(error):
            return response(507, "the disk is full; nothing was kept, ask again later", {"Retry-After": "30"})
        return response(503, "the store does not answer; nothing was kept, ask again", {"Retry-After": "5"})

    @app.exception_handler(DataError)
    async def _not_kept(_: Request, error: DataError) -> JSONResponse:
        logger.error("a value that no check stopped at the door: %s", _first_line(error))
        return response(422, "a value has characters that cannot be kept")

    @app.exception_handler(ClientDisconnect)
    async def _left(_: Request, __: ClientDisconnect) -> JSONResponse:
        return response(400, "the connection was closed before the body was complete")

    @app.exception_handler(Exception)
    async def _unforeseen(_: Request, __: Exception) -> JSONResponse:
        # The trace goes to the log, where Starlette sends it; the client learns nothing of our inside.
        return response(500, "an error on our side; it was logged")


def _first_line(error: Exception) -> str:
    """What a database says, without the statement and its values: sellers and notes are nothing for a log."""
    return (str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__])[0][:200]

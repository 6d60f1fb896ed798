"""Who asks, and whether there is room: known from a request's head, before a byte of its body is read."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from goodsight.serve import bodies, problems
from goodsight.serve.problems import Problem
from goodsight.serve.service import Service

_FOR_CLIENTS = ("/v1/", "/v2/models", "/metrics")
"""What begins so wants a token, whatever stands behind it; all else is a page, a file of one, or a state of health."""


class Gate:
    """ASGI middleware, inside of the sessions.

    Args:
        app: what is behind it.
        service: knows who may ask and how much is in work.

    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = bodies.most(scope["path"], self._service.settings.limits.max_bytes)
        try:
            self._look_at(Request(scope), most)
        except Problem as problem:
            await problems.response(problem.status_code, problem.detail, problem.headers)(scope, receive, send)
            return
        await self._app(scope, self._measured(receive, most), send)

    def _look_at(self, request: Request, most: int) -> None:
        path, name = request.scope["path"], ""  # not that of `url`, into which a Host header can write
        if path.startswith(_FOR_CLIENTS):
            request.state.client = client = self._service.access.client(request)
            name = client.name
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > most:
            raise _too_large(most)
        # Here a refusal costs least: that is when there is the most to do.
        if bodies.has_photos(path) and (reason := self._service.full(name)):
            raise problems.busy(reason)

    def _measured(self, receive: Receive, most: int) -> Receive:
        """Limits on the bytes and seconds of a body."""
        seconds = self._service.settings.body_seconds
        count, until = 0, asyncio.get_running_loop().time() + seconds

        async def measured() -> Any:
            nonlocal count
            if count < 0:  # the body is complete; what comes now is a disconnection, for which there is no hurry
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError as error:
                raise Problem(408, f"the body took more than {seconds:g} s", {"Connection": "close"}) from error
            count += len(message.get("body", b""))
            if count > most:
                raise _too_large(most)
            if not message.get("more_body"):
                count = -1
            return message

        return measured


def _too_large(most: int) -> Problem:
    said = f"{most / 2**20:g} MiB" if most >= 2**20 else f"{most // 2**10} KiB"
    return Problem(413, f"the limit of this request's body is {said}", {"Connection": "close"})

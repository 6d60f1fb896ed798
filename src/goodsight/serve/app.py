"""The whole service as one ASGI app, and the server that runs it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from socket import socket
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI, Request
from starlette.middleware.sessions import SessionMiddleware

from goodsight.about import __version__
from goodsight.errors import GoodsightError
from goodsight.serve import api, beside, kserve, pages, problems, reviews, traces
from goodsight.serve.connections import Connection, Register
from goodsight.serve.gate import Gate
from goodsight.serve.service import Service, Settings
from goodsight.serve.shield import Shield

LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
STOP_SECONDS = 60
_EVERY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104
_SESSION_SECONDS = 12 * 3600


def create_app(settings: Settings) -> FastAPI:
    """The service as an ASGI app, its models loaded and its store open; the app closes them when it stops.

    Raises:
        GoodsightError: traces are wanted and the extra for them is not installed.
        ModelError: a model folder cannot be trusted.
        StoreError: the store cannot be opened.

    """
    traced = traces.start() if traces.wanted() else None
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        jobs = asyncio.create_task(beside.run(service))
        try:
            yield
        finally:
            jobs.cancel()
            with suppress(asyncio.CancelledError):
                await jobs
            await asyncio.to_thread(service.close)
            if traced is not None:
                traces.use(None)
                await asyncio.to_thread(traced.shutdown)

    app = FastAPI(
        title="Goodsight",
        version=__version__,
        summary="Checks product photos against what was declared.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    for router in (api.router, reviews.router, kserve.router, _pages(service)):
        app.include_router(router)
    problems.install(app)
    app.add_middleware(Gate, service=service)
    app.add_middleware(
        SessionMiddleware,
        secret_key=_secret(service),
        session_cookie="goodsight",
        max_age=_SESSION_SECONDS,
        same_site="strict",
        https_only=settings.secure_cookie,
    )
    app.add_middleware(Shield, meters=service.meters, hosts=settings.hosts)
    app.add_middleware(traces.Traced)
    return app


def hosts_for(host: str, allowed: Sequence[str]) -> tuple[str, ...]:
    """The host names that a service answers to; empty for all.

    Bound to this machine alone it answers to the machine's own names, as a page whose name was pointed here must not
    use a visitor's browser to reach it. Elsewhere tokens are asked for, and all names are answered unless some are
    named.

    Args:
        host: where it listens.
        allowed: further names.

    Raises:
        GoodsightError: one of them is no host name.

    """
    for name in allowed:
        if not re.fullmatch(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]", name):
            raise GoodsightError(f"`allow_host` {name!r}: must be a host name or address, without scheme and port")
    if host not in LOOPBACK and not allowed:
        return ()
    own = () if host in _EVERY_ADDRESS else (host.lower(),)
    return tuple(dict.fromkeys((*LOOPBACK, *own, *(name.lower() for name in allowed))))


def serve(settings: Settings, host: str, port: int, listener: socket | None = None) -> None:
    """Run the service until it is told to stop; what was accepted is answered first.

    Args:
        settings: of the service.
        host: where to listen.
        port: where to listen; 0 takes a free one.
        listener: instead, what listens there already, for several processes.

    Raises:
        GoodsightError: it would be reachable from other machines without tokens.
        ModelError: a model folder cannot be trusted.
        StoreError: the store cannot be opened.

    """
    require_tokens(settings, host)
    app = create_app(settings)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("goodsight").setLevel(logging.INFO)
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "http": partial(Connection, Register(settings.bounds)),
        "ws": "none",  # a connection that changes its protocol would leave the register
        "proxy_headers": False,  # nothing here depends on what a proxy, or who pretends to be one, says of a client
        "access_log": False,
        "server_header": False,
        "timeout_keep_alive": settings.bounds.idle_seconds,
        "timeout_graceful_shutdown": STOP_SECONDS,
        "log_level": "info",
    }
    if listener is None:
        uvicorn.run(app, **options)
    else:
        uvicorn.Server(uvicorn.Config(app, **options)).run([listener])


def require_tokens(settings: Settings, host: str) -> None:
    """Nobody may be let in from other machines without a token.

    Raises:
        GoodsightError: they could get in.

    """
    if host not in LOOPBACK and not settings.tokens:
        raise GoodsightError(
            f"`host` {host}: other machines could reach the service, so it needs `tokens`; "
            "make one with `goodsight token --name NAME --role check`"
        )


def _pages(service: Service) -> APIRouter:
    """The pages, on this service."""
    access = service.access

    def visitor(request: Request) -> pages.Visitor | None:
        client = access.visitor(request)
        if client is None:
            return None
        return pages.Visitor(client.name, client.roles, str(request.session.get("csrf", "")))

    return pages.router(
        visitor,
        lambda request, token: access.log_in(token, request.session),
        lambda request: request.session.clear(),
        lambda: {served.name: served.classes() for served in service.models.all()},
        service.settings.limits.max_bytes,
    )


def _secret(service: Service) -> str:
    """The key that signs session cookies: in the store, so that a session holds at every process.

    Before it was there, each service had a file of its own.
    """
    path = service.settings.data / "session.key"
    return service.store.shared.secret("session", path.read_text(encoding="ascii") if path.exists() else "")

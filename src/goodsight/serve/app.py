"""The whole service as one ASGI app, and the server that runs it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import uvicorn
from fastapi import APIRouter, FastAPI, Request
from starlette.middleware.sessions import SessionMiddleware

from goodsight.about import __version__
from goodsight.errors import GoodsightError
from goodsight.serve import api, kserve, pages, problems, reviews, traces
from goodsight.serve.service import Service, Settings
from goodsight.serve.shield import BoundedHead, Shield

LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
CONNECTIONS = 512
_SESSION_SECONDS = 12 * 3600
_EXTRA_BYTES = 2**20


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
        beside = asyncio.create_task(service.run())
        try:
            yield
        finally:
            beside.cancel()
            with suppress(asyncio.CancelledError):
                await beside
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
    app.add_middleware(
        SessionMiddleware,
        secret_key=_secret(settings.data),
        session_cookie="goodsight",
        max_age=_SESSION_SECONDS,
        same_site="strict",
        https_only=settings.secure_cookie,
    )
    app.add_middleware(
        Shield,
        meters=service.meters,
        hosts=settings.hosts,
        most=settings.limits.max_bytes + _EXTRA_BYTES,
        seconds=settings.body_seconds,
        full=service.full,
    )
    app.add_middleware(traces.Traced)
    return app


def serve(settings: Settings, host: str, port: int) -> None:
    """Run the service until it is told to stop; what was accepted is answered first.

    Raises:
        GoodsightError: it would be reachable from other machines without tokens.
        ModelError: a model folder cannot be trusted.
        StoreError: the store cannot be opened.

    """
    if host not in LOOPBACK and not settings.tokens:
        raise GoodsightError(
            f"`host` {host}: other machines could reach the service, so it needs `tokens`; "
            "make one with `goodsight token --name NAME --role check`"
        )
    app = create_app(settings)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("goodsight").setLevel(logging.INFO)
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=BoundedHead,
        proxy_headers=False,  # a proxy that signs people in is known by its own address, which nobody can write
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=60,
        log_level="info",
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
        # That a photo shows no brand is no category of an ad.
        lambda: {s.name: [c for c in s.judge.classes if c != s.judge.none] for s in service.models.all()},
        service.settings.limits.max_bytes,
    )


def _secret(data: Path) -> str:
    """The key that signs session cookies, made once per data folder and readable by its owner only."""
    path = data / "session.key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32), encoding="ascii")
    return path.read_text(encoding="ascii")

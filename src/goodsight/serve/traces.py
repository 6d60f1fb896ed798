"""Traces of requests by OpenTelemetry, set by its standard environment variables; without them nothing is done.

A request is a span, with spans for ``decode``, ``embed``, ``recall`` and ``answer`` in it; it continues the trace that
the header ``traceparent`` names. Spans hold method, route and status: no photo, no token, no file name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from goodsight.about import __version__
from goodsight.errors import GoodsightError

WANTED = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Environment variables of which one says where traces go."""
_tracer: Any = None


def wanted() -> bool:
    """Whether the environment asks for traces."""
    return any(os.environ.get(name) for name in WANTED) and os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true"


def start() -> Any:
    """A provider of tracers that exports as the environment says; ``shutdown`` sends what is left.

    Raises:
        GoodsightError: the extra is not installed.

    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise GoodsightError(
            f"{WANTED[0]} asks for traces, which need {error.name}: `pip install 'goodsight[telemetry]'`"
        ) from error
    name = os.environ.get("OTEL_SERVICE_NAME", "goodsight")
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider)
    return provider


def use(provider: Any) -> None:
    """Make spans with a provider of tracers from now on; None makes none any more."""
    global _tracer
    _tracer = None if provider is None else provider.get_tracer("goodsight", __version__)


@contextmanager
def span(name: str) -> Iterator[None]:
    """A span around a block, within the current one; nothing where no traces are wanted."""
    if _tracer is None:
        yield
        return
    with _tracer.start_as_current_span(name):
        yield


class Traced:
    """ASGI middleware: a span around each request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, within its span."""
        if scope["type"] != "http" or _tracer is None:
            await self._app(scope, receive, send)
            return
        from opentelemetry import propagate
        from opentelemetry.trace import SpanKind, Status, StatusCode

        context = propagate.extract(dict(Headers(scope=scope)))
        with _tracer.start_as_current_span(scope["method"], context, SpanKind.SERVER) as current:

            async def told(message: Message) -> None:
                if message["type"] == "http.response.start":
                    current.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        current.set_status(Status(StatusCode.ERROR))
                await send(message)

            try:
                await self._app(scope, receive, told)
            finally:
                route = getattr(scope.get("route"), "path", "other")
                current.update_name(f"{scope['method']} {route}")
                current.set_attribute("http.request.method", scope["method"])
                current.set_attribute("http.route", route)

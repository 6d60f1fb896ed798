"""Traces: a request and what happens in it are spans of one trace, which the caller may have begun."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk", reason="traces need the extra `telemetry`")

from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from goodsight.errors import GoodsightError
from goodsight.flow.training import Training
from goodsight.serve import traces
from goodsight.serve.app import create_app
from goodsight.serve.service import Settings

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces.use(provider)
    yield exporter
    traces.use(None)
    provider.shutdown()


def test_a_check_is_one_trace(
    spans: InMemorySpanExporter, trained: Training, sound: dict[str, list[Path]], tmp_path: Path
) -> None:
    with TestClient(create_app(Settings({"drawn": trained.folder}, tmp_path)), base_url="http://127.0.0.1") as client:
        photo = sound["bag"][0].read_bytes()
        headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
        form = {"ad_category": "bag", "seller": "a secret name"}
        client.post("/v1/check", files={"image": ("secret.jpg", photo)}, data=form, headers=headers)
        client.get("/nowhere")
    made = {span.name: span for span in spans.get_finished_spans()}
    assert set(made) == {"decode", "embed", "recall", "answer", "POST /v1/check", "GET other"}
    request = made["POST /v1/check"]
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/v1/check",
        "http.response.status_code": 200,
    }
    for name in ("decode", "embed", "recall", "answer"):
        assert made[name].context.trace_id == request.context.trace_id == int(TRACE, 16)
        parent = made[name].parent
        assert parent is not None
        assert parent.span_id == request.context.span_id
    assert (made["GET other"].attributes or {})["http.response.status_code"] == 404
    assert "secret" not in "".join(span.to_json() for span in made.values())


def test_the_environment_asks_for_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in traces.WANTED:
        monkeypatch.delenv(name, raising=False)
    assert not traces.wanted()
    with traces.span("nothing"):
        pass
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    assert traces.wanted()
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not traces.wanted()


def test_a_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    missing: Any = None
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", missing)
    with pytest.raises(GoodsightError, match=r"pip install 'goodsight\[telemetry\]'"):
        traces.start()

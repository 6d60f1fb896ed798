"""Who did what is told to admins: decisions, what was taken back, contested or deleted, and exchanged models."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from goodsight.flow.training import Training
from goodsight.serve import beside
from goodsight.serve.access import Token, _hash
from goodsight.serve.app import create_app
from goodsight.serve.service import Service, Settings
from goodsight.serve.webhooks import Webhook
from goodsight.store.tables import outbox

Sound = dict[str, list[Path]]
FULL = "CREATE TRIGGER full BEFORE INSERT ON log BEGIN SELECT RAISE(ABORT, 'disk'); END"


def _as(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


def _told(service: Service) -> list[dict[str, str]]:
    """What is to be told to webhooks, in its order."""
    with service.store._engine.connect() as connection:
        bodies = connection.execute(select(outbox.c.body).order_by(outbox.c.number)).scalars()
        return [json.loads(body) for body in bodies]


def test_the_log_says_who_did_what_and_webhooks_are_told(
    trained: Training, sound: Sound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "_SECOND", 1e6)  # nothing is sent meanwhile
    hooks = (Webhook("http://127.0.0.1/", "a secret of twenty-six letters"),)
    tokens = tuple(Token(role, role, _hash(role)) for role in ("check", "review", "admin"))
    settings = Settings({"drawn": trained.folder}, tmp_path, tokens=tokens, webhooks=hooks)
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        photo = sound["bag"][0].read_bytes()
        form = {"ad_category": "mug"}
        id = client.post("/v1/check", files={"image": photo}, data=form, headers=_as("check")).json()["id"]
        assert client.post("/v1/appeals", json={"id": id}, headers=_as("check")).status_code == 201
        client.post("/v1/reviews/next", headers=_as("review"))
        store = client.app.state.service.store  # type: ignore[attr-defined]
        for statement, status, waiting in ((FULL, 503, 0), ("DROP TRIGGER full", 200, 1)):
            with store._engine.begin() as connection:
                connection.execute(text(statement))
            decided = client.post(f"/v1/reviews/{id}", json={"decision": "bag"}, headers=_as("review"))
            assert (decided.status_code, store.outbox.waiting()) == (status, waiting)
        client.post("/v1/reviews/undo", headers=_as("review"))
        client.app.state.service.models.swapped("drawn", "new id")  # type: ignore[attr-defined]
        client.delete(f"/v1/checks/{id}", headers=_as("admin"))
        client.delete(f"/v1/checks/{id}", headers=_as("admin"))  # 404: nothing was done
        lines = client.get("/v1/log", headers=_as("admin")).json()["lines"]
        assert [(line["who"], line["what"], line["about"], line["detail"]) for line in lines] == [
            ("check", "contested", id, ""),
            ("review", "decided", id, "bag"),
            ("review", "took back", id, ""),
            ("service", "swapped", "drawn", "new id"),
            ("admin", "deleted", id, ""),
        ]
        told = _told(client.app.state.service)  # type: ignore[attr-defined]
        assert [one["event"] for one in told] == ["review.decided", "review.undone", "model.swapped"]
        assert {(one["check"], one["reviewer"]) for one in told[:2]} == {(id, "review")}
        after = {"after": lines[3]["number"]}
        assert client.get("/v1/log", params=after, headers=_as("admin")).json()["lines"] == lines[4:]
        assert client.get("/v1/log", headers=_as("review")).status_code == 403

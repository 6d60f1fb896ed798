"""Who asks, how much is sent and whether there is room is known before a byte of a body is read."""

import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from goodsight.flow.training import Training
from goodsight.serve.access import new_token, read_tokens
from goodsight.serve.app import create_app
from goodsight.serve.service import Service, Settings

JSON = "application/json"


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A tokens file, and the tokens."""
    made = {name: new_token(name, role) for name, role in (("shop", "check"), ("ann", "review"))}
    path = tmp_path_factory.mktemp("gate") / "tokens.toml"
    path.write_text("\n".join(lines for _, lines in made.values()))
    return path, {name: token for name, (token, _) in made.items()}


@pytest.fixture(scope="module")
def client(trained: Training, given: tuple[Path, dict[str, str]]) -> Iterator[TestClient]:
    settings = Settings({"drawn": trained.folder}, given[0].parent / "data", tokens=read_tokens(given[0]))
    with TestClient(create_app(settings), base_url="http://127.0.0.1", raise_server_exceptions=False) as made:
        yield made


@pytest.fixture(scope="module")
def bearer(given: tuple[Path, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {name: {"authorization": f"Bearer {token}"} for name, token in given[1].items()}


def _unread(app: FastAPI, path: str, **headers: str) -> int:
    """The status of a request whose body must not be read."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("the body was read")

    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    about = {"query_string": b"", "root_path": "", "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 80)}
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "headers": pairs, "state": {}}
    asyncio.run(app(scope | about, receive, send))
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/check", "/v1/search", "/v1/clusters", "/v1/log", "/v1/appeals", "/v1/reviews/x", "/v1/nothing"),
        *("/v1/check/", "/v2/models/drawn/infer", "/metrics"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x"}, {"cookie": "goodsight=x"}])
def test_who_has_no_token_is_not_read(client: TestClient, path: str, headers: dict[str, str]) -> None:
    for kind in (JSON, "multipart/form-data; boundary=x", "text/plain"):
        more: dict[str, str] = {"content_type": kind, "transfer_encoding": "chunked"}
        assert _unread(client.app, path, **headers, **more) == 401  # type: ignore[arg-type]
        assert _unread(client.app, path, content_length="33554432", **headers, content_type=kind) == 401  # type: ignore[arg-type]


def test_what_is_too_large_for_its_route_is_not_read(client: TestClient, bearer: dict[str, dict[str, str]]) -> None:
    for path in ("/v1/appeals", "/v1/log", "/v1/reviews/x", "/login", "/nothing", "/v1/models", "/v1/reviews/next"):
        for length in ("100000", "9" * 5000, "-1", "\xb2"):
            assert _unread(client.app, path, content_length=length, **bearer["ann"]) == 413  # type: ignore[arg-type]
    long = [b"x" * 40_000] * 2
    for path in ("/v1/appeals", "/login"):
        answer = client.post(path, content=iter(long), headers={"content-type": JSON} | bearer["ann"])
        assert answer.status_code in (413, 403)


def test_who_is_refused_for_want_of_room_is_not_read(client: TestClient, bearer: dict[str, dict[str, str]]) -> None:
    service: Service = client.app.state.service  # type: ignore[attr-defined]
    with service.use("", 72, "shop"):  # three times the 24 that are left
        for path in ("/v1/check", "/v1/classify", "/v1/search", "/v2/models/drawn/infer"):
            assert _unread(client.app, path, **bearer["shop"]) == 503  # type: ignore[arg-type]
        assert client.post("/v1/check", headers=bearer["ann"]).status_code == 415
        with service.use("", 24, "ann"):
            assert _unread(client.app, "/v1/check", **bearer["ann"]) == 503  # type: ignore[arg-type]
    assert client.post("/v1/check", headers=bearer["shop"]).status_code == 415


@pytest.mark.parametrize("text", ["a\0b", "\x1b[31m", "a\ud800"])
def test_odd_characters_are_refused_at_the_door(
    client: TestClient, bearer: dict[str, dict[str, str]], text: str
) -> None:
    for body in ({"id": text}, {"id": "f" * 32, "note": text}):
        sent = client.post("/v1/appeals", content=json.dumps(body), headers={"content-type": JSON} | bearer["shop"])
        assert sent.status_code in (400, 422), sent.text
    decided = json.dumps({"decision": text})
    sent = client.post("/v1/reviews/f", content=decided, headers={"content-type": JSON} | bearer["ann"])
    assert sent.status_code in (400, 422)
    coded = "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))
    for method, path in (
        ("GET", f"/v1/photos/{coded}"),
        ("POST", f"/v1/reviews/{coded}/skip"),
        ("POST", f"/v1/reviews/{coded}/renew"),
        ("POST", f"/v1/reviews/{coded}"),
        ("GET", f"/v2/models/{coded}"),
        ("GET", f"/static/{coded}"),
        ("GET", f"/login?next={coded}"),
    ):
        assert client.request(method, path, headers=bearer["ann"]).status_code < 500, path


@pytest.mark.parametrize(
    "charset", ["punycode", "undefined", "idna", "utf-16", "utf-7", "rot13", "latin-1", '"utf-8 x"']
)
def test_only_utf_8_is_taken(client: TestClient, bearer: dict[str, dict[str, str]], charset: str) -> None:
    part = b'Content-Disposition: form-data; name="ad_category"\r\n'
    body = b"--b\r\n" + part + b"\r\nb\xc3\xa4g\r\n--b--\r\n"
    wrong = {"content-type": f"multipart/form-data; boundary=b; charset={charset}"}
    plain = {"content-type": "multipart/form-data; boundary=b"}
    named = body.replace(part, part + b"Content-Type: text/plain; charset=" + charset.encode() + b"\r\n")
    for path in ("/v1/check", "/v1/classify"):
        for sent, headers in ((body, wrong), (named, plain), (body.replace(b"\xc3\xa4", b"\xe4"), plain)):
            answer = client.post(path, content=sent, headers=headers | bearer["shop"])
            assert answer.status_code == 400, answer.text
            assert "UTF-8" in answer.json()["detail"]
    for path in ("/v1/appeals", "/v2/models/drawn/infer"):
        headers = {"content-type": f"application/json; charset={charset}"} | bearer["shop"]
        assert client.post(path, content=b"{}", headers=headers).status_code == 400


def test_a_claim_is_renewed(client: TestClient, bearer: dict[str, dict[str, str]]) -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 40), (1, 2, 3)).save(out, "PNG")
    form: dict[str, Any] = {"files": {"image": out.getvalue()}, "data": {"ad_category": "bag"}}
    id = client.post("/v1/check", **form, headers=bearer["shop"]).json()["id"]
    client.post("/v1/appeals", json={"id": id}, headers=bearer["shop"])
    review = client.post("/v1/reviews/next", headers=bearer["ann"]).json()["review"]
    renewed = client.post(f"/v1/reviews/{id}/renew", headers=bearer["ann"]).json()
    assert review["id"] == renewed["id"] == id
    assert renewed["lease_until"] > review["lease_until"]
    assert client.post("/v1/reviews/nothing/renew", headers=bearer["ann"]).status_code == 404
    assert client.post(f"/v1/reviews/{id}/renew", headers=bearer["shop"]).status_code == 403

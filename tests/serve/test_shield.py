"""A host that is not ours is refused, however it is said, and no redirect leaves this service."""

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.responses import RedirectResponse

from goodsight.errors import GoodsightError
from goodsight.serve.app import LOOPBACK, hosts_for
from goodsight.serve.meters import Meters
from goodsight.serve.shield import Shield


def _client(hosts: tuple[str, ...] = ()) -> TestClient:
    app = FastAPI()
    app.add_api_route("/reviews", lambda: "here")
    app.add_api_route("/to", lambda place: RedirectResponse(place), response_model=None)
    app.add_middleware(Shield, meters=Meters(lambda: 0, lambda: 0), hosts=hosts)
    return TestClient(app, base_url="http://evil.example", follow_redirects=False)


@pytest.mark.parametrize(
    "headers",
    [{}, {"host": "a.example:99"}, {"x-forwarded-host": "evil.example"}, {"forwarded": "host=evil.example"}],
)
@pytest.mark.parametrize("path", ["/reviews/", "/reviews/?a=//b", "//reviews/", "/\\reviews/"])
def test_a_redirect_stays_here(path: str, headers: dict[str, str]) -> None:
    answer = _client().get(path, headers=headers)
    place = answer.headers.get("location", "/reviews")
    assert place.startswith("/reviews")
    assert answer.status_code in (307, 404)


@pytest.mark.parametrize(
    ("place", "sent"),
    [
        ("http://evil.example/x?y=1", "/x?y=1"),
        ("//evil.example/x", "/evil.example/x"),
        ("\\\\evil.example", "/evil.example"),
        ("https:///evil.example", "/evil.example"),
        ("javascript:alert(1)", "/javascript:alert(1)"),
        ("/login?next=/reviews", "/login?next=/reviews"),
    ],
)
def test_every_redirect_is_relative(place: str, sent: str) -> None:
    found = _client().get("/to", params={"place": place}).headers["location"]
    assert found.replace("%5C", "\\").replace("//", "/").lstrip("/\\") == sent.lstrip("/")
    assert found.startswith("/")
    assert not found.startswith(("//", "/\\"))


@pytest.mark.parametrize("host", ["127.0.0.1", "LocalHost:8000", "[::1]:8000", "shop.example"])
def test_own_hosts_are_answered(host: str) -> None:
    client = _client(hosts_for("127.0.0.1", ["Shop.example"]))
    assert client.get("/reviews", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "hosts",
    [
        ["evil.example"],
        ["localhost.evil.example"],
        ["evil.example#localhost"],
        ["localhost@evil.example"],
        ["localhost:80:80"],
        [""],
        [],
        ["localhost", "evil.example"],
        ["localhost, evil.example"],
        ["caf\xe9.example"],
    ],
)
def test_other_hosts_are_refused(hosts: list[str]) -> None:
    assert _status(hosts) == 400


def _status(hosts: list[str], own: tuple[str, ...] = hosts_for("127.0.0.1", ())) -> int:
    """The status of a request with any number of Host headers, which no client would send."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("the body was read")

    headers = [(b"host", host.encode("latin-1")) for host in hosts]
    scope = {"type": "http", "method": "GET", "path": "/reviews", "headers": headers, "query_string": b""}
    shield = Shield(FastAPI(), Meters(lambda: 0, lambda: 0), own)
    asyncio.run(shield(scope, receive, send))
    return int(sent[0]["status"])


@pytest.mark.parametrize("host", ["[", "[1::2::3]", "a/v1/check?", "a b", "a:x", "a,b", "user@a", "\xff", ""])
def test_what_is_no_host_is_refused_everywhere(host: str) -> None:
    assert _status([host], ()) == 400


def test_the_hosts_of_a_service() -> None:
    assert hosts_for("127.0.0.1", ()) == LOOPBACK
    assert hosts_for("0.0.0.0", ()) == ()
    assert hosts_for("10.0.0.5", ["Shop.example"]) == (*LOOPBACK, "10.0.0.5", "shop.example")
    for name in ("http://shop.example", "shop.example:443", "a b", ""):
        with pytest.raises(GoodsightError, match="`allow_host`"):
            hosts_for("127.0.0.1", [name])

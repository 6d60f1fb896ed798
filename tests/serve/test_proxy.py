"""Sign-in by a reverse proxy: its header is believed from its own address, and from nobody else's."""

from typing import Any

import pytest
from starlette.requests import Request

from goodsight.errors import GoodsightError
from goodsight.serve.access import Access, Token, _hash
from goodsight.serve.problems import Problem
from goodsight.serve.proxy import proxy_of

TOKENS = (Token("ann", "review", _hash("ann's token")), Token("root", "admin", _hash("root's token"), per_minute=1))
PROXY = proxy_of("X-Remote-User", ["10.0.0.0/24", "::1"])


def _request(peer: str | None, *headers: tuple[str, str], method: str = "GET") -> Request:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in (("Host", "shop"), *headers)]
    scope: dict[str, Any] = {"type": "http", "method": method, "path": "/", "headers": raw, "session": {}}
    return Request(scope | {"client": None if peer is None else (peer, 1234)})


def _refused(request: Request, access: Access | None = None) -> int:
    with pytest.raises(Problem) as problem:
        (access or Access(TOKENS, PROXY)).client(request)
    return problem.value.status_code


@pytest.mark.parametrize("peer", ["10.0.0.7", "::1"])
def test_the_proxy_is_believed(peer: str) -> None:
    request = _request(peer, ("X-Remote-User", " ann "))
    access = Access(TOKENS, PROXY)
    assert (access.client(request).name, access.client(request).role) == ("ann", "review")
    visitor = access.visitor(request)
    assert visitor is not None
    assert visitor.name == "ann"


@pytest.mark.parametrize("peer", ["10.0.1.7", "127.0.0.1", "2001:db8::1", "testclient", "", None])
def test_nobody_else_is(peer: str | None) -> None:
    spoofed = (("X-Remote-User", "root"), ("X-Forwarded-For", "10.0.0.7"), ("Forwarded", "for=10.0.0.7"))
    assert _refused(_request(peer, *spoofed)) == 401
    assert Access(TOKENS, PROXY).visitor(_request(peer, *spoofed)) is None


def test_a_header_that_is_there_twice_is_nobodys() -> None:
    assert _refused(_request("10.0.0.7", ("X-Remote-User", "ann"), ("X-Remote-User", "root"))) == 401


def test_it_is_off_by_default() -> None:
    assert _refused(_request("10.0.0.7", ("X-Remote-User", "root")), Access(TOKENS)) == 401


def test_an_unknown_name_another_sites_page_and_too_many_requests_are_refused() -> None:
    access = Access(TOKENS, PROXY)
    assert _refused(_request("10.0.0.7", ("X-Remote-User", "eve")), access) == 403
    own = ("X-Remote-User", "ann"), ("Origin", "https://shop")
    assert access.client(_request("10.0.0.7", *own, method="POST")).name == "ann"
    other = ("X-Remote-User", "ann"), ("Origin", "https://evil.example")
    assert _refused(_request("10.0.0.7", *other, method="POST"), access) == 403
    request = _request("10.0.0.7", ("X-Remote-User", "root"))
    access.client(request)
    assert _refused(request, access) == 429


def test_a_token_goes_before_the_header() -> None:
    request = _request("10.0.0.7", ("X-Remote-User", "root"), ("Authorization", "Bearer ann's token"))
    assert Access(TOKENS, PROXY).client(request).name == "ann"


@pytest.mark.parametrize(
    ("header", "addresses", "said"),
    [
        ("X-User", [], "give both"),
        ("", ["10.0.0.1"], "give both"),
        ("Cookie", ["10.0.0.1"], "a header of its own"),
        ("X User", ["10.0.0.1"], "a header of its own"),
        ("X-User", ["everywhere"], "must be an address or a network"),
    ],
)
def test_wrong_options_are_told(header: str, addresses: list[str], said: str) -> None:
    with pytest.raises(GoodsightError, match=said):
        proxy_of(header, addresses)
    assert proxy_of("", []) is None

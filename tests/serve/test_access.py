"""Tokens: made, read, refused; roles include those before them; limits hold."""

from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from goodsight.errors import GoodsightError
from goodsight.serve.access import Access, Client, new_token, read_tokens
from goodsight.serve.problems import Problem
from goodsight.store import Store


def _request(method: str = "POST", session: dict[str, Any] | None = None, **headers: str) -> Request:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": "/", "headers": pairs, "session": session or {}}
    return Request(scope)


def _access(tmp_path: Path, *names_and_roles: tuple[str, str], rate: int = 6000) -> tuple[Access, list[str]]:
    made = [new_token(name, role) for name, role in names_and_roles]
    path = tmp_path / "tokens.toml"
    path.write_text("\n".join(lines for _, lines in made).replace("6000", str(rate)))
    return Access(read_tokens(path)), [token for token, _ in made]


def test_a_token_gives_its_name_and_role_and_is_not_in_the_file(tmp_path: Path) -> None:
    access, (one, two) = _access(tmp_path, ("shop", "check"), ("ann", "review"))
    assert access.client(_request(authorization=f"Bearer {one}")) == Client("shop", "check")
    assert access.client(_request(authorization=f"bearer {two}")) == Client("ann", "review")
    assert one not in (tmp_path / "tokens.toml").read_text()


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic dXNlcjpwYXNz", "Bearer", "nonsense"])
def test_an_unknown_token_is_refused(tmp_path: Path, header: str) -> None:
    access, _ = _access(tmp_path, ("shop", "check"))
    with pytest.raises(Problem) as caught:
        access.client(_request(authorization=header))
    assert caught.value.status_code == 401


def test_roles_include_those_before_them() -> None:
    assert [Client("x", "review").may(role) for role in ("check", "review", "admin")] == [True, True, False]


def test_a_session_needs_its_csrf_token_for_unsafe_methods(tmp_path: Path) -> None:
    access, (token,) = _access(tmp_path, ("ann", "review"))
    session: dict[str, Any] = {"old": "data"}
    assert not access.log_in("wrong", session)
    assert access.log_in(token, session)
    assert set(session) == {"token", "csrf"}
    assert token not in str(session)
    assert access.client(_request("GET", session)) == Client("ann", "review")
    assert access.client(_request("POST", session, x_csrf_token=session["csrf"])) == Client("ann", "review")
    for headers in ({}, {"x_csrf_token": "wrong"}, {"x_csrf_token": "\xe9"}):
        with pytest.raises(Problem) as caught:
            access.client(_request("POST", session, **headers))
        assert caught.value.status_code == 403
    other, _ = _access(tmp_path, ("bob", "review"))
    with pytest.raises(Problem, match="log in"):
        other.client(_request("GET", session))


def test_without_tokens_only_pages_of_other_sites_are_refused() -> None:
    access = Access()
    assert access.open
    assert access.client(_request(host="127.0.0.1:8000")).may("admin")
    assert access.client(_request(host="127.0.0.1:8000", origin="http://127.0.0.1:8000")).may("admin")
    for origin in ("http://evil.example", "null", "http://127.0.0.1:9000"):
        with pytest.raises(Problem) as caught:
            access.client(_request(host="127.0.0.1:8000", origin=origin))
        assert caught.value.status_code == 403


def test_a_limit_is_held_per_token(tmp_path: Path) -> None:
    access, (one, two) = _access(tmp_path, ("a", "check"), ("b", "check"), rate=12)
    for _ in range(2):
        access.client(_request(authorization=f"Bearer {one}"))
    with pytest.raises(Problem) as caught:
        access.client(_request(authorization=f"Bearer {one}"))
    assert caught.value.status_code == 429
    assert 1 <= int((caught.value.headers or {})["Retry-After"]) <= 6
    access.client(_request(authorization=f"Bearer {two}"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no"),
        ("tokens = 3", "has no"),
        ("not toml", "cannot be read"),
        ("[tokens.a]\nrole = 'check'", "must have role and sha256"),
        ("[tokens.a]\nrole = 'chek'\nsha256 = 'x'", "Did you mean 'check'"),
        ("[tokens.a]\nrole = 'check'\nsha256 = 'x'", "64 hexadecimal digits"),
        (f"[tokens.a]\nrole = 'check'\nsha256 = '{'a' * 64}'\nper_minute = 0", "per_minute must be"),
    ],
)
def test_a_wrong_tokens_file_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text(text)
    with pytest.raises(GoodsightError, match=said):
        read_tokens(path)


@pytest.mark.parametrize(("name", "role"), [("a b", "check"), ("", "check"), ("x", "boss"), ('a"]', "check")])
def test_a_token_needs_a_plain_name_and_a_role(name: str, role: str) -> None:
    with pytest.raises(GoodsightError):
        new_token(name, role)


def test_a_limit_is_one_for_all_processes(tmp_path: Path) -> None:
    one, (token,) = _access(tmp_path, ("shop", "check"), rate=60)
    two = Access(read_tokens(tmp_path / "tokens.toml"))
    store = Store.open("", tmp_path / "data")
    asked = _request(authorization=f"Bearer {token}")

    for _ in range(10):  # a burst of ten seconds' worth
        one.client(asked)
    one.settle(store.shared)
    assert two.client(asked)  # it did not ask yet what is left
    two.settle(store.shared)
    for access in (one, two):
        with pytest.raises(Problem, match="more than 60 requests a minute"):
            access.client(asked)
    store.close()

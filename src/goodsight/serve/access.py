"""Who may do what: tokens with roles, kept as hashes; a session cookie for the pages; limits per token."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from goodsight.errors import GoodsightError, did_you_mean
from goodsight.files import read_toml
from goodsight.serve.problems import Problem
from goodsight.serve.proxy import Proxy
from goodsight.store.together import Asked, Shared

ROLES = ("check", "review", "admin")
"""Each includes those before it."""
PER_MINUTE = 6000
_SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Token:
    """What a token may do; the token itself is not kept."""

    name: str
    role: str
    sha256: str
    per_minute: int = PER_MINUTE


@dataclass(frozen=True)
class Client:
    """Who asks: the token's name, or ``anonymous``."""

    name: str
    role: str

    @property
    def roles(self) -> tuple[str, ...]:
        """The client's role and those that it includes."""
        return ROLES[: ROLES.index(self.role) + 1]

    def may(self, role: str) -> bool:
        """Whether the client has a role, or one above it."""
        return role in self.roles


ANONYMOUS = Client("anonymous", "admin")


def new_token(name: str, role: str) -> tuple[str, str]:
    """A new random token, and the lines for the tokens file (which hold only its hash).

    Raises:
        GoodsightError: unknown role, or a name that is not letters, digits, - or _.

    """
    _require_role("`role`", role)
    if not name.replace("-", "a").replace("_", "a").isalnum() or not name.isascii():
        raise GoodsightError(f"`name` {name!r}: use letters, digits, - and _")
    token = secrets.token_urlsafe(32)
    return token, f'[tokens.{name}]\nrole = "{role}"\nsha256 = "{_hash(token)}"\nper_minute = {PER_MINUTE}\n'


def read_tokens(path: Path) -> tuple[Token, ...]:
    """Read a tokens file.

    Raises:
        GoodsightError: it cannot be read, or an entry is wrong.

    """
    record = read_toml(path, "`tokens`")
    entries = record.get("tokens")
    if not isinstance(entries, dict) or not entries:
        raise GoodsightError(f"`tokens` {path}: has no [tokens.NAME] entry; make one with `goodsight token`")
    return tuple(_token(path, name, entry) for name, entry in entries.items())


def _token(path: Path, name: str, entry: Any) -> Token:
    where = f"`tokens` {path}: [tokens.{name}]"
    if not isinstance(entry, dict) or not {"role", "sha256"} <= set(entry) <= {"role", "sha256", "per_minute"}:
        raise GoodsightError(f"{where}: must have role and sha256, and may have per_minute")
    _require_role(where, entry["role"])
    digest, rate = str(entry["sha256"]).lower(), entry.get("per_minute", PER_MINUTE)
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise GoodsightError(f"{where}: sha256 must be 64 hexadecimal digits; make it with `goodsight token`")
    if not isinstance(rate, int) or rate < 1:
        raise GoodsightError(f"{where}: per_minute must be a whole number from 1")
    return Token(name, entry["role"], digest, rate)


def _require_role(where: str, role: str) -> None:
    if role not in ROLES:
        raise GoodsightError(f"{where}: role {role!r} is not one of {', '.join(ROLES)}.{did_you_mean(role, ROLES)}")


class Access:
    """Decides for each request.

    Args:
        tokens: who may ask; empty lets everybody in, for a service that only this machine can reach.
        proxy: a reverse proxy that says who asks, by the name of a token; None for none.

    """

    def __init__(self, tokens: tuple[Token, ...] = (), proxy: Proxy | None = None) -> None:
        self._proxy = proxy
        self._by_hash = {token.sha256: token for token in tokens}
        self._by_name = {token.name: token for token in tokens}
        self._buckets: dict[str, tuple[float, float]] = {}
        self._spent: Counter[str] = Counter()

    @property
    def open(self) -> bool:
        """Whether no token is needed."""
        return not self._by_hash

    def client(self, request: Request) -> Client:
        """Who asks.

        Raises:
            Problem: 401 without a valid token or session, 403 when a page of another site asks, 429 over the limit.

        """
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if given and not self.open:
            token = self._by_hash.get(_hash(given.strip())) if scheme.lower() == "bearer" else None
            if token is None:
                raise _unauthorized("this token is not known")
        elif self.open:
            _require_own_page(request)
            return ANONYMOUS
        elif user := self._of_proxy(request):
            # The proxy's own cookie may come with a request of any page, so that this must be one of ours.
            _require_own_page(request)
            token = self._named(user)
            if token is None:
                raise Problem(403, f"{user[:100]!r} is no name of the tokens file")
        else:
            token = self.of_session(request.session)
            if token is None:
                raise _unauthorized("send a token: Authorization: Bearer ..., or log in at /login")
            _require_csrf(request)
        self._count(token)
        return Client(token.name, token.role)

    def visitor(self, request: Request) -> Client | None:
        """Who looks at a page; None when they must log in first."""
        if self.open:
            return ANONYMOUS
        token = self._named(self._of_proxy(request)) or self.of_session(request.session)
        return None if token is None else Client(token.name, token.role)

    def log_in(self, token: str, session: dict[str, Any]) -> bool:
        """Start a session for a page; False when the token is not known."""
        known = self._by_hash.get(_hash(token))
        if known is None:
            return False
        session.clear()
        session |= {"token": known.sha256, "csrf": secrets.token_urlsafe(24)}
        return True

    def of_session(self, session: Mapping[str, Any]) -> Token | None:
        """The token that a session was started with, as long as it is in the tokens file."""
        return self._by_hash.get(str(session.get("token", "")))

    def settle(self, shared: Shared) -> None:
        """Tell all processes what was asked of this one since the last time, and learn what is left of each token.

        In between each goes by itself, so what all take too much within a second is a debt that is waited for later.
        """
        asked = {
            token.name: Asked(self._spent[token.name], token.per_minute / 60, _size(token))
            for token in self._by_name.values()
        }
        for name, left in shared.settle(asked).items():
            # What was asked meanwhile is told next time.
            self._spent[name] -= int(asked[name].spent)
            self._buckets[name] = (left - self._spent[name], time.monotonic())

    def _of_proxy(self, request: Request) -> str:
        """Who asks, as the proxy says; '' without one."""
        return self._proxy.user(request) if self._proxy else ""

    def _named(self, user: str) -> Token | None:
        """Whom a proxy names: their role and limit are those of the token of this name."""
        return self._by_name.get(user)

    def _count(self, token: Token) -> None:
        """A token bucket: a burst of ten seconds' worth, refilled steadily."""
        rate, size = token.per_minute / 60, _size(token)
        now = time.monotonic()
        level, since = self._buckets.get(token.name, (size, now))
        level = min(size, level + (now - since) * rate)
        if level < 1:
            wait = int((1 - level) / rate) + 1
            raise Problem(429, f"more than {token.per_minute} requests a minute", {"Retry-After": str(wait)})
        self._buckets[token.name] = (level - 1, now)
        self._spent[token.name] += 1


def _size(token: Token) -> float:
    return max(1.0, token.per_minute / 6)


_bearer = HTTPBearer(auto_error=False, description="A token made with `goodsight token`.")


def require(role: str) -> Callable[..., Awaitable[Client]]:
    """A dependency that lets in who has a role."""

    async def client(
        request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)] = None
    ) -> Client:
        # The gate asked before the body was read; a path that it does not know is asked here.
        known: Client | None = getattr(request.state, "client", None)
        asking: Client = known or request.app.state.service.access.client(request)
        if not asking.may(role):
            raise Problem(403, f"this needs the role {role}; {asking.name} has {asking.role}")
        return asking

    return client


def _unauthorized(detail: str) -> Problem:
    return Problem(401, detail, {"WWW-Authenticate": "Bearer"})


def _require_csrf(request: Request) -> None:
    expected = str(request.session.get("csrf", ""))
    given = request.headers.get("x-csrf-token", "")
    if request.method not in _SAFE and not (expected and secrets.compare_digest(given.encode(), expected.encode())):
        raise Problem(403, "the X-CSRF-Token header is missing or wrong; load the page again")


def _require_own_page(request: Request) -> None:
    """Without tokens, a page of another site must not use the visitor's browser to reach this service."""
    origin = request.headers.get("origin")
    if request.method not in _SAFE and origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise Problem(403, f"requests from pages of {origin[:100]} are refused")


def _hash(token: str) -> str:
    # Tokens are 256 random bits, so a plain hash cannot be reversed by guessing.
    return hashlib.sha256(token.encode()).hexdigest()

"""The pages for people: check a photo, review the queue, log in and out; and their static files.

The factory is::

    router(
        visitor: Callable[[Request], Visitor | None],
        login: Callable[[Request, str], bool],
        logout: Callable[[Request], None],
        models: Callable[[], Mapping[str, Mapping[str, Sequence[str]]]],
        max_bytes: int,
    ) -> APIRouter

It knows nothing of tokens, models or the store: whoever makes the app hands these in.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

_FORM_BYTES = 8192
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_PLACES = ("/", "/reviews", "/clusters")
_WITHOUT_ROLE = "You may not see this page"


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page.

    Attributes:
        user: the name of the token, ``anonymous`` without tokens.
        roles: all roles that the visitor has, those included by a higher one as well.
        csrf: what the pages send back as X-CSRF-Token; '' when none is wanted.

    """

    user: str
    roles: tuple[str, ...]
    csrf: str


def router(
    visitor: Callable[[Request], Visitor | None],
    login: Callable[[Request, str], bool],
    logout: Callable[[Request], None],
    models: Callable[[], Mapping[str, Mapping[str, Sequence[str]]]],
    max_bytes: int,
) -> APIRouter:
    """The routes: ``/``, ``/reviews``, ``/clusters``, ``/api``, ``/login``, ``/logout``, ``/static/{name}``.

    Args:
        visitor: who asks, from the session cookie; None when they must log in first.
        login: start a session with a token; False when the token is not known.
        logout: end the session.
        models: the models that are served now, each name with the classes to choose from of each of its attributes,
            '' for the only one; the first model is the default.
        max_bytes: the most bytes of a photo, so that the page can refuse a larger one before it is sent.

    """
    made = APIRouter(include_in_schema=False)
    pages = _Pages(visitor, login, logout, models, max_bytes)
    made.add_api_route("/", pages.check, methods=["GET"])
    made.add_api_route("/reviews", pages.reviews, methods=["GET"])
    made.add_api_route("/clusters", pages.clusters, methods=["GET"])
    made.add_api_route("/api", pages.api, methods=["GET"])
    made.add_api_route("/login", pages.ask_for_token, methods=["GET"])
    made.add_api_route("/login", pages.log_in, methods=["POST"])
    made.add_api_route("/logout", pages.log_out, methods=["POST"])
    made.add_api_route("/static/{name}", _static(), methods=["GET"])
    return made


class _Pages:
    """The handlers; :func:`router` says what each argument is."""

    def __init__(
        self,
        visitor: Callable[[Request], Visitor | None],
        login: Callable[[Request, str], bool],
        logout: Callable[[Request], None],
        models: Callable[[], Mapping[str, Mapping[str, Sequence[str]]]],
        max_bytes: int,
    ) -> None:
        self._visitor, self._login, self._logout = visitor, login, logout
        self._models, self._max_bytes = models, max_bytes
        self._templates = Environment(
            loader=PackageLoader("goodsight.serve"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def check(self, request: Request) -> Response:
        """The page on which a photo is checked."""
        return self._for_role(request, "check", "check")

    def reviews(self, request: Request) -> Response:
        """The page on which photos of the queue are decided."""
        return self._for_role(request, "reviews", "review")

    def clusters(self, request: Request) -> Response:
        """The page of photos that were posted again."""
        return self._for_role(request, "clusters", "review")

    def api(self, request: Request) -> Response:
        """What the API can do, for a person; made from the OpenAPI document."""
        return self._page("api", self._visitor(request), paths=request.app.openapi()["paths"])

    def ask_for_token(self, request: Request, next: str = "/") -> Response:
        """The form that asks for a token; who is logged in already goes on."""
        if self._visitor(request) is not None:
            return RedirectResponse(_place(next), 303)
        return self._page("login", None, wrong=False, next=_place(next))

    async def log_in(self, request: Request) -> Response:
        """Start a session with the token of the form."""
        if not _own_form(request):
            return self._message(403, "Not logged in", "The form was sent from another site.", None)
        form = await _form(request)
        place = _place(form.get("next", "/"))
        if not self._login(request, form.get("token", "").strip()):
            return self._page("login", None, 403, wrong=True, next=place)
        return RedirectResponse(place, 303)

    async def log_out(self, request: Request) -> Response:
        """End the session of a form that has its CSRF token."""
        visitor = self._visitor(request)
        given = (await _form(request)).get("csrf", "")
        if visitor is not None and not secrets.compare_digest(given.encode(), visitor.csrf.encode()):
            return self._message(403, "Still logged in", "Load the page again, then log out.", visitor)
        self._logout(request)
        return RedirectResponse("/login", 303)

    def _for_role(self, request: Request, page: str, role: str) -> Response:
        visitor = self._visitor(request)
        if visitor is None:
            return RedirectResponse(f"/login?next={request.url.path}", 303)
        if role not in visitor.roles:
            said = f"It needs a token with the role {role}. Log out, then log in with such a token."
            return self._message(403, _WITHOUT_ROLE, said, visitor)
        models = [
            (name, [(attribute, list(classes)) for attribute, classes in attributes.items()])
            for name, attributes in self._models().items()
        ]
        return self._page(page, visitor, models=models, max_bytes=self._max_bytes)

    def _message(self, status: int, title: str, text: str, visitor: Visitor | None) -> Response:
        return self._page("message", visitor, status, title=title, text=text)

    def _page(self, page: str, visitor: Visitor | None, status: int = 200, **values: Any) -> Response:
        visitor = visitor or Visitor("", (), "")
        known = {"page": page, "user": visitor.user, "roles": visitor.roles, "csrf": visitor.csrf}
        return HTMLResponse(self._templates.get_template(f"{page}.html").render(known | values), status)


def _static() -> Callable[[Request, str], Response]:
    """A handler for the files in ``static/``: read once, so that no name from outside ever reaches the disk."""
    folder = files("goodsight.serve") / "static"
    known = {file.name: file.read_bytes() for file in folder.iterdir() if file.name.rpartition(".")[2] in _TYPES}
    tags = {name: f'"{hashlib.sha256(data).hexdigest()[:32]}"' for name, data in known.items()}

    def static(request: Request, name: str) -> Response:
        if name not in known:
            return Response("there is no such file", 404, media_type="text/plain")
        headers = {"ETag": tags[name], "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tags[name]:
            return Response(status_code=304, headers=headers)
        return Response(known[name], headers=headers, media_type=_TYPES[name.rpartition(".")[2]])

    return static


async def _form(request: Request) -> dict[str, str]:
    """The fields of a small form; nothing of a form that is larger than any of ours."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _FORM_BYTES:
            return {}
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _own_form(request: Request) -> bool:
    """Whether a form can have come from one of our pages: there is no session yet whose CSRF token could tell."""
    origin = request.headers.get("origin", "null")  # "null" is what Referrer-Policy: no-referrer makes of our own
    own = origin == "null" or origin.partition("://")[2] == request.headers.get("host")
    return own and request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _place(wanted: str) -> str:
    """Where to go after the login: one of our pages, whatever the address says."""
    return wanted if wanted in _PLACES else "/"

"""An app that answers as the service does, without a model: the tests say what it answers next. And a visit to it."""

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page

from goodsight.serve import pages
from goodsight.serve.shield import HEADERS

HOSTILE = '<img src=x onerror="document.title=1">'
CLASSES = ["phone", "laptop", "watch", HOSTILE]
MANY = [*CLASSES, *(f"grocery {number}" for number in range(12))]
LONG = "w" * 60
WIDE, PHONE, NARROW = (1280, 800), (390, 844), (320, 640)
ANN = pages.Visitor("ann", ("check", "review", "admin"), "secret")


def _photo() -> bytes:
    stream = BytesIO()
    Image.new("RGB", (640, 480), (120, 160, 200)).save(stream, "JPEG")
    return stream.getvalue()


PHOTO = _photo()


def answer(
    verdict: str, likely: str, declared: str, p: float, reason: str = "", evidence: list[list[float]] | None = None
) -> dict[str, Any]:
    rest = dict.fromkeys(CLASSES, 0.001) | {declared: 0.004} | {likely: p}
    common = {"id": "c1", "class": likely, "declared": declared, "probabilities": rest, "model": "ads", "model_id": "0"}
    figures = {"probability": rest[declared], "p_value": 0.5, "on_topic_p_value": 0.5}
    return (
        common
        | figures
        | {"categories_matched": verdict == "match", "verdict": verdict, "reason": reason}
        | {"policy": "", "action": {"match": "accept", "mismatch": "refuse"}.get(verdict, "review")}
        | {"evidence": evidence}
    )


def several(**parts: dict[str, Any]) -> dict[str, Any]:
    """The answer of a model of several attributes, of answers of one each."""
    verdicts = [part["verdict"] for part in parts.values()]
    worst = min(verdicts, key=["blocked", "off-topic", "mismatch", "unsure", "match"].index)
    whole = {"id": "c1", "verdict": worst, "categories_matched": worst == "match", "reason": "", "box": None}
    action = min((part["action"] for part in parts.values()), key=["refuse", "review", "accept"].index)
    return whole | {
        "action": action,
        "attributes": parts,
        "trained": "unsure" not in verdicts,
        "model": "ads",
        "model_id": "0",
    }


def review(number: int, **changes: Any) -> dict[str, Any]:
    known = {"id": f"r{number}", "declared": "phone", "class": "laptop", "verdict": "unsure", "probability": 0.62}
    told = {"reason": "may be laptop or phone", "contested": False, "note": "", "time": 0.0, "lease_until": 1e12}
    found = {"probabilities": {"laptop": 0.62, "phone": 0.3}, "classes": CLASSES, "photo": f"/v1/photos/r{number}"}
    return {"seller": "", "attribute": "", "tag": False} | known | told | found | changes


def problem(status: int, detail: str = "", **headers: str) -> Response:
    body = {"type": "about:blank", "title": "", "status": status, "detail": detail}
    return JSONResponse(body, status, {k.replace("_", "-"): v for k, v in headers.items()}, "application/problem+json")


@dataclass
class Canned:
    """What the app answers next, and what it was asked."""

    visitor: pages.Visitor | None = ANN
    models: dict[str, dict[str, list[str]]] = field(default_factory=lambda: {"ads": {"": CLASSES}})
    checks: list[Any] = field(default_factory=list)
    appeals: list[Any] = field(default_factory=list)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    sellers: list[Any] = field(default_factory=list)
    decided: list[dict[str, Any]] = field(default_factory=list)
    clusters: list[list[dict[str, Any]]] = field(default_factory=list)
    csrf: set[str | None] = field(default_factory=set)
    max_bytes: int = 10**6

    def queue(self) -> dict[str, Any]:
        lengths = {"waiting": len(self.reviews), "contested": sum(r["contested"] for r in self.reviews), "claimed": 0}
        agreement = {"agreement_with_model": 0.914, "agreement_between_reviewers": None}
        return lengths | agreement | {"decided": 40, "decided_last_day": 7 + len(self.decided), "oldest_seconds": 1.0}

    def following(self) -> dict[str, Any]:
        return {"review": self.reviews[0] if self.reviews else None, "queue": self.queue()}

    def decide(self, id: str, decision: str) -> Response:
        if id in self.lost:
            self.reviews.pop(0)
            return problem(409, "the claim is not yours any more")
        assert self.reviews[0]["id"] == id
        self.decided.append(self.reviews.pop(0))
        return JSONResponse({"id": id, "decision": decision, "queue": self.queue()})

    def skip(self) -> Response:
        self.reviews.append(self.reviews.pop(0))
        return Response(status_code=204)

    def undo(self) -> dict[str, Any]:
        if not self.decided:
            return {"review": None, "queue": self.queue()}
        self.reviews.insert(0, self.decided.pop())
        return self.following()


def app(canned: Canned) -> FastAPI:
    app = FastAPI()

    def login(_: Request, token: str) -> bool:
        canned.visitor = ANN if token == "right" else None
        return token == "right"

    def logout(_: Request) -> None:
        canned.visitor = None

    app.include_router(pages.router(lambda _: canned.visitor, login, logout, lambda: canned.models, canned.max_bytes))

    @app.middleware("http")
    async def shield(request: Request, call_next: Any) -> Any:
        if request.url.path.startswith("/v1") and request.method == "POST":
            canned.csrf.add(request.headers.get("x-csrf-token"))
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    @app.post("/v1/check")
    async def check(request: Request) -> Any:
        async with request.form() as form:
            photo = form["image"]
            assert not isinstance(photo, str)
            canned.sellers.append(form.get("seller"))
            said = form.get("ad_category") or form.getlist("declared")
            canned.asked.append(("check", (said, form.get("model"), photo.filename, await photo.read())))
        return canned.checks.pop(0)

    @app.post("/v1/appeals", status_code=201)
    async def appeal(request: Request) -> Any:
        canned.asked.append(("appeal", await request.json()))
        return canned.appeals.pop(0) if canned.appeals else {"id": "c1", "time": 0.0}

    @app.get("/v1/clusters")
    def clusters() -> Any:
        return {"clusters": canned.clusters}

    @app.post("/v1/reviews/next")
    def following() -> Any:
        return canned.following()

    @app.post("/v1/reviews/undo")
    def undo() -> Any:
        return canned.undo()

    @app.post("/v1/reviews/{id}/renew")
    def renew(id: str) -> Any:
        canned.asked.append(("renew", id))
        if id not in canned.lost:
            return {"id": id, "lease_until": 1e12}
        canned.reviews.pop(0)
        return problem(409, "the claim is not yours any more")

    @app.post("/v1/reviews/{id}/skip")
    def skip(id: str) -> Any:
        canned.asked.append(("skip", id))
        return canned.skip()

    @app.post("/v1/reviews/{id}")
    async def decide(id: str, request: Request) -> Any:
        decision = (await request.json())["decision"]
        canned.asked.append(("decide", (id, decision)))
        return canned.decide(id, decision)

    @app.get("/v1/photos/{id}")
    def photo(id: str) -> Response:
        return Response(PHOTO, media_type="image/jpeg") if id != "gone" else problem(404)

    return app


@dataclass
class Visit:
    """A page, and what the browser complained about."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    planted: int = 0

    def open(self, path: str, size: tuple[int, int] = WIDE) -> Page:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.goto(self.address + path)
        return self.page


def give(page: Page, data: bytes = PHOTO, name: str = "mine.jpg") -> None:
    page.locator("#file").set_input_files(FilePayload(name=name, mimeType="image/jpeg", buffer=data))


def fill_in(page: Page, category: str = "phone") -> Locator:
    page.get_by_label("Category of the ad").select_option(category)
    give(page)
    return page.locator("#verdict")

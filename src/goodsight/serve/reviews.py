"""The API of the review queue: the next photo, a decision, a skip, an undo."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from goodsight.model.record import Judge
from goodsight.serve import answers
from goodsight.serve.access import Client, require
from goodsight.serve.answers import problem_responses
from goodsight.serve.api import CheckId, service_of
from goodsight.serve.bodies import BoundedRoute
from goodsight.serve.problems import Problem
from goodsight.serve.service import Service
from goodsight.store import Checked, Note, Review

router = APIRouter(prefix="/v1/reviews", route_class=BoundedRoute)
Reviewing = Annotated[Client, Depends(require("review"))]
_REFUSED = problem_responses(401, 403, 429)
_ABOUT_ONE = problem_responses(400, 401, 403, 404, 409, 413, 422, 429)


@router.get("", responses=_REFUSED)
def statistics(request: Request, _: Reviewing) -> JSONResponse:
    """How many photos wait, and how far people agree with the model and with each other."""
    return JSONResponse(answers.queue(service_of(request).store.queue.statistics()))


@router.post("/next", responses=_REFUSED)
def following(request: Request, client: Reviewing) -> JSONResponse:
    """Claim the next photo: nobody else gets it meanwhile."""
    service = service_of(request)
    return JSONResponse(_with_queue(service, service.store.queue.claim(client.name)))


@router.post("/undo", responses={**_REFUSED, **problem_responses(409)})
def undo(request: Request, client: Reviewing) -> JSONResponse:
    """Take back one's last decision, and claim its photo again."""
    service = service_of(request)

    def noted(checked: Checked) -> Note:
        news = service.webhooks.news("review.undone", check=checked.id, reviewer=client.name)
        return Note(client.name, "took back", checked.id, news=news)

    review = service.store.queue.undo(client.name, noted)
    return JSONResponse(_with_queue(service, review))


@router.post("/{id}", responses=_ABOUT_ONE)
def decide(request: Request, id: CheckId, client: Reviewing, decided: answers.DecisionRequest) -> JSONResponse:
    """Decide what a claimed photo shows."""
    service = service_of(request)
    checked = service.store.check(id)
    decision = decided.decision if checked is None else _decision(service, checked, decided.decision)
    news = service.webhooks.news("review.decided", check=id, decision=decision, reviewer=client.name)
    service.store.queue.decide(id, client.name, decision, Note(client.name, "decided", id, decision, news))
    queue = answers.queue(service.store.queue.statistics())
    return JSONResponse({"id": id, "decision": decision, "queue": queue})


@router.post("/{id}/renew", responses=_ABOUT_ONE)
def renew(request: Request, id: CheckId, client: Reviewing) -> JSONResponse:
    """Keep a claimed photo for longer: somebody looks at it still."""
    until = service_of(request).store.queue.renew(id, client.name)
    return JSONResponse({"id": id, "lease_until": until})


@router.post("/{id}/skip", status_code=204, responses=_ABOUT_ONE)
def skip(request: Request, id: CheckId, client: Reviewing) -> Response:
    """Leave a claimed photo to somebody else."""
    service_of(request).store.queue.release(id, client.name)
    return Response(status_code=204)


def _with_queue(service: Service, review: Review | None) -> dict[str, Any]:
    found = None if review is None else _review(service, review)
    return {"review": found, "queue": answers.queue(service.store.queue.statistics())}


def _review(service: Service, review: Review) -> dict[str, Any]:
    checked = review.checked
    judge = _judge(service, checked)
    return {
        "id": checked.id,
        "attribute": checked.attribute,
        "tag": judge is not None and judge.attribute.tag,
        "declared": checked.declared,
        "seller": checked.seller,
        "class": checked.label,
        "verdict": checked.verdict,
        "probability": checked.probability,
        "probabilities": dict(checked.probabilities),
        "reason": checked.reason,
        "contested": review.contested,
        "note": review.note,
        "time": checked.time,
        "lease_until": review.lease_until,
        # What means none of the classes has a button of its own.
        "classes": [c for c in judge.classes if c != judge.none] if judge else list(checked.probabilities),
        "photo": f"/v1/photos/{checked.id}",
    }


def _judge(service: Service, checked: Checked) -> Judge | None:
    """What answers for the attribute of an answer now; None when it is not served any more."""
    if checked.model not in service.models.names():
        return None
    with service.models.use(checked.model) as served:
        return served.judge(checked.attribute)


def _decision(service: Service, checked: Checked, said: str) -> str:
    """What is kept of a decision: where the model has a class for "none of these", that one.

    Raises:
        Problem: 422: it is no class of the model.

    """
    judge = _judge(service, checked)
    if not said:
        return judge.none if judge else ""
    if said not in (judge.classes if judge else checked.probabilities):
        of = f"{checked.attribute} in {checked.model}" if checked.attribute else checked.model
        raise Problem(422, f"decision {said[:100]!r}: not a class of {of}")
    return said

"""The API, version 1: check, classify, appeal, models, photos, deletion, metrics."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from goodsight.photos.limits import BadPhoto
from goodsight.serve import answers, problems, upload
from goodsight.serve.access import Client, require
from goodsight.serve.allowance import BusyError
from goodsight.serve.answers import problem_responses
from goodsight.serve.bodies import BoundedRoute
from goodsight.serve.declared import CATEGORY, declared
from goodsight.serve.declared import MEANING as DECLARED
from goodsight.serve.decoders import DecodeTimeoutError
from goodsight.serve.meters import CONTENT_TYPE_LATEST
from goodsight.serve.models import Served
from goodsight.serve.problems import Problem
from goodsight.serve.seller import AD, MEANING, Post, post_from
from goodsight.serve.service import Service
from goodsight.serve.texts import Id
from goodsight.store import Note

SHOWN = 1024
"""Pixels of the longer side of a photo that is shown to a reviewer."""
CLUSTERS = 100
"""Clusters of re-posts that are shown."""
router = APIRouter(route_class=BoundedRoute)
Checking = Annotated[Client, Depends(require("check"))]
Reviewing = Annotated[Client, Depends(require("review"))]
Ruling = Annotated[Client, Depends(require("admin"))]
CheckId = Annotated[Id, Path(description="The id of a check.")]
_PHOTO = problem_responses(400, 401, 403, 404, 408, 413, 415, 422, 429, 503)


def service_of(request: Request) -> Service:
    """The service behind an app."""
    found: Service = request.app.state.service
    return found


@router.post(
    "/v1/check",
    response_model=answers.CheckAnswer | answers.AttributesCheckAnswer,
    responses=_PHOTO,
    openapi_extra=upload.body(
        1,
        ad_category=CATEGORY,
        declared=DECLARED,
        model="The model; the first by default.",
        explain="true: say where in the photo the class is seen, which takes longer; false by default.",
        seller=MEANING,
        ad=AD,
    ),
)
async def check(request: Request, client: Checking) -> JSONResponse:
    """Does the photo show what was declared?"""
    service = service_of(request)
    async with upload.read(request) as form:
        explain = form.fields.get("explain", "false")
        if explain not in ("true", "false"):
            raise Problem(422, f"explain {explain[:100]!r}: must be true or false")
        post = post_from(form.fields)
        with service.use(form.fields.get("model", ""), client=client.name) as served:
            said = declared(served, form.fields.get("ad_category", ""), form.declared)
            data = await form.images[0].read()
            answered = await service.check(served, data, said, client, post)
            shown = await service.explain(served, data, answered, client) if explain == "true" else {}
    return JSONResponse(answers.check(served, answered, shown))


@router.post(
    "/v1/classify",
    response_model=answers.ClassifyAnswer,
    responses=_PHOTO,
    openapi_extra=upload.body(upload.MOST_PHOTOS, model="The model; the first by default.", seller=MEANING, ad=AD),
)
async def classify(request: Request, client: Checking) -> JSONResponse:
    """What do the photos show? A photo that cannot be used has its problem; the others are answered."""
    service = service_of(request)
    async with upload.read(request, upload.MOST_PHOTOS) as form:
        post = post_from(form.fields)
        with service.use(form.fields.get("model", ""), len(form.images), client.name) as served:
            found = await asyncio.gather(
                *[_prediction(service, served, await image.read(), client, post) for image in form.images]
            )
    return JSONResponse({"predictions": found, "model": served.name, "model_id": served.model_id})


async def _prediction(service: Service, served: Served, data: bytes, client: Client, post: Post) -> dict[str, object]:
    try:
        return answers.prediction(served, await service.classify(served, data, client, post))
    except Problem as problem:
        return answers.no_prediction(served, problems.body(problem.status_code, problem.detail))


@router.post(
    "/v1/search",
    response_model=answers.SearchAnswer,
    responses=_PHOTO,
    openapi_extra=upload.body(1, model="The model that looks; the first by default."),
)
async def search(request: Request, client: Reviewing) -> JSONResponse:
    """Which photos that were checked are most like this one? It is not kept."""
    service = service_of(request)
    async with upload.read(request) as form:
        with service.use(form.fields.get("model", ""), client=client.name) as served:
            found = await service.search(served, await form.images[0].read(), client)
    return JSONResponse({"photos": answers.sightings(found)})


@router.get("/v1/clusters", response_model=answers.ClustersAnswer, responses=problem_responses(401, 403, 429))
def clusters(request: Request, _: Reviewing) -> JSONResponse:
    """The newest photos that were posted again as near copies, with who posted them."""
    found = service_of(request).store.imprints.clusters(CLUSTERS)
    posted = [
        [{"id": p.id, "time": p.time, "seller": p.seller, "ad": p.ad, "photo": f"/v1/photos/{p.id}"} for p in cluster]
        for cluster in found
    ]
    return JSONResponse({"clusters": posted})


@router.post(
    "/v1/appeals",
    status_code=201,
    response_model=answers.AppealAnswer,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 429),
)
def appeal(request: Request, client: Checking, asked: answers.AppealRequest) -> JSONResponse:
    """Ask that a person looks at a check. Only who asked for the check, or a reviewer, may contest it."""
    store = service_of(request).store
    found = store.answers(asked.id)
    if not found or (found[0].client != client.name and not client.may("review")):
        raise Problem(404, f"id {asked.id[:64]!r}: there is no such check")
    made = store.appeal(asked.id, client.name, asked.note, Note(client.name, "contested", asked.id))
    return JSONResponse({"id": asked.id, "time": made.time}, 201)


@router.get("/v1/models", response_model=answers.ModelsAnswer, responses=problem_responses(401, 403, 429))
def models(request: Request, _: Checking) -> JSONResponse:
    """The models that are served, with their classes."""
    found = service_of(request).models
    return JSONResponse({"models": [answers.model(served, found.refused(served.name)) for served in found.all()]})


@router.get(
    "/v1/photos/{id}",
    response_class=Response,
    responses={**problem_responses(401, 403, 404, 422, 429), 200: {"content": {"image/jpeg": {}}}},
)
async def photo(request: Request, id: CheckId, client: Reviewing) -> Response:
    """The photo of a check, made anew as a JPEG: what a stranger uploaded never reaches a browser as it came."""
    service = service_of(request)
    found = await asyncio.to_thread(service.store.answers, id)
    data = await asyncio.to_thread(service.store.photo, found[0].sha256) if found else None
    if data is None:
        raise Problem(404, f"id {id!r}: there is no such photo any more")
    try:
        picture = await asyncio.wrap_future(service.decoders.picture(data, SHOWN, client.name))
    except BusyError as error:
        raise problems.of_busy(error) from error
    except (BadPhoto, DecodeTimeoutError) as error:
        raise Problem(422, f"id {id!r}: {error}") from error
    return Response(picture, media_type="image/jpeg")


@router.delete("/v1/checks/{id}", status_code=204, responses=problem_responses(401, 403, 404, 422, 429))
def delete(request: Request, id: CheckId, client: Ruling) -> Response:
    """Delete a photo and every answer about it, for good."""
    service_of(request).store.delete(id, Note(client.name, "deleted", id))
    return Response(status_code=204)


@router.get("/v1/log", response_model=answers.LogAnswer, responses=problem_responses(401, 403, 422, 429))
def log(request: Request, _: Ruling, after: Annotated[int, Query(ge=0, le=2**62)] = 0) -> JSONResponse:
    """Who did what: the lines after a number, oldest first, at most 1,000."""
    return JSONResponse({"lines": [dict(vars(line)) for line in service_of(request).store.log.lines(after)]})


@router.get("/metrics", response_class=Response, responses=problem_responses(401, 403, 429))
def metrics(request: Request, _: Ruling) -> Response:
    """Figures for Prometheus."""
    return Response(service_of(request).meters.text(), media_type=CONTENT_TYPE_LATEST)

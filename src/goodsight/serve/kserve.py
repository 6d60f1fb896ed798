"""The Open Inference Protocol, version 2 (KServe), so that a platform which speaks it needs no adapter.

One input, ``image``, BYTES, shape [n]: base64 of a photo's bytes each, in the forms that
:mod:`goodsight.serve.photo_text` reads, or the bytes themselves by the binary extension
(:mod:`goodsight.serve.tensors`). Outputs: ``label``, ``verdict``, ``probability`` (shape [n]) and ``probabilities``
(shape [n, classes]); of several attributes each with its name in front, as ``colour.label``, and ``trained``. The
parameters ``seller`` and ``ad`` say whose photos they are, and in which ad.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse, Response

from goodsight.about import __version__
from goodsight.serve import problems, tensors
from goodsight.serve.access import Client, require
from goodsight.serve.answered import Answered
from goodsight.serve.answers import problem_responses
from goodsight.serve.api import service_of
from goodsight.serve.bodies import BoundedRoute, utf8_only
from goodsight.serve.models import Served
from goodsight.serve.seller import AD, MEANING, Post, seller_from
from goodsight.serve.tensors import Output
from goodsight.serve.upload import MOST_PHOTOS

router = APIRouter(prefix="/v2", route_class=BoundedRoute)
Checking = Annotated[Client, Depends(require("check"))]
ModelName = Annotated[str, Path(min_length=1, max_length=100)]
_SCHEMA = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string", "maxLength": 100},
        "parameters": {
            "type": "object",
            "properties": {
                "seller": {"type": "string", "description": MEANING},
                "ad": {"type": "string", "description": AD},
            },
        },
        "inputs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "description": "Photos as base64.",
                "required": ["name", "datatype", "shape", "data"],
                "properties": {
                    "name": {"const": "image"},
                    "datatype": {"const": "BYTES"},
                    "shape": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
                    "data": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST_PHOTOS},
                },
            },
        },
        "outputs": {
            "type": "array",
            "description": "Those that are wanted; all by default.",
            "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
        },
    },
}
_MODEL = problem_responses(401, 403, 404, 422, 429)


@router.get("", include_in_schema=False)
def server() -> JSONResponse:
    """Name and version."""
    return JSONResponse({"name": "goodsight", "version": __version__, "extensions": ["binary_tensor_data"]})


@router.get("/health/live")
def live() -> JSONResponse:
    """The process answers."""
    return JSONResponse({"live": True})


@router.get("/health/ready", responses=problem_responses(503))
def ready(request: Request) -> JSONResponse:
    """The service takes photos."""
    if reason := service_of(request).full():
        raise problems.busy(reason)
    return JSONResponse({"ready": True})


@router.get("/models/{name}", responses=_MODEL)
def metadata(request: Request, name: ModelName, _: Checking) -> JSONResponse:
    """Inputs and outputs of a model."""
    with service_of(request).use(name, 0) as served:
        # The outputs of no photo have the names, the datatypes and the number of classes.
        outputs = _outputs(served, [])
        classes = {served.attribute(judge): list(judge.classes) for judge in served.model.judges}
    return JSONResponse(
        {
            "name": name,
            "versions": [served.model_id],
            "platform": "goodsight",
            "inputs": [{"name": "image", "datatype": "BYTES", "shape": [-1]}],
            "outputs": [{"name": o.name, "datatype": o.datatype, "shape": [-1, *o.shape[1:]]} for o in outputs],
            "parameters": {"classes": classes if served.several else classes[""]},
        }
    )


@router.get("/models/{name}/ready", responses=_MODEL)
def model_ready(request: Request, name: ModelName, _: Checking) -> JSONResponse:
    """The model takes photos."""
    with service_of(request).use(name, 0):
        return JSONResponse({"name": name, "ready": True})


@router.post(
    "/models/{name}/infer",
    responses=problem_responses(400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _SCHEMA}}}},
)
async def infer(request: Request, name: ModelName, client: Checking) -> Response:
    """Classify some photos; one that cannot be used refuses the request."""
    service = service_of(request)
    # Read here and not by FastAPI, as there may be bytes behind the JSON.
    body, head = await request.body(), request.headers.get(tensors.HEADER)
    utf8_only(request.headers.get("content-type", ""))
    asked, photos = await asyncio.to_thread(tensors.read, body, head, service.settings.limits.max_bytes)
    seller, ad = (seller_from(str(asked.parameters.get(n, "")), f"parameters.{n}") for n in ("seller", "ad"))
    with service.use(name, len(photos), client.name) as served:
        asked.require([output.name for output in _outputs(served, [])])
        tasks = [service.classify(served, data, client, Post(seller, ad)) for data in photos]
        found = await asyncio.gather(*tasks, return_exceptions=True)
    answered: list[Answered] = []
    for one in found:
        if isinstance(one, BaseException):
            raise one
        answered.append(one)
    said = {"model_name": name, "model_version": served.model_id}
    content, headers = tensors.written(asked, said, _outputs(served, answered))
    return Response(content, headers=headers)


def _outputs(served: Served, answered: Sequence[Answered]) -> list[Output]:
    n = len(answered)
    made: list[Output] = []
    for number, judge in enumerate(served.model.judges):
        start = f"{served.attribute(judge)}." if served.several else ""
        checked = [one.checked[number] for one in answered]
        rows = [value for one in checked for value in one.probabilities.values()]
        made += [
            Output(f"{start}label", "BYTES", (n,), [one.label for one in checked]),
            Output(f"{start}verdict", "BYTES", (n,), [one.verdict for one in checked]),
            Output(f"{start}probability", "FP32", (n,), [one.probability for one in checked]),
            Output(f"{start}probabilities", "FP32", (n, len(judge.classes)), rows),
            Output(f"{start}policy", "BYTES", (n,), [one.policy for one in checked]),
            Output(f"{start}action", "BYTES", (n,), [one.action for one in checked]),
        ]
    if served.several:
        made.append(Output("trained", "BOOL", (n,), [one.prediction.trained for one in answered]))
    return made

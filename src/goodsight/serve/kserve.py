"""The Open Inference Protocol, version 2 (KServe), so that a platform which speaks it needs no adapter.

One input, ``image``, BYTES, shape [n]: base64 of a photo's bytes each, in the forms that
:mod:`goodsight.serve.photo_text` reads. Outputs: ``label``, ``verdict``, ``probability`` (shape
[n]) and ``probabilities`` (shape [n, classes]). The parameter ``seller`` says whose photos they are.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from goodsight.about import __version__
from goodsight.serve import problems
from goodsight.serve.access import Client, require
from goodsight.serve.answers import problem_responses
from goodsight.serve.api import service_of
from goodsight.serve.photo_text import photo_from
from goodsight.serve.problems import Problem
from goodsight.serve.seller import MEANING, Post, seller_from
from goodsight.serve.upload import MOST_PHOTOS
from goodsight.store import Checked

router = APIRouter(prefix="/v2")
Checking = Annotated[Client, Depends(require("check"))]
ModelName = Annotated[str, Path(min_length=1, max_length=100)]
_MODEL = problem_responses(401, 403, 404, 422, 429)


class Tensor(BaseModel):
    """Photos as base64."""

    name: Literal["image"]
    datatype: Literal["BYTES"]
    shape: list[int] = Field(max_length=2)
    data: list[str] = Field(min_length=1, max_length=MOST_PHOTOS)


class Parameters(BaseModel):
    """What is said of all photos of a request."""

    seller: str = Field(default="", description=MEANING)


class InferRequest(BaseModel):
    """One input tensor."""

    id: str = Field("", max_length=100)
    parameters: Parameters = Parameters()
    inputs: list[Tensor] = Field(min_length=1, max_length=1)


@router.get("", include_in_schema=False)
def server() -> JSONResponse:
    """Name and version."""
    return JSONResponse({"name": "goodsight", "version": __version__, "extensions": []})


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
        classes = list(served.judge.classes)
    outputs = [("label", "BYTES", [-1]), ("verdict", "BYTES", [-1]), ("probability", "FP64", [-1])]
    outputs.append(("probabilities", "FP64", [-1, len(classes)]))
    return JSONResponse(
        {
            "name": name,
            "versions": [served.model_id],
            "platform": "goodsight",
            "inputs": [{"name": "image", "datatype": "BYTES", "shape": [-1]}],
            "outputs": [{"name": n, "datatype": d, "shape": s} for n, d, s in outputs],
            "parameters": {"classes": classes},
        }
    )


@router.get("/models/{name}/ready", responses=_MODEL)
def model_ready(request: Request, name: ModelName, _: Checking) -> JSONResponse:
    """The model takes photos."""
    with service_of(request).use(name, 0):
        return JSONResponse({"name": name, "ready": True})


@router.post("/models/{name}/infer", responses=problem_responses(400, 401, 403, 404, 408, 413, 415, 422, 429, 503))
async def infer(request: Request, name: ModelName, client: Checking, asked: InferRequest) -> JSONResponse:
    """Classify some photos; one that cannot be used refuses the request."""
    service = service_of(request)
    tensor = asked.inputs[0]
    n = len(tensor.data)
    if tensor.shape not in ([n], [n, 1]):
        raise Problem(422, f"inputs.0.shape: must be [{n}] for {n} photos")
    seller = seller_from(asked.parameters.seller, "parameters.seller")
    most = service.settings.limits.max_bytes
    photos = [photo_from(text, f"inputs.0.data.{i}", most) for i, text in enumerate(tensor.data)]
    with service.use(name, n) as served:
        tasks = [service.classify(served, data, client, Post(seller)) for data in photos]
        found = await asyncio.gather(*tasks, return_exceptions=True)
    checked: list[Checked] = []
    for one in found:
        if isinstance(one, BaseException):
            raise one
        checked.append(one[0])
    rows = [value for one in checked for value in one.probabilities.values()]
    outputs: list[tuple[str, str, list[int], list[Any]]] = [
        ("label", "BYTES", [n], [one.label for one in checked]),
        ("verdict", "BYTES", [n], [one.verdict for one in checked]),
        ("probability", "FP64", [n], [one.probability for one in checked]),
        ("probabilities", "FP64", [n, len(served.judge.classes)], rows),
    ]
    return JSONResponse(
        {
            "id": asked.id,
            "model_name": name,
            "model_version": served.model_id,
            "outputs": [{"name": a, "datatype": b, "shape": c, "data": d} for a, b, c, d in outputs],
        }
    )

"""A multipart body becomes photos and fields; the client's file names are never used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile

from goodsight.serve.problems import Problem

MOST_PHOTOS = 16
_FIELD_BYTES = 2**16
_OPTIONAL = {"model", "explain", "seller", "ad"}


@dataclass(frozen=True)
class Upload:
    """The files called ``image``, and the text fields."""

    images: tuple[UploadFile, ...]
    fields: dict[str, str]


@asynccontextmanager
async def read(request: Request, most: int = 1) -> AsyncIterator[Upload]:
    """Read the body of a request; files over 1 MiB wait on disk until the block ends.

    Args:
        request: with a multipart body.
        most: how many images it may hold.

    Raises:
        Problem: 415 for another kind of body, 400 for one that cannot be parsed, 422 when a part is wrong.

    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Problem(415, "send the photo as multipart/form-data, in a part called image")
    async with request.form(max_files=most, max_fields=8, max_part_size=_FIELD_BYTES) as form:
        images, fields = [], {}
        for name, value in form.multi_items():
            if isinstance(value, str):
                fields[name] = value
            elif name == "image":
                images.append(value)
        if "image" in fields:
            raise Problem(422, "image: must be a file, not text")
        if not images:
            raise Problem(422, "image: missing; send the photo in a part called image")
        yield Upload(tuple(images), fields)


def body(most: int, **fields: str) -> dict[str, Any]:
    """The body for the OpenAPI document: up to ``most`` images, and text fields with what they mean."""
    photo: dict[str, Any] = {"type": "string", "format": "binary", "description": "The photo's bytes."}
    image = photo if most == 1 else {"type": "array", "items": photo, "minItems": 1, "maxItems": most}
    texts = {name: {"type": "string", "description": text} for name, text in fields.items()}
    required = ["image", *(name for name in fields if name not in _OPTIONAL)]
    schema = {"type": "object", "properties": {"image": image, **texts}, "required": required}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}

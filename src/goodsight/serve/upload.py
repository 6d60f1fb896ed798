"""A multipart body becomes photos and fields; the client's file names are never used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from goodsight.serve.bodies import utf8_only
from goodsight.serve.problems import Problem
from goodsight.serve.texts import strange

MOST_PHOTOS = 16
_FIELD_BYTES = 2**12
"""Of a text; names and ids are shorter, and each is looked through while others wait."""
_REPEATED = "declared"
_MOST_DECLARED = 64


@dataclass(frozen=True)
class Upload:
    """The files called ``image``, the text fields, and the one that may come several times."""

    images: tuple[UploadFile, ...]
    fields: dict[str, str]
    declared: tuple[str, ...] = ()


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
    utf8_only(request.headers["content-type"])
    most_fields = 8 + _MOST_DECLARED
    parser = _Parser(
        request.headers, request.stream(), max_files=most, max_fields=most_fields, max_part_size=_FIELD_BYTES
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Problem(400, error.message) from error
    try:
        yield _upload(form)
    finally:
        await form.close()


def _upload(form: FormData) -> Upload:
    images, fields, declared = [], {}, []
    for name, value in form.multi_items():
        if not isinstance(value, str):
            images += [value] * (name == "image")
            continue
        if said := strange(value.strip()):
            raise Problem(422, f"{ascii(name[:100])[1:-1]} {value[:100]!a}: has {said} in it; send one line")
        if name == _REPEATED:
            declared.append(value)
        else:
            fields[name] = value
    if "image" in fields:
        raise Problem(422, "image: must be a file, not text")
    if not images:
        raise Problem(422, "image: missing; send the photo in a part called image")
    return Upload(tuple(images), fields, tuple(declared))


class _Parser(MultiPartParser):
    """Starlette's, which takes what is no UTF-8 for Latin-1, and knows nothing of a part's own charset."""

    def on_headers_finished(self) -> None:
        """Refuse a part of another charset, and a name that is not UTF-8."""
        for name, value in self._current_part.item_headers:
            if name == b"content-type":
                utf8_only(value.decode("latin-1"))
            _utf8(value, "a part's header")
        super().on_headers_finished()

    def on_part_end(self) -> None:
        """Refuse a text that is not UTF-8."""
        if self._current_part.file is None:
            _utf8(self._current_part.data, ascii(self._current_part.field_name[:100]))
        super().on_part_end()


def _utf8(data: bytes | bytearray, where: str) -> None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise Problem(400, f"{where}: is not UTF-8") from error


def body(most: int, **fields: str) -> dict[str, Any]:
    """The body for the OpenAPI document: up to ``most`` images, and text fields with what they mean."""
    photo: dict[str, Any] = {"type": "string", "format": "binary", "description": "The photo's bytes."}
    image = photo if most == 1 else {"type": "array", "items": photo, "minItems": 1, "maxItems": most}
    texts = {name: _text(name, meaning) for name, meaning in fields.items()}
    schema = {"type": "object", "properties": {"image": image, **texts}, "required": ["image"]}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def _text(name: str, meaning: str) -> dict[str, Any]:
    """The schema of a text field."""
    text: dict[str, Any] = {"type": "string", "description": meaning}
    if name != _REPEATED:
        return text
    return {"type": "array", "items": {"type": "string"}, "maxItems": _MOST_DECLARED, "description": meaning}

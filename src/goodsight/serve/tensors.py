"""Requests and answers of the Open Inference Protocol, version 2, in JSON and with the binary extension.

In the extension the header ``Inference-Header-Content-Length`` says where the JSON ends; behind it come the bytes of
the tensors that have the parameter ``binary_data_size``, one after the other. BYTES are four bytes of length, little
endian, and so many bytes, for each element.
https://github.com/kserve/kserve/blob/master/docs/predict-api/v2/binary_data_extension.md
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError

from goodsight.serve.bodies import parsed
from goodsight.serve.photo_text import photo_from
from goodsight.serve.problems import Problem
from goodsight.serve.upload import MOST_PHOTOS

HEADER = "Inference-Header-Content-Length"
SIZE = "binary_data_size"
KINDS = {"BYTES": None, "BOOL": np.dtype("?"), "FP32": np.dtype("<f4")}
"""The datatypes that are used, and how their elements are written."""
_DIGITS = 12
"""Of the header, at most."""
_WANTED, _ALL_WANTED = "binary_data", "binary_data_output"
Parameters = dict[str, str | bool | int | float]


class Tensor(BaseModel):
    """Photos: base64 in ``data``, or their bytes behind the JSON."""

    name: Literal["image"]
    datatype: Literal["BYTES"]
    shape: list[int] = Field(max_length=2)
    parameters: Parameters = Field(default={}, max_length=32)
    data: list[str] | None = Field(default=None, min_length=1, max_length=MOST_PHOTOS)


class Wanted(BaseModel):
    """An output that is wanted."""

    name: str = Field(max_length=500)
    parameters: Parameters = Field(default={}, max_length=32)


class InferRequest(BaseModel):
    """One input tensor."""

    id: str = Field(default="", max_length=100)
    parameters: Parameters = Field(default={}, max_length=32)
    inputs: list[Tensor] = Field(min_length=1, max_length=1)
    outputs: list[Wanted] = Field(default=[], max_length=1000)

    def binary(self, name: str) -> bool:
        """Whether an output is wanted as bytes."""
        said = next((wanted.parameters for wanted in self.outputs if wanted.name == name), {})
        return said.get(_WANTED, self.parameters.get(_ALL_WANTED)) is True

    def require(self, names: Sequence[str]) -> None:
        """Only outputs that there are may be wanted.

        Raises:
            Problem: 422: there is no such output.

        """
        if unknown := [wanted.name for wanted in self.outputs if wanted.name not in names]:
            raise Problem(422, f"outputs {unknown[0][:100]!r}: the outputs are {', '.join(names)}")

    def echoed(self) -> Parameters:
        """The parameters, but for what the protocol itself has among them."""
        return {name: value for name, value in self.parameters.items() if name != _ALL_WANTED}


@dataclass(frozen=True)
class Output:
    """A tensor of an answer; ``values`` are in row order."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Sequence[Any]

    def binary(self) -> bytes:
        """The values as the binary extension has them."""
        kind = KINDS[self.datatype]
        if kind is not None:
            return np.asarray(self.values, kind).tobytes()
        texts = [str(value).encode() for value in self.values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)

    def plain(self) -> list[Any]:
        """The values as JSON has them."""
        kind = KINDS[self.datatype]
        return list(self.values) if kind is None else np.asarray(self.values, kind).tolist()


def read(body: bytes, head: str | None, most: int) -> tuple[InferRequest, list[bytes]]:
    """A request and its photos.

    Args:
        body: of the request.
        head: what the header :data:`HEADER` says; None for a body that is JSON only.
        most: bytes of a photo.

    Raises:
        RequestValidationError: the JSON is none, or not what is asked for.
        Problem: 400, 413 or 422: it has too many values, or the photos are not what is said of them.

    """
    length = len(body) if head is None else _length(head, len(body))
    try:
        asked = InferRequest.model_validate(parsed(body[:length]))
    except json.JSONDecodeError as error:
        said = {"type": "json_invalid", "loc": ("body", error.pos), "msg": f"JSON decode error: {error.msg}"}
        raise RequestValidationError([said]) from error
    except ValidationError as error:
        raise RequestValidationError([e | {"loc": ("body", *e["loc"])} for e in error.errors()]) from error
    tensor = asked.inputs[0]
    photos = list(_photos(tensor, memoryview(body)[length:], most))
    if tensor.shape not in ([len(photos)], [len(photos), 1]):
        raise Problem(422, f"inputs.0.shape: must be [{len(photos)}] for {len(photos)} photos")
    return asked, photos


def _length(head: str, most: int) -> int:
    # int() refuses thousands of digits with an error of its own.
    if not (len(head) <= _DIGITS and head.isascii() and head.isdecimal() and int(head) <= most):
        raise Problem(422, f"{HEADER} {head[:20]!r}: must be the bytes of the JSON in the body, at most {most}")
    return int(head)


def _photos(tensor: Tensor, rest: memoryview, most: int) -> Iterator[bytes]:
    if tensor.data is not None:
        yield from (photo_from(text, f"inputs.0.data.{i}", most) for i, text in enumerate(tensor.data))
        return
    if tensor.parameters.get(SIZE) != len(rest):
        raise Problem(
            422, f"inputs.0: has no data, and {len(rest)} bytes are behind the JSON; say so in the parameter {SIZE}"
        )
    start = 0
    for number in range(MOST_PHOTOS + 1):
        if start == len(rest) and number:
            return
        length = int.from_bytes(rest[start : start + 4], "little")
        start += 4 + length
        if start > len(rest) or number == MOST_PHOTOS:
            break
        if length > most:
            raise Problem(413, f"inputs.0: photo {number} is too large: more than the limit of {most / 2**20:g} MiB")
        yield bytes(rest[start - length : start])
    raise Problem(
        422, f"inputs.0: {len(rest)} bytes are not 1 to {MOST_PHOTOS} photos, each behind four bytes of its length"
    )


def written(asked: InferRequest, said: Mapping[str, Any], outputs: Sequence[Output]) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of an answer.

    Args:
        asked: what is answered.
        said: of the model.
        outputs: all that there are; those that were not asked for are left out.

    """
    by_name = {output.name: output for output in outputs}
    wanted = [by_name[one.name] for one in asked.outputs] or list(outputs)
    tail = {output.name: output.binary() for output in wanted if asked.binary(output.name)}
    described = [
        {"name": one.name, "datatype": one.datatype, "shape": list(one.shape)}
        | ({"parameters": {SIZE: len(tail[one.name])}} if one.name in tail else {"data": one.plain()})
        for one in wanted
    ]
    parameters = {"parameters": echoed} if (echoed := asked.echoed()) else {}
    head = json.dumps({"id": asked.id, **said, **parameters, "outputs": described}, ensure_ascii=False).encode()
    if not tail:
        return head, {"Content-Type": "application/json"}
    headers = {"Content-Type": "application/octet-stream", HEADER: str(len(head))}
    return b"".join([head, *tail.values()]), headers

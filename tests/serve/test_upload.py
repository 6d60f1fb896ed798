"""A form is read in no time: its texts are short, and there are few of them."""

import asyncio
from typing import Any

import pytest
from fastapi import Request

from goodsight.serve import upload
from goodsight.serve.problems import Problem


def _read(*texts: str) -> upload.Upload:
    """A form of a photo and texts."""
    parts = ['name="image"; filename="a.jpg"\r\n\r\nphoto', *(f'name="declared"\r\n\r\n{text}' for text in texts)]
    body = "".join(f"--x\r\nContent-Disposition: form-data; {part}\r\n" for part in parts) + "--x--\r\n"

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body.encode()}

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]

    async def read() -> upload.Upload:
        async with upload.read(Request({"type": "http", "headers": headers}, receive)) as found:
            return found

    return asyncio.run(read())


def test_a_text_has_at_most_four_kilobytes() -> None:
    assert _read("a", "b" * 4096).declared == ("a", "b" * 4096)
    with pytest.raises(Problem, match="Part exceeded maximum size of 4KB") as caught:
        _read("b" * 4097)
    assert caught.value.status_code == 400


def test_texts_beyond_the_most_are_refused() -> None:
    assert len(_read(*["a"] * 72).declared) == 72
    with pytest.raises(Problem, match="Too many fields") as caught:
        _read(*["a"] * 73)
    assert caught.value.status_code == 400

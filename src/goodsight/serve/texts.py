"""Texts from outside that are kept: what no name has and no database keeps is refused at the door, for any store."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

_LAYOUT = "\n\r\t"
_STRANGE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Unicode's categories Cc and Cs, to which it adds no more characters."""


def strange(text: str, allowed: str = "") -> str:
    """The control characters and lone surrogates in a text, as ASCII, '' where there are none.

    Args:
        text: of any length.
        allowed: control characters that may be there.

    """
    bad = sorted({*_STRANGE.findall(text)} - {*allowed})
    return " ".join(ascii(c) for c in bad[:5])


def _plain_line(text: str) -> str:
    if said := strange(text):
        raise ValueError(f"has {said} in it")
    return text


def _plain_text(text: str) -> str:
    if said := strange(text, _LAYOUT):
        raise ValueError(f"has {said} in it")
    return text


Line = Annotated[str, AfterValidator(_plain_line)]
"""A text on one line, for models of requests."""
Lines = Annotated[str, AfterValidator(_plain_text)]
"""A text that may have several lines."""
Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_-]+$")]
"""An id as we give them."""

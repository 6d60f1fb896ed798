"""The styles and scripts of the pages, what a browser lets them do, and data that a page holds."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib import resources

from markupsafe import Markup


@cache
def asset(*names: str) -> str:
    """The text of some files of this folder, one after the other."""
    folder = resources.files("goodsight.report")
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


@cache
def policy(style: str, *scripts: str) -> str:
    """A content security policy: the page's own style and script and nothing else, and pictures that it holds.

    Args:
        style: the name of its style.
        scripts: the names of its script's parts.

    """
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (asset(style), asset(*scripts))
    ]
    return (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'"
    )


def as_json(value: object) -> Markup:
    """JSON in ASCII without a character that could end the element that it stands in."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return Markup(text)  # noqa: S704 - it holds no markup any more

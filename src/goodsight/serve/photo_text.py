"""A photo that comes as text: base64 as programs write it.

Lines of any length, blanks, the letters ``-_`` of addresses for ``+/``, no ``=`` at the end, and a data URI are all
read. Whatever else stands there is no base64, and the answer says what and where.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote

from goodsight.serve.problems import Problem

_URI = re.compile(r"data:([^,]{0,200}),", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{0,20}:/", re.IGNORECASE)
_BLANKS = b" \t\n\r\f\v\xa0"
_MARK, _MARKS = "\ufeff", 16
"""Of byte order, which joined files have in them, and how many may be there."""
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_=-"
_FOREIGN = re.compile(r"[^A-Za-z0-9+/_=\- \t\n\r\f\v\u00a0]")


def photo_from(text: str, where: str, most: int) -> bytes:
    """The bytes of a photo.

    Args:
        text: that holds it.
        where: it stands in the request, for messages.
        most: bytes; more are not unpacked.

    Raises:
        Problem: 413 or 422: it is too large, or no base64.

    """
    text = text.lstrip()
    uri = _URI.match(text)
    if uri:
        if not uri[1].lower().rstrip().endswith(";base64"):
            raise Problem(422, f"{where}: a data: address without ;base64 before its comma; send the photo as base64")
        text = text[uri.end() :]
        # In an address + / and = may be written as %2B, %2F and %3D: one letter in twenty, and not each.
        if text.count("%") > len(text) // 8 + 100:
            raise Problem(422, f"{where}: a data: address with more than one % in eight letters is no base64")
        text = unquote(text, errors="replace") if "%" in text and len(text) <= 4 * most else text
    elif _ADDRESS.match(text):
        raise Problem(422, f"{where}: an address, which is not fetched; send the photo itself as base64")
    text = text.replace(_MARK, "", _MARKS)
    # As bytes: str.translate takes seconds for a text that is not ASCII, and lets no other thread run.
    plain = text.encode("latin-1", "replace").translate(None, _BLANKS)
    if len(plain) // 4 * 3 > most + 3:
        raise Problem(413, f"{where}: too large: more than the limit of {most / 2**20:g} MiB")
    if not plain:
        raise Problem(422, f"{where}: is empty; send the photo as base64")
    if (rest := plain.translate(None, _LETTERS)) and (foreign := _FOREIGN.search(text)):
        at = plain.index(rest[:1])
        raise Problem(422, f"{where}: not base64: {foreign[0]!r} stands there after {at} of its characters")
    return _decoded(plain.decode("ascii"), where)


def _decoded(text: str, where: str) -> bytes:
    body = text.rstrip("=")
    if "=" in body:
        at = body.index("=")
        raise Problem(
            422, f"{where}: not base64: a = stands after {at} characters, and more follows; send one photo each"
        )
    if len(body) % 4 == 1 or len(text) - len(body) > 2:
        raise Problem(
            422, f"{where}: not base64: {len(body)} characters and {len(text) - len(body)} =; is its end cut off?"
        )
    plain = body.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Problem(422, f"{where}: not base64: {error}") from error

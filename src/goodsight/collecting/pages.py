"""From the HTML of a page to the addresses of its photos."""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from goodsight.collecting import lazy
from goodsight.collecting.terms import Answer
from goodsight.errors import GoodsightError

MOST_BYTES = 8 * 2**20
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([\w-]{2,40})""", re.IGNORECASE)


def require_selector(selector: str) -> None:
    """See that a CSS selector can be used.

    Raises:
        GoodsightError: it cannot.

    """
    try:
        LexborHTMLParser("<p>").css(selector)
    except SelectolaxError as error:
        raise GoodsightError(f"`select` {selector!r}: not a CSS selector; give one such as 'img.photo'") from error


def links(url: str, html: str, selector: str) -> tuple[dict[str, int], int]:
    """The addresses that the selected elements name, in order and how often each; how many elements were selected.

    A hostile page can keep this busy for hours: :class:`goodsight.collecting.reader.Reader` knows how to stop it.
    """
    tree = LexborHTMLParser(html)
    base = url
    for node in tree.css("base"):
        href = node.attributes.get("href")
        if href:
            base = _joined(base, href) or base
            break
    nodes = tree.css(selector)
    found = (_joined(base, link) for node in nodes for link in lazy.links(node))
    return dict(Counter(link for link in found if link)), len(nodes)


def text(answer: Answer) -> str:
    """The page as text, in the encoding that its header or its first lines name."""
    named = re.search(r"charset\s*=\s*[\"']?([\w-]{2,40})", answer.content_type, re.IGNORECASE)
    in_page = _CHARSET.search(answer.body[:2048])
    charset = named[1] if named else in_page[1].decode("ascii", "replace") if in_page else "utf-8"
    try:
        return answer.body.decode(charset, "replace")
    except (LookupError, UnicodeError):  # no such encoding, or one such as "hex" or "idna" that is none for text
        return answer.body.decode("utf-8", "replace")


def _joined(base: str, link: str) -> str:
    try:
        return urljoin(base, link.strip())
    except ValueError:  # such as an unclosed [ of an IPv6 address
        return link

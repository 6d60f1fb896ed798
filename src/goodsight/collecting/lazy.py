"""Which photo an element of a page names; lazy pages keep it somewhere else and show a placeholder meanwhile.

Looked through in this order, and what looks like a placeholder is taken only where nothing else is there:
``data-srcset`` and ``srcset`` of the element and of the ``<source>`` around it (the largest), ``data-`` attributes with
a photo's address, a ``<noscript>`` beside or inside it, ``src``, ``href``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from selectolax.lexbor import LexborNode

_CANDIDATE = re.compile(r"(\S*[^\s,])(?:\s+([\d.]{1,20})[wxh])?(?:\s+[\d.]{1,20}[wxh])?\s*(?:,|$)")
_PICTURE = re.compile(r"\.(?:jpe?g|jfif|png|webp|avif|gif|heic|heif|bmp|tiff?)$", re.IGNORECASE)
_SET = re.compile(r"data-(?:[\w-]*-)?srcset")
_PLAIN = re.compile(r"data-(?:(?:[\w-]*-)?src|original|actualsrc|lazy(?:-?load)?|(?:[\w-]*-)?lazyload|echo|defer)")
"""Attributes that hold an address, whatever it ends with."""
_PERHAPS = re.compile(
    r"data-[\w-]*(?:lazy|src|original|img|image|photo|picture|zoom|large|full|bg|background|url)[\w-]*"
)
"""Attributes that hold a photo's address if it ends as one."""
_NOWHERE = ("data:", "about:", "blob:", "javascript:", "#")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+x\d+|\d+")
_EMPTY = {
    "blank",
    "spacer",
    "spinner",
    "placeholder",
    "loading",
    "loader",
    "preloader",
    "lazy",
    "lazyload",
    "transparent",
}
_EMPTY |= {"1x1", "noimage", "nophoto", "nopic", "noimg"}
_FILLERS = {"image", "img", "photo", "picture", "pic", "product", "default", "thumb", "icon", "small", "large", "load"}
_FILLERS |= {
    "no",
    "not",
    "available",
    "coming",
    "soon",
    "missing",
    "found",
    "pixel",
    "clear",
    "grey",
    "gray",
    "white",
    "gif",
}
_TOGETHER = (
    {"no", "image"},
    {"no", "photo"},
    {"no", "picture"},
    {"no", "img"},
    {"not", "available"},
    {"coming", "soon"},
)
_UNFIT = ("video/", "image/svg", "image/jxl")
_OTHER_SCREEN = re.compile(r"max-width|print|dark", re.IGNORECASE)


def links(node: LexborNode) -> Iterator[str]:
    """The photos that a selected element names: one, or those inside it if it names none itself."""
    own = _link(node)
    if own:
        yield own
    elif node.tag in {"picture", "noscript", "figure"}:
        yield from _first(node)
    elif node.tag != "img":
        for inner in node.css("img, picture"):
            if inner.mem_id != node.mem_id and not _inside(inner, node):
                yield from filter(None, [_link(inner)] if inner.tag == "img" else _first(inner))


def _first(node: LexborNode) -> Iterator[str]:
    """The photo of an element that shows one, in several forms."""
    images = [inner for inner in node.css("img") if not _is_pixel(inner)]
    found = [link for inner in images if (link := _link(inner))] or list(filter(None, [_from_sources(node)]))
    yield from sorted(found, key=is_placeholder)[:1]


def is_placeholder(link: str) -> bool:
    """Whether an address is called as what pages show where a photo is not there, or not yet.

    All of its name's words must be such words: ``blank.gif``, ``no-image-300x300.png``, but not ``blank-canvas.jpg``.
    """
    try:
        name = urlsplit(link).path.rpartition("/")[2]
    except ValueError:
        return False
    given = name.rpartition(".")[0] or name
    words = {word.lower() for word in _WORD.findall(given[:200])}
    named = {word for word in words if word == "1x1" or not word[0].isdigit()}
    if not named <= _EMPTY | _FILLERS:
        return False
    return bool(named & _EMPTY) or named in ({"pixel"}, {"clear"}) or any(pair <= named for pair in _TOGETHER)


def _inside(inner: LexborNode, top: LexborNode) -> bool:
    """Whether an element belongs to a ``<picture>`` or a ``<noscript>`` that speaks for it."""
    parent = inner.parent
    while parent is not None and parent.mem_id != top.mem_id:
        if parent.tag in {"picture", "noscript"}:
            return True
        parent = parent.parent
    return False


def _link(node: LexborNode) -> str:
    """The photo that an element itself names, '' for none."""
    found = list(_named(node))
    return next((link for link in found if not is_placeholder(link)), found[0] if found else "")


def _named(node: LexborNode) -> Iterator[str]:
    """All that an element names, the best first."""
    attributes = {name: (value or "").strip() for name, value in node.attributes.items()}
    sets = [value for name, value in attributes.items() if _SET.fullmatch(name)] + [attributes.get("srcset", "")]
    yield from filter(None, map(_largest, sets))
    if node.tag == "img":
        around = node.parent
        if around is not None and around.tag == "picture":
            yield from filter(None, [_from_sources(around)])
    yield from (value for name, value in attributes.items() if _PLAIN.fullmatch(name) and _is_address(value))
    yield from (value for name, value in attributes.items() if _PERHAPS.fullmatch(name) and _is_photo(value))
    if node.tag == "img":
        yield from _beside(node)
    for name in ("src", "href"):
        if _leads(value := attributes.get(name, "")):
            yield value


def _from_sources(picture: LexborNode) -> str:
    """The largest photo of the ``<source>`` of a ``<picture>``; of those for small screens only where no other is."""
    usual: list[str] = []
    other: list[str] = []
    for source in picture.css("source"):
        attributes = {name: (value or "").strip() for name, value in source.attributes.items()}
        if not attributes.get("type", "").lower().startswith(_UNFIT):
            sets = [value for name, value in attributes.items() if _SET.fullmatch(name) or name == "srcset"]
            chosen = other if _OTHER_SCREEN.search(attributes.get("media", "")) else usual
            chosen += sets or [attributes.get("data-src", "") or attributes.get("src", "")]
    return _largest(", ".join(usual)) or _largest(", ".join(other))


def _beside(image: LexborNode) -> Iterator[str]:
    """The photo of a ``<noscript>`` right before or after a picture; one that only counts visitors is none."""
    for step in ("next", "prev"):
        other = getattr(image, step)
        while other is not None and other.tag in {"-text", "-comment", "_comment"}:
            other = getattr(other, step)
        if other is not None and other.tag == "noscript":
            for inner in other.css("img"):
                if not _is_pixel(inner) and (link := next(_named(inner), "")):
                    yield link


def _is_pixel(image: LexborNode) -> bool:
    attributes = image.attributes
    return any((attributes.get(edge) or "").strip() in {"0", "1", "2"} for edge in ("width", "height"))


def _largest(srcset: str) -> str:
    sizes = [
        (not is_placeholder(link), _number(size), -at, link)
        for at, (link, size) in enumerate(_CANDIDATE.findall(_without_data(srcset[:200_000])))
        if _leads(link)
    ]
    return max(sizes)[3] if sizes else ""


def _without_data(srcset: str) -> str:
    """A set without the pictures that it holds itself, which have a comma inside."""
    return re.sub(r"data:[^\s,]*,\S*", "", srcset)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


def _leads(value: str) -> bool:
    """Whether a value leads anywhere; what a script would fill in first, such as ``{width}``, does not."""
    return bool(value) and not value.lower().startswith(_NOWHERE) and "{" not in value and "<" not in value


def _is_address(value: str) -> bool:
    """Whether a value is an address: not a switch such as ``true``, a number or a setting."""
    if not _leads(value) or value.startswith("["):
        return False
    return _is_photo(value) or (
        re.search(r"\s", value) is None and "/" in value and re.search("[a-z]", value, re.I) is not None
    )


def _is_photo(value: str) -> bool:
    return _leads(value) and not value.startswith("[") and _PICTURE.search(re.split("[?#]", value)[0]) is not None

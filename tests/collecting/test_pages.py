"""From a page to the addresses of its photos."""

import pytest

from goodsight.collecting import pages
from goodsight.collecting.terms import Answer
from goodsight.errors import GoodsightError


def _links(html: str | bytes, selector: str, content_type: str = "text/html") -> list[str]:
    body = html if isinstance(html, bytes) else html.encode()
    answer = Answer("http://shop.test/list/1", body, content_type)
    return list(pages.links(answer.url, pages.text(answer), selector)[0])


def test_images_anchors_and_others_once_and_in_order() -> None:
    html = """<img class=p src=b.jpg><a class=p href="/a.jpg">x</a><img class=p src=b.jpg><img src=other.jpg>
    <div class=p data-src="//cdn.test/c.jpg"></div><img class=p src="https://x.test/d.jpg#top">"""
    assert _links(html, ".p") == [
        "http://shop.test/list/b.jpg",
        "http://shop.test/a.jpg",
        "http://cdn.test/c.jpg",
        "https://x.test/d.jpg#top",
    ]


@pytest.mark.parametrize(
    ("attributes", "link"),
    [
        ('src="data:image/gif;base64,R0lGOD" data-src="real.jpg"', "real.jpg"),
        ('src=small.jpg srcset="a.jpg 100w, b.jpg 800w, c.jpg 400w"', "b.jpg"),
        ('src=small.jpg srcset="a.jpg, b.jpg 2x"', "b.jpg"),
        ('src=small.jpg srcset="a,b.jpg 1x,c,d.jpg 1.5x"', "c,d.jpg"),
        ('src=small.jpg srcset="" data-src=""', "small.jpg"),
        ('src=small.jpg srcset="a.jpg 1.2.3w"', "a.jpg"),
        ('src=" spaced.jpg "', "spaced.jpg"),
    ],
)
def test_the_largest_photo_of_an_element(attributes: str, link: str) -> None:
    assert _links(f"<img {attributes}>", "img") == [f"http://shop.test/list/{link}"]


def test_the_base_of_a_page() -> None:
    html = "<base target=x><base href='/deep/'><base href='/no/'><img src=a.jpg>"
    assert _links(html, "img") == ["http://shop.test/deep/a.jpg"]


def test_the_encoding_of_a_page() -> None:
    assert _links('<img src="ä.jpg">'.encode("latin-1"), "img", "text/html; charset=ISO-8859-1") == [
        "http://shop.test/list/ä.jpg"
    ]
    named = '<meta charset="windows-1252"><img src="ö.jpg">'.encode("cp1252")
    assert _links(named, "img") == ["http://shop.test/list/ö.jpg"]
    for charset in ("nonsense", "hex", "idna", "rot13", "undefined", "utf-7"):
        assert _links("<img src=a.jpg>", "img", f"text/html; charset={charset}") == ["http://shop.test/list/a.jpg"]


def test_what_names_nothing_is_counted() -> None:
    page = ("http://shop.test/", "<p class=p><p class=p></p><img src='http://[bad/a.jpg'>")
    assert pages.links(*page, ".p") == ({}, 2)
    assert pages.links(*page, "table") == ({}, 0)
    assert pages.links(*page, "img") == ({"http://[bad/a.jpg": 1}, 1)


@pytest.mark.parametrize("selector", ["img[", ":::", "img,,a", "img:has("])
def test_a_bad_selector_is_named(selector: str) -> None:
    with pytest.raises(GoodsightError, match=r"`select` .*: not a CSS selector; give one such as 'img\.photo'"):
        pages.require_selector(selector)
    pages.require_selector("div > img.photo:not([alt])")

"""A page that would keep the parser busy for hours costs a process, never the run."""

import time

import pytest

from goodsight.collecting import reader
from goodsight.collecting.reader import Reader
from goodsight.collecting.terms import Answer, NotFetched

PAGE = Answer("http://shop.test/", "<img src='ä.jpg'>".encode())


def _page(body: bytes) -> Answer:
    return Answer("http://shop.test/", body)


def test_pages_are_parsed_one_after_the_other() -> None:
    with Reader() as made:
        for _ in range(2):
            assert made.links(PAGE, "img") == ({"http://shop.test/ä.jpg": 1}, 1)


def test_a_page_without_bottom_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with Reader() as made:
        made.links(PAGE, "img")
        monkeypatch.setattr(reader, "SECONDS", 0.5)
        began = time.monotonic()
        with pytest.raises(NotFetched, match=r"cannot be parsed, at least not in 0\.5 s"):
            made.links(_page(b"<div>" * 400_000), "img")
        assert time.monotonic() - began < 10
        monkeypatch.setattr(reader, "SECONDS", 15.0)
        assert made.links(PAGE, "img")[1] == 1, "a new process takes over"


@pytest.mark.parametrize("body", [b"", b"\xff\xd8\xff\x00\x00<<<", b"<img src=a.jpg>\n\x00" * 1000])
def test_what_is_no_page(body: bytes) -> None:
    with Reader() as made:
        assert len(made.links(_page(body), "img")[0]) == (b"img" in body)

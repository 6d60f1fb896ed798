"""The page of re-posts in a real browser: clusters of near copies, and who posted them."""

from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the pages need the extra `serve`")
pytest.importorskip("playwright.sync_api", reason="the page tests need playwright: pip install playwright")

from canned import HOSTILE, NARROW, Canned, Visit
from playwright.sync_api import expect

pytest_plugins = ["browsing"]


def _posted(number: int, seller: str, ad: str = "") -> dict[str, Any]:
    return {"id": f"r{number}", "time": 1.6e9, "seller": seller, "ad": ad, "photo": f"/v1/photos/r{number}"}


def test_clusters_are_shown_with_who_posted_them(visit: Visit, canned: Canned) -> None:
    canned.clusters = [[_posted(1, "ann", "17"), _posted(2, HOSTILE), _posted(3, "")], [_posted(4, "")]]
    page = visit.open("/clusters", NARROW)
    expect(page.locator("section h2")).to_have_text(["3 posts by 2 sellers"])
    captions = page.locator("figcaption")
    expect(captions.nth(0)).to_contain_text("seller ann, ad 17")
    expect(captions.nth(1)).to_contain_text(f"seller {HOSTILE}")
    expect(captions.nth(2)).to_contain_text("nobody said whose")
    expect(page.locator("img").first).to_have_attribute("src", "/v1/photos/r1")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]


def test_an_empty_page_says_so(visit: Visit) -> None:
    expect(visit.open("/clusters").locator("#status")).to_have_text("Nothing was posted again yet.")

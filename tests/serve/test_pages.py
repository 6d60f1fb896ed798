"""What holds for all pages: who may see them, what they are made of, how they look. In a real browser."""

from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

pytest.importorskip("fastapi", reason="the pages need the extra `serve`")
pytest.importorskip("playwright.sync_api", reason="the page tests need playwright: pip install playwright")

from canned import CLASSES, HOSTILE, LONG, MANY, NARROW, PHONE, WIDE, Canned, Visit, answer, fill_in, give, review
from playwright.sync_api import Browser, Page, expect

from goodsight.serve import pages

pytest_plugins = ["browsing"]


def test_class_names_that_are_markup_stay_text(visit: Visit, canned: Canned) -> None:
    canned.models = {"ads": {"": CLASSES}, "'><script>1</script>": {"": [HOSTILE, "'\">"]}}
    canned.checks = [
        answer("mismatch", HOSTILE, "phone", 0.98)
    ] * 2  # the other model may be asked before the page goes
    canned.reviews = [review(1, declared=HOSTILE, note=HOSTILE, contested=True) | {"class": HOSTILE}]
    page = visit.open("/")
    expect(fill_in(page)).to_have_text(f"This looks like {HOSTILE}, not phone")
    expect(page.get_by_label("Category of the ad")).to_have_value(HOSTILE)
    page.get_by_label("Model").select_option("'><script>1</script>")
    assert page.locator("#category option").all_inner_texts() == ["Choose a category", HOSTILE, "'\">"]
    assert page.locator("img:not(#picture)").count() == 0
    page = visit.open("/reviews")
    expect(page.get_by_role("button", name=HOSTILE)).to_be_enabled()
    expect(page.locator("#note")).to_have_text(HOSTILE)
    assert page.locator("img:not(#photo)").count() == 0
    assert page.title() == "Reviews - Goodsight"


def test_logging_in_leads_to_the_page_that_was_wanted_and_out_again(visit: Visit, canned: Canned) -> None:
    canned.visitor = None
    page = visit.open("/reviews")
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This token is not known")
    page.get_by_label("Token").fill(" right ")
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{visit.address}/reviews")
    expect(page.get_by_role("heading", name="Reviews")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{visit.address}/login")
    visit.planted = 1


def test_who_may_not_review_is_told_so(visit: Visit, canned: Canned) -> None:
    canned.visitor = pages.Visitor("shop", ("check",), "secret")
    page = visit.open("/reviews")
    expect(page.get_by_role("heading")).to_have_text("You may not see this page")
    assert page.get_by_role("link", name="Reviews").count() == 0
    visit.planted = 1


@pytest.mark.parametrize("headers", [{"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"}])
def test_a_login_from_another_site_is_refused(address: str, canned: Canned, headers: dict[str, str]) -> None:
    canned.visitor = None
    answer = httpx.post(f"{address}/login", data={"token": "right"}, headers=headers)
    assert (answer.status_code, canned.visitor) == (403, None)


@pytest.mark.parametrize("place", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", ""])
def test_the_login_leads_to_our_pages_only(address: str, canned: Canned, place: str) -> None:
    canned.visitor = None
    answer = httpx.post(f"{address}/login", data={"token": "right", "next": place})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_a_logout_needs_the_csrf_token(address: str, canned: Canned) -> None:
    assert httpx.post(f"{address}/logout", data={"csrf": "wrong"}).status_code == 403
    assert canned.visitor is not None
    assert httpx.post(f"{address}/logout", data={"csrf": "secret"}).status_code == 303
    assert canned.visitor is None


def test_a_form_larger_than_ours_is_not_read(address: str, canned: Canned) -> None:
    canned.visitor = None
    assert httpx.post(f"{address}/login", data={"token": "right", "x": "x" * 10_000}).status_code == 403


def test_static_files_are_told_apart_by_content_and_nothing_else_is_served(address: str) -> None:
    got = httpx.get(f"{address}/static/style.css")
    assert (got.status_code, got.headers["content-type"]) == (200, "text/css; charset=utf-8")
    again = httpx.get(f"{address}/static/style.css", headers={"if-none-match": got.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("nothing.js", "..%2fpages.py", "%2e%2e/pages.py", "style.css%00"):
        assert httpx.get(f"{address}/static/{name}").status_code == 404


def _in_every_state(visit: Visit, canned: Canned, size: tuple[int, int]) -> Iterator[tuple[str, Page]]:
    names = [*CLASSES[:3], LONG]
    canned.models = {"ads": {"": names}, LONG: {"": names}}
    canned.checks = [answer("mismatch", LONG, "phone", 0.98), answer("off-topic", "phone", "phone", 0.4, LONG)]
    canned.reviews = [review(1, classes=[LONG, *MANY], contested=True, note=LONG) | {"class": LONG}]
    page = visit.open("/", size)
    yield "check", page
    fill_in(page)
    page.get_by_role("button", name="Keep phone").click()
    yield "mismatch", page
    give(page)
    expect(page.locator("#verdict")).to_contain_text("none of the categories")
    yield "off-topic", page
    page = visit.open("/reviews", size)
    expect(page.get_by_role("button", name="phone declared")).to_be_enabled()
    yield "review", page
    page.keyboard.press("?")
    yield "help", page
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    expect(page.locator("#status")).to_contain_text("Nothing waits")
    yield "nothing", page
    canned.visitor = None
    yield "login", visit.open("/login", size)


@pytest.mark.parametrize("size", [NARROW, PHONE, WIDE])
def test_nothing_is_wider_than_the_screen(visit: Visit, canned: Canned, size: tuple[int, int]) -> None:
    for state, page in _in_every_state(visit, canned, size):
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, state


def test_a_phone_offers_its_camera(browser: Browser, address: str) -> None:
    context = browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(address)
    expect(page.get_by_label("Take a photo")).to_have_attribute("capture", "environment")
    expect(page.get_by_text("Take a photo")).to_be_visible()
    context.close()


CONTRAST = """() => {
    const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const paint = (colours) => {
        brush.clearRect(0, 0, 1, 1);
        for (const colour of colours) { brush.fillStyle = colour; brush.fillRect(0, 0, 1, 1); }
        return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = (colour) => {
        const [r, g, b] = colour.map((v) => v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        const colours = [];
        for (let at = element; at; at = at.parentElement) colours.unshift(getComputedStyle(at).backgroundColor);
        return colours;
    };
    const texts = [...document.querySelectorAll("body *")].filter((element) =>
        [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
        && element.checkVisibility() && !element.disabled && !element.closest(":disabled, option, noscript, .jump"));
    const poor = [];
    for (const element of texts) {
        const back = light(paint(behind(element)));
        const text = light(paint([...behind(element), getComputedStyle(element).color]));
        const ratio = (Math.max(back, text) + 0.05) / (Math.min(back, text) + 0.05);
        if (ratio < 4.5) poor.push(`${element.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
    }
    return { texts: texts.length, poor };
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(visit: Visit, canned: Canned, scheme: Any) -> None:
    visit.page.emulate_media(color_scheme=scheme)
    for state, page in _in_every_state(visit, canned, PHONE):
        found = page.evaluate(CONTRAST)
        assert found["texts"] > 5, state
        assert found["poor"] == [], state

"""The review page in a real browser: decisions, skips and undoing, with keys and with the mouse."""

import re

import pytest

pytest.importorskip("fastapi", reason="the pages need the extra `serve`")
pytest.importorskip("playwright.sync_api", reason="the page tests need playwright: pip install playwright")

from canned import MANY, Canned, Visit, review
from playwright.sync_api import expect

pytest_plugins = ["browsing"]


def test_a_review_with_keys_decides_skips_and_takes_back(visit: Visit, canned: Canned) -> None:
    canned.reviews = [review(1), review(2, contested=True, note="It folds."), review(3)]
    page = visit.open("/reviews")
    phone = page.get_by_role("button", name="phone declared")
    expect(phone).to_be_enabled()
    expect(page.locator("#guess")).to_have_text("laptop (62 %)")
    expect(page.locator("#waiting")).to_have_text("3")
    expect(page.locator("#contested")).to_have_text("1")
    expect(page.locator("#with-model")).to_have_text("91 %")
    page.keyboard.press("2")
    expect(page.locator("#note")).to_have_text("It folds.")
    expect(page.locator("#status")).to_have_text("Decided: laptop.")
    expect(page.locator("#today")).to_have_text("8")
    expect(phone).to_be_enabled()
    page.keyboard.press("s")
    expect(page.locator("#photo")).to_have_attribute("src", "/v1/photos/r3")
    expect(phone).to_be_enabled()
    page.keyboard.press("n")
    expect(page.locator("#photo")).to_have_attribute("src", "/v1/photos/r2")
    expect(phone).to_be_enabled()
    page.keyboard.press("Control+z")
    expect(page.locator("#status")).to_have_text("Taken back. Decide again.")
    expect(page.locator("#photo")).to_have_attribute("src", "/v1/photos/r3")
    expect(phone).to_be_enabled()
    page.keyboard.press("0")
    expect(page.locator("#photo")).to_have_attribute("src", "/v1/photos/r2")
    assert canned.asked == [
        ("decide", ("r1", "laptop")),
        ("skip", "r2"),
        ("decide", ("r3", "")),
        ("decide", ("r3", "")),
    ]
    assert canned.csrf == {"secret"}


def test_a_review_with_the_mouse(visit: Visit, canned: Canned) -> None:
    canned.reviews = [review(1), review(2)]
    page = visit.open("/reviews")
    page.get_by_role("button", name="phone declared").click()
    expect(page.locator("#photo")).to_have_attribute("src", "/v1/photos/r2")
    page.get_by_role("button", name="Undo my last decision").click()
    expect(page.locator("#photo")).to_have_attribute("src", "/v1/photos/r1")
    page.get_by_role("button", name="Skip").click()
    expect(page.locator("#photo")).to_have_attribute("src", "/v1/photos/r2")
    page.get_by_role("button", name="None of these").click()
    expect(page.locator("#photo")).to_have_attribute("src", "/v1/photos/r1")
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    assert canned.asked == [("decide", ("r1", "phone")), ("skip", "r1"), ("decide", ("r2", ""))]


def test_the_focus_stays_where_the_work_is(visit: Visit, canned: Canned) -> None:
    canned.reviews = [review(1), review(2)]
    page = visit.open("/reviews")
    answer = page.get_by_role("button", name="laptop model")
    expect(answer).to_be_enabled()  # once the photo is on the screen; before, it cannot have the focus
    answer.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#photo")).to_have_attribute("src", "/v1/photos/r2")
    expect(page.get_by_role("heading", name="What does the photo show?")).to_be_focused()
    page.get_by_role("button", name="Skip").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_have_text("Skipped.")
    expect(page.get_by_role("button", name="Skip")).to_be_focused()


def test_more_than_nine_classes_can_be_searched_and_typing_decides_nothing(visit: Visit, canned: Canned) -> None:
    canned.reviews = [review(1, classes=MANY), review(2)]
    page = visit.open("/reviews")
    buttons = page.locator("#classes button")
    expect(buttons).to_have_count(len(MANY))
    expect(buttons.first).to_contain_text("laptop")
    expect(buttons.first).to_be_enabled()
    page.keyboard.press("/")
    page.keyboard.type("CERY 11")
    expect(buttons).to_have_count(1)
    page.keyboard.press("Escape")
    expect(buttons).to_have_count(len(MANY))
    page.keyboard.press("/")
    page.keyboard.type("1sun0")
    assert page.locator("#filter").input_value() == "1sun0"
    assert canned.asked == []
    page.locator("#filter").fill("grocery 7")
    page.locator("#filter").press("Enter")
    expect(page.locator("#photo")).to_have_attribute("src", "/v1/photos/r2")
    assert canned.asked == [("decide", ("r1", "grocery 7"))]


def test_a_lost_claim_is_told_and_the_next_photo_comes(visit: Visit, canned: Canned) -> None:
    canned.reviews, canned.lost = [review(1), review(2)], {"r1"}
    page = visit.open("/reviews")
    page.get_by_role("button", name="phone declared").click()
    expect(page.locator("#status")).to_have_text(re.compile("somebody else meanwhile; your answer was not counted"))
    expect(page.locator("#photo")).to_have_attribute("src", "/v1/photos/r2")
    visit.planted = 1


def test_nothing_is_decided_before_the_photo_is_seen(visit: Visit, canned: Canned) -> None:
    canned.reviews = [review(1, photo="/v1/photos/gone"), review(2)]
    page = visit.open("/reviews")
    expect(page.locator("#status")).to_have_text("The photo could not be shown. Skip it, or try again.")
    page.keyboard.press("1")
    page.keyboard.press("n")
    expect(page.get_by_role("button", name="phone declared")).to_be_disabled()
    page.keyboard.press("s")
    expect(page.get_by_role("button", name="phone declared")).to_be_enabled()
    assert canned.asked == [("skip", "r1")]
    visit.planted = 1


def test_when_nothing_waits_the_page_says_so_and_looks_again(visit: Visit, canned: Canned) -> None:
    visit.page.clock.install()
    page = visit.open("/reviews")
    expect(page.locator("#status")).to_have_text("Nothing waits. This page looks again every 15 seconds.")
    page.keyboard.press("u")
    expect(page.locator("#status")).to_contain_text("There is nothing to take back. Nothing waits.")
    canned.reviews = [review(1)]
    page.clock.run_for(15_000)
    expect(page.get_by_role("button", name="phone declared")).to_be_enabled()
    expect(page.locator("#status")).to_have_text("")


def test_a_claim_is_renewed_while_its_page_is_open(visit: Visit, canned: Canned) -> None:
    visit.page.clock.install()
    canned.reviews = [review(1), review(2)]
    page = visit.open("/reviews")
    expect(page.get_by_role("button", name="phone declared")).to_be_enabled()
    for times in (1, 2):
        with page.expect_response("**/renew"):
            page.clock.run_for(60_000)
        assert canned.asked == [("renew", "r1")] * times
    canned.lost = {"r1"}
    page.clock.run_for(60_000)
    expect(page.locator("#status")).to_have_text("That one went to somebody else meanwhile.")
    expect(page.locator("#photo")).to_have_attribute("src", "/v1/photos/r2")
    visit.planted = 1


def test_the_seller_is_told_where_one_is_known(visit: Visit, canned: Canned) -> None:
    canned.reviews = [review(1, seller="<b>Märta</b>"), review(2)]
    page = visit.open("/reviews")
    expect(page.locator("#seller")).to_have_text("<b>Märta</b>")
    page.get_by_role("button", name="phone declared").click()
    expect(page.locator("#photo")).to_have_attribute("src", "/v1/photos/r2")
    expect(page.locator("#seller")).to_be_hidden()


def test_an_attribute_and_a_tag_are_asked_for_by_name(visit: Visit, canned: Canned) -> None:
    tag = {"attribute": "striped", "tag": True, "classes": ["no", "yes"], "declared": "no", "class": "yes"}
    canned.reviews = [review(1, attribute="colour"), review(2, **tag), review(3)]
    page = visit.open("/reviews")
    expect(page.locator("#question")).to_have_text("colour: what does the photo show?")
    expect(page.locator("#classes button").first).to_be_enabled()
    page.keyboard.press("1")
    expect(page.locator("#question")).to_have_text("striped: does it hold?")
    assert page.locator("#classes .name").all_inner_texts() == ["no", "yes"]
    expect(page.locator("#classes button").first).to_be_enabled()
    page.keyboard.press("2")
    expect(page.locator("#question")).to_have_text("What does the photo show?")
    assert [asked for _, asked in canned.asked] == [("r1", "phone"), ("r2", "yes")]

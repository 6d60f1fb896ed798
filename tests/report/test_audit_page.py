"""The page of an audit in a real browser, from disk: keys, mouse, what is kept, the ledger and back."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the pages need the extra `serve`")
pytest.importorskip("playwright.sync_api", reason="the page tests need playwright: pip install playwright")

from hostile_names import HOSTILE, NAMES, planted
from playwright.sync_api import BrowserContext, FilePayload, Locator, Page, expect

from goodsight.auditing.findings import Audit, Finding
from goodsight.catalog.replay import replay
from goodsight.catalog.rows import Attribute, Catalog
from goodsight.files import uncell
from goodsight.report import audit as report

pytest_plugins = ["browsing"]

HEAD = "file_name,sha256,decision,label,reason,reviewer,time,attribute"
NO_STORE = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied'); } })"


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    return planted(tmp_path)


@pytest.fixture
def page(context: BrowserContext, audit: Audit, tmp_path: Path) -> Iterator[Page]:
    """The page of the planted audit; after each test, no script failed, and nothing was refused or asked for."""
    report.write(tmp_path, audit)
    complaints: list[str] = []
    asked: list[str] = []
    made = context.new_page()
    made.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on("request", lambda request: asked.append(request.url))
    made.on("dialog", lambda dialog: dialog.accept())
    made.goto((tmp_path / "report.html").as_uri())
    yield made
    assert complaints == []
    assert {url for url in asked if not url.startswith(("data:", "blob:"))} == {(tmp_path / "report.html").as_uri()}


def card(page: Page, number: int) -> Locator:
    """A card among those to look at first."""
    return page.locator(".gallery").first.locator(".card").nth(number)


def ledger(page: Page) -> tuple[list[dict[str, str]], bytes]:
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download ledger.csv").click()
    assert coming.value.suggested_filename == "ledger.csv"
    data = coming.value.path().read_bytes()
    text = data.decode()
    assert text.startswith(f"{HEAD}\r\n")
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [{column: uncell(said) for column, said in row.items()} for row in rows], data


def give(page: Page, data: bytes, name: str = "ledger.csv") -> None:
    page.get_by_label("Take up an earlier").set_input_files(FilePayload(name=name, mimeType="text/csv", buffer=data))


def counter(page: Page, text: str) -> None:
    expect(page.locator("#counter")).to_have_text(text)


def test_keys_decide_move_and_take_back(page: Page) -> None:
    counter(page, "0 of 8 decided")
    page.keyboard.press("k")  # the first photo is in sight and marked, so the first key is about it
    expect(card(page, 0)).to_have_attribute("data-decision", "keep")
    expect(card(page, 1)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("d")
    expect(card(page, 2).locator(".verdict")).to_have_text("drop")
    counter(page, "2 of 8 decided")
    expect(page.locator("#status")).to_contain_text("2 of 8 decided")
    page.keyboard.press("u")
    counter(page, "1 of 8 decided")
    expect(card(page, 2)).to_be_focused()
    page.keyboard.press("u")
    page.keyboard.press("u")
    expect(page.get_by_role("status")).to_have_text("There is nothing to take back.")
    counter(page, "0 of 8 decided")


def test_a_photo_is_enlarged_and_the_focus_comes_back(page: Page) -> None:
    card(page, 0).focus()
    page.keyboard.press("Space")
    large = page.get_by_role("dialog")
    expect(large).to_be_visible()
    expect(large.locator("img")).to_have_attribute("src", card(page, 0).locator("img").get_attribute("src") or "")
    page.keyboard.press("k")  # decides nothing while a photo is large
    page.keyboard.press("Escape")
    expect(card(page, 0)).to_be_focused()
    counter(page, "0 of 8 decided")
    card(page, 1).locator(".picture").click()
    expect(large).to_be_visible()
    large.get_by_role("button", name="Close").click()
    expect(large).to_be_hidden()


def test_one_key_accepts_what_is_suggested_and_a_number_takes_a_label(page: Page) -> None:
    card(page, 1).focus()
    page.keyboard.press("a")
    expect(card(page, 1).locator(".verdict")).to_have_text("relabel: bag")
    expect(card(page, 2)).to_be_focused()
    page.keyboard.press("r")
    expect(page.locator("#relabel img")).to_be_visible()
    page.keyboard.press("1")
    expect(card(page, 2).locator(".verdict")).to_contain_text("relabel: ")
    card(page, 0).focus()
    page.keyboard.press("u")
    page.keyboard.press("u")
    counter(page, "0 of 8 decided")


def test_a_key_held_down_decides_one_photo(page: Page) -> None:
    card(page, 0).focus()
    for _ in range(3):
        page.keyboard.down("k")
    page.keyboard.up("k")
    counter(page, "1 of 8 decided")


def test_arrows_move_between_rows_and_galleries(page: Page) -> None:
    page.set_viewport_size({"width": 700, "height": 900})
    card(page, 0).focus()
    page.keyboard.press("ArrowDown")
    below = page.locator(":focus")
    first, second = card(page, 0).bounding_box(), below.bounding_box()
    assert first
    assert second
    assert second["y"] >= first["y"] + first["height"]
    assert abs(second["x"] - first["x"]) < 2
    page.keyboard.press("ArrowUp")
    expect(card(page, 0)).to_be_focused()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    assert page.locator(":focus").evaluate("card => card.closest('.pair') !== null")


def test_the_focused_card_is_clearly_visible_and_not_under_the_tools(page: Page) -> None:
    page.set_viewport_size({"width": 700, "height": 600})
    card(page, 0).focus()
    for key in ["ArrowDown"] * 5 + ["ArrowUp"] * 4:
        page.keyboard.press(key)
        focused = page.locator(":focus")
        assert float(focused.evaluate("card => parseFloat(getComputedStyle(card).outlineWidth)")) >= 3
        box, tools = focused.bounding_box(), page.locator("#tools").bounding_box()
        assert box
        assert tools
        assert box["y"] >= tools["y"] + tools["height"] - 1


def test_relabelling_offers_the_suggested_label_first(page: Page) -> None:
    card(page, 1).focus()
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog", name="Which label is right?")
    expect(dialog).to_be_visible()
    expect(page.get_by_label("Label", exact=True)).to_have_value("bag")
    assert page.locator("#labels option").all_inner_texts() == ["bag (suggested)", HOSTILE]
    page.keyboard.press("k")  # a letter chooses among the labels there, and decides nothing
    page.keyboard.press("Escape")
    expect(card(page, 1)).to_be_focused()
    counter(page, "0 of 8 decided")
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(card(page, 1).locator(".verdict")).to_have_text("relabel: bag")
    page.keyboard.press("r")
    page.get_by_label("Label", exact=True).select_option(HOSTILE)
    page.get_by_role("button", name="Relabel").last.click()
    assert ledger(page)[0][0]["label"] == HOSTILE


def test_without_a_suggestion_nothing_is_chosen_for_the_person(page: Page) -> None:
    card(page, 0).focus()
    page.keyboard.press("r")
    expect(page.locator("#relabel-yes")).to_be_disabled()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Cancel").click()
    counter(page, "0 of 8 decided")


def test_a_photo_in_several_galleries_has_one_decision(page: Page) -> None:
    """The first photo is also a near twin, and dark."""
    same = page.locator('.card[data-photo="0"]')
    assert same.count() == 3
    same.nth(2).get_by_role("button", name="Drop").click()
    for i in range(3):
        expect(same.nth(i)).to_have_attribute("data-decision", "drop")
        expect(same.nth(i).get_by_role("button", name="Drop")).to_have_attribute("aria-pressed", "true")
    counter(page, "1 of 8 decided")
    same.nth(0).get_by_role("button", name="Drop").click()  # pressed again, it is open again
    counter(page, "0 of 8 decided")


def test_only_undecided_ones_are_shown_on_demand(page: Page) -> None:
    page.get_by_label("show undecided only").check()
    card(page, 0).focus()
    page.keyboard.press("k")
    expect(card(page, 0)).to_be_hidden()
    expect(card(page, 1)).to_be_focused()
    pair = page.locator(".pair")
    expect(pair).to_be_visible()  # its other photo is open still
    page.keyboard.press("ArrowRight")
    page.keyboard.press("d")
    expect(pair).to_be_hidden()
    page.get_by_label("show undecided only").uncheck()
    expect(card(page, 0)).to_be_visible()


def test_decisions_survive_a_reload_a_download_and_an_import(page: Page, audit: Audit, context: BrowserContext) -> None:
    page.locator("#more summary").click()
    page.get_by_label("Your name").fill('=Ann, "A"')
    card(page, 0).focus()
    for _ in NAMES:
        page.keyboard.press("d")
    counter(page, "8 of 8 decided")
    card(page, 1).focus()
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    page.reload()
    counter(page, "8 of 8 decided")
    expect(page.get_by_label("Your name")).to_have_value('=Ann, "A"')
    rows, data = ledger(page)
    assert [row["file_name"] for row in rows] == [*NAMES]
    assert [row["sha256"] for row in rows] == [suspect.sha256 for suspect in audit.review]
    assert [row["decision"] for row in rows] == ["drop", "relabel", *["drop"] * 6]
    assert [row["label"] for row in rows] == ["", "bag", *[""] * 6]
    assert rows[3]["reason"] == "; ".join(audit.review[3].reasons)
    assert {row["reviewer"] for row in rows} == {'=Ann, "A"'}
    assert b'"\'=Ann, ""A"""' in data
    for row in rows:
        assert row["time"].endswith("Z")
        assert abs((datetime.now(UTC) - datetime.fromisoformat(row["time"])).total_seconds()) < 120
    assert b"odd \\udcff\\udc80 bytes.jpg," in data
    assert b"\n'=cmd()," in data

    page.evaluate("localStorage.clear()")
    page.reload()
    counter(page, "0 of 8 decided")
    give(page, data)
    counter(page, "8 of 8 decided")
    expect(page.get_by_role("status")).to_contain_text("Taken up 8 of 8 decisions")
    expect(card(page, 1).locator(".verdict")).to_have_text("relabel: bag")
    again, _ = ledger(page)
    assert sorted(again, key=str) == sorted(rows, key=str)


def test_a_later_decision_is_not_undone_by_an_earlier_ledger(page: Page, audit: Audit) -> None:
    card(page, 0).get_by_role("button", name="Keep").click()
    sha = audit.review[0].sha256
    earlier = f'{HEAD}\n"{HOSTILE}",{sha},drop,,old,bob,2001-01-01T00:00:00Z\n'
    give(page, earlier.encode())
    expect(page.get_by_role("status")).to_contain_text("Taken up 0 of 1 decisions")
    expect(card(page, 0)).to_have_attribute("data-decision", "keep")
    give(page, earlier.replace("2001", "2901").encode("utf-8-sig"))
    expect(card(page, 0)).to_have_attribute("data-decision", "drop")
    page.keyboard.press("u")
    expect(card(page, 0)).to_have_attribute("data-decision", "keep")


def test_what_is_no_ledger_changes_nothing(page: Page, audit: Audit) -> None:
    give(page, b"\xff\xd8\xff not text", "photo.jpg")
    expect(page.get_by_role("status")).to_contain_text(
        "photo.jpg is no ledger: its first line must be file_name,sha256"
    )
    sha = audit.review[0].sha256
    lines = [
        f"a.jpg,{sha},burn,,,,",
        f"a.jpg,{sha},relabel,,,,",
        "a.jpg,123,keep,,,,",
        f"a.jpg,{sha},keep,,,,",
        f"a.jpg,{sha.upper()},Keep,mug,,,2026-01-01T00:00:00Z",
    ]
    give(page, "\n".join([HEAD, *lines]).encode())
    expect(page.get_by_role("status")).to_contain_text("1 about photos that this page does not show are kept")
    expect(page.get_by_role("status")).to_contain_text("4 unusable lines")
    counter(page, "0 of 8 decided")
    assert [row["file_name"] for row in ledger(page)[0]] == ["a.jpg"]


def test_leaving_with_decisions_that_were_not_downloaded_warns(page: Page) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.type))
    page.reload()
    assert asked == []
    card(page, 0).get_by_role("button", name="Keep").click()
    page.reload()
    assert asked == ["beforeunload"]
    ledger(page)
    card(page, 0).click(position={"x": 3, "y": 3})
    page.reload()
    assert asked == ["beforeunload"]
    counter(page, "1 of 8 decided")


def test_without_a_store_the_page_says_so_and_works(context: BrowserContext, page: Page) -> None:
    expect(page.locator("#forgetful")).to_be_hidden()
    context.add_init_script(NO_STORE)
    page.reload()
    expect(page.locator("#forgetful")).to_be_visible()
    card(page, 0).get_by_role("button", name="Keep").click()
    counter(page, "1 of 8 decided")
    assert len(ledger(page)[0]) == 1


def test_two_tabs_share_their_decisions(page: Page, context: BrowserContext) -> None:
    other = context.new_page()
    other.goto(page.url)
    card(other, 0).get_by_role("button", name="Keep").click()
    expect(card(page, 0)).to_have_attribute("data-decision", "keep")


def test_one_card_is_in_the_tab_order(page: Page) -> None:
    assert page.locator('.card[tabindex="0"]').count() == 1
    assert page.locator('.card button[tabindex="0"]').count() == 3
    page.get_by_role("button", name="Keep").nth(4).click()
    expect(card(page, 0)).to_have_attribute("tabindex", "-1")
    assert page.locator('.card[tabindex="0"]').count() == 1


def test_the_tab_order_leads_to_a_card_that_is_shown(page: Page) -> None:
    only = page.get_by_label("show undecided only")
    card(page, 0).get_by_role("button", name="Keep").click()
    only.check()
    expect(card(page, 0)).to_be_hidden()
    expect(card(page, 1)).to_have_attribute("tabindex", "0")
    card(page, 1).focus()
    for _ in range(7):
        page.keyboard.press("k")
    expect(page.locator(".card:visible")).to_have_count(0)
    only.uncheck()
    assert page.locator('.card[tabindex="0"]').count() == 1


def test_a_planted_script_does_not_run_and_81_labels_can_be_chosen(page: Page, tmp_path: Path) -> None:
    classes = [f"class {i}" for i in range(80)] + [HOSTILE]
    report.write(tmp_path, planted(tmp_path, classes=classes))
    page.reload()
    card(page, 0).focus()
    page.keyboard.press("r")
    assert page.locator("#labels option").count() == 80
    page.get_by_label("Label", exact=True).press_sequentially("class 77")
    page.keyboard.press("Enter")
    expect(card(page, 0).locator(".verdict")).to_have_text("relabel: class 77")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_nothing_is_wider_than_the_screen(page: Page, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for button in page.locator(".choices button").all():
        assert button.evaluate("button => button.scrollWidth <= button.clientWidth && button.clientHeight < 45")
    page_colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert page_colour == ("rgb(20, 22, 26)" if scheme == "dark" else "rgb(255, 255, 255)")


def test_a_photo_without_a_hash_has_no_buttons(page: Page, audit: Audit, tmp_path: Path) -> None:
    report.write(tmp_path, replace(audit, review=audit.review[1:]))
    page.reload()
    bare = page.locator(".card:not([data-photo])")
    assert bare.count() == 2
    assert bare.get_by_role("button").count() == 0
    bare.first.focus()
    page.keyboard.press("d")
    expect(page.get_by_role("status")).to_have_text("This photo could not be read, so it cannot be decided.")
    counter(page, "0 of 7 decided")


@pytest.fixture
def several(audit: Audit) -> Audit:
    """The same photos with two attributes and a tag; the second photo may have another colour."""
    classes = {
        Attribute("colour"): ("black", "red", HOSTILE),
        Attribute("type"): ("bag", "mug"),
        Attribute("new", tag=True): ("no", "yes"),
    }
    said = [("red", "bag", "no") if i == 1 else ("black", "mug", "yes") for i in range(len(audit.review))]
    review = tuple(
        replace(suspect, row=replace(suspect.row, labels=labels))
        for suspect, labels in zip(audit.review, said, strict=True)
    )
    found = Finding(review[1].row, "mislabelled", 0.05, "colour: looks red", "relabel", "red", attribute="colour")
    return replace(audit, classes=classes, findings=(found,), review=review)


def test_a_new_label_says_which_attribute_it_is_for(page: Page, several: Audit, tmp_path: Path) -> None:
    report.write(tmp_path, several)
    page.reload()
    expect(card(page, 1).locator(".hint")).to_have_text("perhaps colour: red")
    card(page, 1).focus()
    page.keyboard.press("r")
    options = [
        "colour: black",
        "colour: red (suggested)",
        f"colour: {HOSTILE}",
        "type: bag",
        "type: mug",
        "new: no",
        "new: yes",
    ]
    assert page.locator("#labels option").all_inner_texts() == options
    expect(page.get_by_label("Label", exact=True)).to_have_value("colour: red")
    page.keyboard.press("Enter")
    expect(card(page, 1).locator(".verdict")).to_have_text("relabel: colour: red")
    card(page, 3).focus()
    page.keyboard.press("r")
    page.get_by_label("Label", exact=True).select_option("new: yes")
    page.keyboard.press("Enter")
    card(page, 0).get_by_role("button", name="Drop").click()
    rows, data = ledger(page)
    said = [(row["decision"], row["attribute"], row["label"]) for row in rows]
    assert said == [("drop", "", ""), ("relabel", "colour", "red"), ("relabel", "new", "yes")]
    page.evaluate("localStorage.clear()")
    page.reload()
    give(page, data)
    expect(card(page, 1).locator(".verdict")).to_have_text("relabel: colour: red")
    card(page, 1).focus()
    page.keyboard.press("r")
    expect(page.get_by_label("Label", exact=True)).to_have_value("colour: red")
    page.keyboard.press("Escape")
    assert [(row["decision"], row["attribute"], row["label"]) for row in ledger(page)[0]] == said


def test_a_ledger_from_before_there_were_attributes_is_taken_up(page: Page, audit: Audit) -> None:
    head, sha = HEAD.removesuffix(",attribute"), audit.review[1].sha256
    quoted = '"' + NAMES[1].replace('"', '""') + '"'
    give(page, f"{head}\n{quoted},{sha},relabel,bag,old,bob,2026-01-01T00:00:00Z\n".encode())
    expect(page.get_by_role("status")).to_contain_text("Taken up 1 of 1 decisions")
    expect(card(page, 1).locator(".verdict")).to_have_text("relabel: bag")
    assert [(row["label"], row["attribute"]) for row in ledger(page)[0]] == [("bag", "")]


def relabel(page: Page, number: int, said: str) -> None:
    card(page, number).get_by_role("button", name="Relabel").click()
    page.get_by_label("Label", exact=True).select_option(said)
    page.locator("#relabel-yes").click()


def decided(page: Page) -> list[tuple[str, str, str]]:
    return [(row["decision"], row["attribute"], row["label"]) for row in ledger(page)[0]]


@pytest.fixture
def two(page: Page, several: Audit, tmp_path: Path) -> Page:
    """The page of several attributes, with two new labels for the second photo."""
    report.write(tmp_path, several)
    page.reload()
    relabel(page, 1, "type: mug")
    relabel(page, 1, "colour: black")
    return page


BOTH = [("relabel", "type", "mug"), ("relabel", "colour", "black")]


def test_new_labels_of_two_attributes_are_both_replayed(two: Page, several: Audit, tmp_path: Path) -> None:
    expect(card(two, 1).locator(".verdict")).to_have_text("relabel: type: mug, colour: black")
    expect(card(two, 1)).to_have_attribute("data-decision", "relabel")
    counter(two, "1 of 8 decided")
    expect(two.get_by_role("status")).to_contain_text("Relabelled as colour: black")
    assert decided(two) == BOTH
    (tmp_path / "ledger.csv").write_bytes(ledger(two)[1])
    catalog = Catalog("ads", tuple(suspect.row for suspect in several.review), tuple(several.classes))
    known = {attribute.name: several.classes[attribute] for attribute in several.classes}
    found = replay(catalog, [tmp_path / "ledger.csv"], classes=known)
    assert [row.labels for row in found.catalog.rows if row.file_name == NAMES[1]] == [("black", "mug", "no")]
    assert list(found.relabelled) == [NAMES[1]]

    relabel(two, 1, "type: bag")  # the newer one of the same attribute counts
    expect(card(two, 1).locator(".verdict")).to_have_text("relabel: colour: black, type: bag")
    assert decided(two) == [("relabel", "colour", "black"), ("relabel", "type", "bag")]
    card(two, 1).get_by_role("button", name="Relabel").click()
    expect(two.get_by_label("Label", exact=True)).to_have_value("type: bag")


def test_a_keep_or_drop_is_about_all_attributes(two: Page) -> None:
    keep, drop = (card(two, 1).get_by_role("button", name=name) for name in ("Keep", "Drop"))
    keep.click()
    expect(card(two, 1).locator(".verdict")).to_have_text("keep")
    assert decided(two) == [("keep", "", "")]
    two.keyboard.press("u")
    expect(card(two, 1).locator(".verdict")).to_have_text("relabel: type: mug, colour: black")
    expect(keep).to_have_attribute("aria-pressed", "false")
    assert decided(two) == BOTH
    two.keyboard.press("u")
    expect(card(two, 1).locator(".verdict")).to_have_text("relabel: type: mug")
    drop.click()
    relabel(two, 1, "new: yes")
    expect(card(two, 1).locator(".verdict")).to_have_text("relabel: new: yes")
    assert decided(two) == [("relabel", "new", "yes")]
    drop.click()
    drop.click()  # pressed again, it is open again
    expect(card(two, 1).locator(".verdict")).to_be_hidden()
    counter(two, "0 of 8 decided")
    two.keyboard.press("u")
    expect(card(two, 1).locator(".verdict")).to_have_text("drop")


def test_new_labels_of_two_attributes_survive_a_reload_and_an_import(two: Page) -> None:
    two.reload()
    expect(card(two, 1).locator(".verdict")).to_have_text("relabel: type: mug, colour: black")
    rows, data = ledger(two)
    two.evaluate("localStorage.clear()")
    two.reload()
    counter(two, "0 of 8 decided")
    give(two, data)
    expect(two.get_by_role("status")).to_contain_text("Taken up 2 of 2 decisions; 1 of 8 decided")
    expect(card(two, 1).locator(".verdict")).to_have_text("relabel: type: mug, colour: black")
    assert ledger(two)[0] == rows
    give(two, data)
    assert ledger(two)[0] == rows
    # What an older page kept: one line for a photo, and none of them with an attribute.
    row = {name: text for name, text in rows[0].items() if name != "attribute"}
    two.evaluate(
        "row => { for (const at of Object.keys(localStorage)) "
        "localStorage.setItem(at, JSON.stringify({ rows: [row], reviewer: 'ann', unsaved: false })) }",
        row | {"decision": "drop", "label": ""},
    )
    two.reload()
    expect(card(two, 1).locator(".verdict")).to_have_text("drop")
    expect(two.get_by_label("Your name")).to_have_value("ann")
    assert decided(two) == [("drop", "", "")]


def test_a_ledger_is_taken_up_in_the_order_of_time(page: Page, several: Audit, tmp_path: Path) -> None:
    report.write(tmp_path, several)
    page.reload()
    quoted = '"' + NAMES[1].replace('"', '""') + '"'

    def told(*said: tuple[str, str, str, int]) -> bytes:
        """Lines of ``(decision, label, attribute, year)`` on the second photo."""
        sha = several.review[1].sha256
        lines = [f"{quoted},{sha},{d},{label},,bob,{year}-01-01T00:00:00Z,{at}" for d, label, at, year in said]
        return "\n".join([HEAD, *lines]).encode()

    verdict = card(page, 1).locator(".verdict")
    give(
        page,
        told(
            ("relabel", "red", "colour", 2004),
            ("relabel", "mug", "type", 2003),
            ("keep", "", "", 2002),
            ("relabel", "yes", "new", 2001),
            ("relabel", "black", "colour", 2003),
        ),
    )
    expect(page.get_by_role("status")).to_contain_text("Taken up 2 of 5 decisions; 1 of 8 decided")
    expect(verdict).to_have_text("relabel: type: mug, colour: red")
    give(page, told(("drop", "", "", 2003), ("relabel", "black", "colour", 2002)))
    # The drop came after the type and before the colour.
    expect(page.get_by_role("status")).to_contain_text("Taken up 0 of 2 decisions")
    expect(verdict).to_have_text("relabel: colour: red")
    page.keyboard.press("u")
    expect(verdict).to_have_text("relabel: type: mug, colour: red")
    relabel(page, 1, "new: yes")
    give(page, told(("drop", "", "", 2005)))
    expect(verdict).to_have_text("relabel: new: yes")
    give(page, told(("drop", "", "", 2901)))
    expect(verdict).to_have_text("drop")
    assert decided(page) == [("drop", "", "")]


def test_the_only_attribute_need_not_be_named(page: Page, audit: Audit) -> None:
    quoted = '"' + NAMES[1].replace('"', '""') + '"'
    give(page, f"{HEAD}\n{quoted},{audit.review[1].sha256},relabel,mug,,bob,2026-01-01T00:00:00Z,label\n".encode())
    expect(card(page, 1).locator(".verdict")).to_have_text("relabel: label: mug")
    relabel(page, 1, "bag")
    expect(card(page, 1).locator(".verdict")).to_have_text("relabel: bag")
    assert decided(page) == [("relabel", "", "bag")]

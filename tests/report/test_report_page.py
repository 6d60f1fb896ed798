"""The report in a real browser, from disk: the photos behind figures, keys, the slider, narrow pages, and axe-core."""

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the pages need the extra `serve`")
pytest.importorskip("playwright.sync_api", reason="the page tests need playwright: pip install playwright")

import reported
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

from goodsight.catalog.rows import Row
from goodsight.measuring.explained import Seen
from goodsight.measuring.measured import Measured
from goodsight.report import page as report

pytest_plugins = ["browsing"]

AXE = os.environ.get("GOODSIGHT_TEST_AXE", "")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on sixty photos of four classes, the worst mistake of which has a map."""
    folder = tmp_path_factory.mktemp("report")
    rows = []
    for number in range(62):
        path = folder / f"{number}.png"
        Image.new("RGB", (40, 30), (4 * number, 255 - 4 * number, 120)).save(path)
        rows.append(Row(path.name, path))
    found = reported.result(4, rows, leaked=0)
    row, _, given, _ = found.worst[0]
    seen = Seen(np.eye(7, dtype=np.float32))
    part = reported.part(found, evidence={(row.path, given): seen})
    counts = {name: {"photos": n} for name, n in zip(found.classes, found.scores.support, strict=True)}
    report.write(folder, Measured("Training report: drawn", reported.model(part.judge), [part], counts, 0, 0, 0))
    return folder / "report.html"


@pytest.fixture
def page(context: BrowserContext, written: Path) -> Iterator[Page]:
    """The report; after each test no script failed, and nothing was refused or asked for."""
    complaints: list[str] = []
    asked: list[str] = []
    made = context.new_page()
    made.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on("request", lambda request: asked.append(request.url))
    made.goto(written.as_uri())
    yield made
    assert complaints == []
    assert {url for url in asked if not url.startswith("data:")} == {written.as_uri()}


def test_a_bar_opens_its_photos_and_the_focus_comes_back(page: Page) -> None:
    bar = page.locator(".bar").first
    bar.focus()
    page.keyboard.press("Enter")
    gallery = page.locator("#gallery")
    expect(gallery).to_be_visible()
    expect(gallery.locator("h2")).to_contain_text("Labelled class")
    assert gallery.locator("img").count() > 1
    expect(gallery.locator(".card").first).to_contain_text("labelled class")
    gallery.locator("[data-photo]").first.focus()
    page.keyboard.press("Space")
    large = page.locator("#large")
    expect(large).to_be_visible()
    expect(large.locator("#large-place")).to_contain_text("1 of")
    name = large.locator("h2").inner_text()
    page.keyboard.press("ArrowRight")
    expect(large.locator("#large-place")).to_contain_text("2 of")
    expect(large.locator("h2")).not_to_have_text(name)
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    expect(gallery.locator("[data-photo]").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(gallery).to_be_hidden()
    expect(bar).to_be_focused()


def test_the_table_is_walked_by_arrows_and_opens_a_place(page: Page) -> None:
    numbers = page.locator("[data-matrix] button")
    assert page.locator("[data-matrix] button[tabindex='0']").count() == 1
    numbers.first.focus()
    page.keyboard.press("ArrowRight")
    focused = page.locator(":focus")
    expect(focused).to_have_attribute("tabindex", "0")
    said = focused.get_attribute("aria-label")
    count = focused.inner_text()
    page.keyboard.press("Enter")
    assert said
    expect(page.locator("#gallery h2")).to_have_text(said.rsplit(":", 1)[0].replace(" taken for", ", taken for"))
    expect(page.locator("#gallery-said")).to_contain_text(f"{count} photo")


def test_the_slider_says_what_a_precision_costs_and_how_to_set_it(page: Page) -> None:
    slider = page.locator("input[type=range]")
    command = page.locator("[data-now=command]")
    expect(command).to_have_text("goodsight set model/ --precision 0.99")
    before = page.locator("[data-now=share]").inner_text()
    slider.focus()
    page.keyboard.press("Home")
    expect(command).to_have_text("goodsight set model/ --precision 0.8")
    expect(slider).to_have_attribute("aria-valuetext", "80 %")
    expect(page.locator("[data-now=why]")).to_contain_text("So much cannot be promised")  # a made-up model guesses
    expect(page.locator("[data-now=share]")).to_have_text("0.0 %")
    page.keyboard.press("End")
    expect(command).to_have_text("goodsight set model/ --precision 0.999")
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    expect(command).to_have_text("goodsight set model/ --precision 0.985")
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-now=share]")).to_have_text(before)


def test_the_map_of_a_mistake_is_on_a_switch(page: Page) -> None:
    image = page.locator(".mistakes img").first
    clean = image.get_attribute("src")
    page.get_by_label("Show where the answers come from").check()
    expect(image).not_to_have_attribute("src", clean or "")
    page.locator(".mistakes [data-photo]").first.click()
    expect(page.locator("#map")).to_have_attribute("aria-pressed", "true")
    page.locator("#map").click()
    expect(page.locator("#large-picture img")).to_have_attribute("src", clean or "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_violation_is_found_and_nothing_is_wider_than_a_phone(page: Page, scheme: str, tmp_path: Path) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    if not AXE:
        pytest.skip("GOODSIGHT_TEST_AXE names no axe-core .tgz; .ci/run fetches it")
    with tarfile.open(AXE) as packed:
        source = packed.extractfile("package/axe.min.js")
        assert source
        page.evaluate(source.read().decode())
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert _violations(page) == []
    page.locator(".bar").first.click()
    assert _violations(page) == []
    page.locator("#gallery-photos button").first.click()
    assert _violations(page) == []


def _violations(page: Page) -> list[str]:
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found["violations"]]

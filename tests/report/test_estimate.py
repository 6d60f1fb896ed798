"""What the page of an audit says after each twenty decisions, in a real browser: how many of the others are wrong."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the pages need the extra `serve`")
pytest.importorskip("playwright.sync_api", reason="the page tests need playwright: pip install playwright")

from hostile_names import planted
from playwright.sync_api import BrowserContext, Page, expect
from scipy.stats import nbinom

from goodsight.report import audit as report

pytest_plugins = ["browsing"]

CHANCES = np.round(np.linspace(0.9, 0.24, 60), 4)


def _open(context: BrowserContext, folder: Path, chances: Sequence[float]) -> Page:
    few = planted(folder, [f"{i}.jpg" for i in range(8)])
    many = tuple(
        replace(few.review[i % 8], row=replace(few.review[i % 8].row, file_name=f"{i:03}.jpg"), chance=chance)
        for i, chance in enumerate(chances)
    )
    report.write(folder, replace(few, review=many, findings=()))
    page = context.new_page()
    page.goto((folder / "report.html").as_uri())
    page.locator(".card").first.focus()
    return page


def _decide(page: Page, keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def _bounds(wrong: int, decided: int, chances: np.ndarray) -> tuple[int, int]:
    """The fifth and the 95th hundredth of the faults among the others, by SciPy."""
    others = np.arange(len(chances) - decided + 1)
    rate = 1 + chances[:decided].sum()
    known = nbinom.cdf(others, 1 + wrong, rate / (rate + chances[decided:].sum()))
    low, high = np.searchsorted(known / known[-1], [0.05, 0.95])
    return int(low), int(high)


@pytest.fixture
def page(context: BrowserContext, tmp_path: Path) -> Page:
    return _open(context, tmp_path, CHANCES.tolist())


def test_after_twenty_that_were_right_one_may_stop(page: Page) -> None:
    _decide(page, 19 * "k")
    expect(page.locator("#estimate")).to_be_hidden()
    _decide(page, "k")
    low, high = _bounds(0, 20, CHANCES)
    assert (low, high) == (0, 4)
    expect(page.locator("#estimate")).to_have_text(
        "None of your first 20 was wrong (about 16 expected). "
        "Of the other 40 on the list probably 0 to 4 will be: you may stop."
    )


@pytest.mark.parametrize(("keys", "wrong"), [("kd" * 10, 10), ("d" * 20, 20), (19 * "k" + "d", 1)])
def test_the_bounds_are_those_of_the_negative_binomial(page: Page, keys: str, wrong: int) -> None:
    _decide(page, keys)
    low, high = _bounds(wrong, 20, CHANCES)
    were = f"{wrong} of your first 20 {'was' if wrong == 1 else 'were'} wrong (about 16 expected)."
    expect(page.locator("#estimate")).to_contain_text(
        f"{were} Of the other 40 on the list probably {low} to {high} will be"
    )
    coming = (1 + wrong) / (1 + CHANCES[:20].sum()) * CHANCES[20:40].sum()
    expect(page.locator("#estimate")).to_contain_text(f", about {min(coming, 20):.0f} of the next 20: go on.")


def test_it_is_told_again_after_forty_and_not_between(page: Page) -> None:
    _decide(page, 20 * "d")
    first = page.locator("#estimate").inner_text()
    _decide(page, 19 * "k")
    expect(page.locator("#estimate")).to_have_text(first)
    _decide(page, "k")
    low, high = _bounds(20, 40, CHANCES)
    expect(page.locator("#estimate")).to_contain_text(
        "20 of your first 40 were wrong (about 27 expected). "
        f"Of the other 20 on the list probably {low} to {high} will be"
    )
    _decide(page, 20 * "k")
    expect(page.locator("#estimate")).to_have_text(
        "20 of your first 60 were wrong (about 34 expected). That was the whole list."
    )


def test_it_follows_what_is_taken_back_and_survives_a_reload(page: Page) -> None:
    _decide(page, 20 * "k")
    said = page.locator("#estimate").inner_text()
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.locator("#estimate")).to_have_text(said)
    page.locator(".card").first.focus()
    _decide(page, "d")
    expect(page.locator("#estimate")).to_contain_text("1 of your first 20 was wrong")
    _decide(page, "u")
    expect(page.locator("#estimate")).to_have_text(said)


def test_hundreds_of_photos_are_counted_that_only_the_table_has(context: BrowserContext, tmp_path: Path) -> None:
    chances = np.round(np.linspace(0.99, 0.3, 2000), 4)
    page = _open(context, tmp_path, chances.tolist())
    assert page.locator(".card").count() == 120
    _decide(page, 120 * "d")
    low, high = _bounds(120, 120, chances)
    assert 900 < low < high < 1700
    expect(page.locator("#estimate")).to_contain_text(f"Of the other 1880 on the list probably {low} to {high} will be")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_estimate_is_in_sight_and_covers_no_card(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    _decide(page, 20 * "k")
    expect(page.locator("#estimate")).to_be_in_viewport()
    _decide(page, "ku")
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    card, tools = page.locator(":focus").bounding_box(), page.locator("#tools").bounding_box()
    assert card
    assert tools
    assert card["y"] >= tools["y"] + tools["height"] - 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_list_of_fewer_than_twenty_is_told_at_its_end(context: BrowserContext, tmp_path: Path) -> None:
    page = _open(context, tmp_path, [0.9, 0.5, 0.3])
    _decide(page, "dd")
    expect(page.locator("#estimate")).to_be_hidden()
    _decide(page, "k")
    expect(page.locator("#estimate")).to_have_text(
        "2 of your first 3 were wrong (about 2 expected). That was the whole list."
    )


def test_none_is_a_word(context: BrowserContext, tmp_path: Path) -> None:
    page = _open(context, tmp_path, [0.9] * 20 + [0.001] * 20)
    _decide(page, 20 * "d")
    expect(page.locator("#estimate")).to_have_text(
        "20 of your first 20 were wrong (about 18 expected). "
        "Of the other 20 on the list probably none will be: you may stop."
    )

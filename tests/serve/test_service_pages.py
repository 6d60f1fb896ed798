"""The real service in a real browser: log in, a match, a mismatch, an appeal, a decision with a key, a small screen."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="the page tests need playwright: pip install playwright")

import loopback
from playwright.sync_api import BrowserContext, Page, expect

import goodsight
from goodsight.flow.training import Training
from goodsight.serve.access import new_token
from goodsight.store import Store

pytest_plugins = ["browsing"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def token(data: Path) -> str:
    made, lines = new_token("ann", "review")
    (data / "tokens.toml").write_text(lines)
    return made


@pytest.fixture(scope="module")
def running(trained: Training, data: Path, token: str) -> Iterator[loopback.Running]:
    assert token
    with loopback.service(trained.folder, data, "--tokens", str(data / "tokens.toml")) as made:
        yield made


@pytest.fixture
def page(context: BrowserContext, running: loopback.Running, token: str) -> Iterator[Page]:
    """Logged in; no script error and no violation of the content security policy may happen."""
    complaints: list[str] = []
    page = context.new_page()
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(running.url + "/")
    expect(page).to_have_title("Log in - Goodsight")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_title("Check a photo - Goodsight")
    yield page
    assert complaints == []


def _sure(trained: Training, sound: dict[str, list[Path]], kind: str) -> Path:
    """A photo that the model is sure of."""
    answers = ((path, goodsight.check(trained.folder, path, kind)) for path in sound[kind])
    return next(path for path, answer in answers if answer.verdict == "match" and answer.probability > 0.9)


def test_from_a_check_to_a_decision(
    page: Page, running: loopback.Running, data: Path, trained: Training, sound: dict[str, list[Path]]
) -> None:
    bag = _sure(trained, sound, "bag")
    page.get_by_label("Category of the ad").select_option("bag")
    page.locator("#file").set_input_files(bag)
    expect(page.locator("#verdict")).to_have_text("It matches")
    page.reload()
    page.get_by_label("Category of the ad").select_option("mug")
    page.locator("#file").set_input_files(bag)
    expect(page.locator("#verdict")).to_have_text("This looks like bag, not mug")
    expect(page.get_by_label("Category of the ad")).to_have_value("bag")
    page.get_by_role("button", name="Keep mug and ask a person").click()
    page.get_by_label("What should the person know?").fill("It holds tea.")
    page.get_by_role("button", name="Ask a person", exact=True).click()
    expect(page.locator("#verdict")).to_have_text("A person will look at it")
    page.get_by_role("link", name="Reviews").click()
    expect(page.locator("#contested")).to_have_text("1")
    expect(page.locator("#note")).to_have_text("It holds tea.")
    expect(page.locator("#photo")).to_have_js_property("complete", True)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("1")
    expect(page.locator("#contested")).to_have_text("0")
    store = Store.open("", data)
    (decision,) = store.queue.decisions()
    store.close()
    assert (decision.decision, decision.reviewer, decision.checked.declared) == ("bag", "ann", "mug")


def test_on_a_phone(page: Page, trained: Training, sound: dict[str, list[Path]]) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.get_by_label("Category of the ad").select_option("lamp")
    page.locator("#camera").set_input_files(_sure(trained, sound, "lamp"))
    expect(page.locator("#verdict")).to_have_text("It matches")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_title("Log in - Goodsight")

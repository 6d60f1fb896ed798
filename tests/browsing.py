"""Fixtures for the tests of the pages: the canned app on a port of its own, and a real browser that visits it."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from canned import Canned, Visit, app
from playwright.sync_api import Browser, BrowserContext, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = """--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update
--disable-sync --no-first-run"""


@pytest.fixture
def canned() -> Canned:
    return Canned()


@pytest.fixture
def address(canned: Canned) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app(canned), log_level="warning", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        until = time.monotonic() + 10
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        assert server.started
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("the page tests need chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
        yield running
        running.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(reduced_motion="reduce")
    made.set_default_timeout(8000)
    yield made
    made.close()


@pytest.fixture
def visit(context: BrowserContext, address: str) -> Iterator[Visit]:
    """After each test: no error of a script, no violation of the content security policy, no failed request.

    A planted refusal is logged by the browser as well, so as many of these as were planted are let through.
    """
    made = Visit(context.new_page(), address)
    made.page.on("console", lambda m: made.complaints.append(m.text) if m.type in ("error", "warning") else None)
    made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
    yield made
    refusals = [said for said in made.complaints if said.startswith("Failed to load resource: the server responded")]
    assert [said for said in made.complaints if said not in refusals] == []
    assert len(refusals) == made.planted

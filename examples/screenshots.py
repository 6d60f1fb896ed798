"""The pictures of the README, made anew: an audit, a report and the pages of the service. Needs Debian's chromium.

``python examples/screenshots.py FOLDER`` takes the audit and the model that ``make demo`` left in ./demo.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
from pathlib import Path

import drawn
import numpy as np
from playwright.sync_api import Browser, sync_playwright

sys.path.append(str(Path(__file__).parent.parent / "bench"))
import loopback

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def main(model: Path, out: Path) -> None:
    """Check a bag that was declared a mug, contest the answer, look at the queue."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        photo = Path(name) / "photo.jpg"
        picture = io.BytesIO()
        drawn.draw("bag", np.random.default_rng(2026)).save(picture, "JPEG", quality=90)
        photo.write_bytes(picture.getvalue())
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        _audit(browser, model.parent / "audit" / "report.html", out)
        _report(browser, model / "report.html", out)
        with loopback.service(model, Path(name) / "data") as running:
            _pictures(browser, running.url, photo, out)
        browser.close()


def _audit(browser: Browser, report: Path, out: Path) -> None:
    page = browser.new_page(viewport={"width": 1100, "height": 860})
    page.goto(report.resolve().as_uri())
    page.keyboard.press("d")
    page.wait_for_timeout(500)
    page.screenshot(path=out / "audit.png")


def _report(browser: Browser, report: Path, out: Path) -> None:
    page = browser.new_page(viewport={"width": 1100, "height": 860})
    page.goto(report.resolve().as_uri())
    page.wait_for_timeout(500)
    page.screenshot(path=out / "report.png")


def _pictures(browser: Browser, url: str, photo: Path, out: Path) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 720})
    page.goto(url)
    page.get_by_label("Category of the ad").select_option("mug")
    page.locator("#file").set_input_files(photo)
    page.get_by_role("button", name="Keep mug and ask a person").wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=out / "check.png")
    page.get_by_role("button", name="Keep mug and ask a person").click()
    page.get_by_label("What should the person know?").fill("It has a handle.")
    page.get_by_role("button", name="Ask a person", exact=True).click()
    page.get_by_role("heading", name="A person will look at it").wait_for()
    page.goto(f"{url}/reviews")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    page.set_viewport_size({"width": 1000, "height": 760})
    page.screenshot(path=out / "reviews.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, default=Path("demo/model"))
    options = parser.parse_args()
    main(options.model, options.out)

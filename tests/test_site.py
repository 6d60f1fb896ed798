"""The documentation site builds without a warning, is complete, and is read without asking any other host."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import goodsight

ROOT = Path(__file__).parent.parent
PAGES = sorted(path.stem for path in (ROOT / "docs").glob("*.md"))
FOREIGN = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
FOREIGN_INLINE = re.compile(r"https?://|['\"(]//", re.IGNORECASE)
FOREIGN_STYLE = re.compile(r"(?:url\(|@import)\s*['\"]?\s*(?:https?:)?//", re.IGNORECASE)


class Page(HTMLParser):
    """What a page loads by itself, where its navigation leads, and what it defines."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline = ""
        self.nav: set[str] = set()
        self.ids: set[str] = set()
        self.classes: set[str] = set()
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._open = tag
        self.ids.add(given.get("id", ""))
        self.classes.update(given.get("class", "").split())
        self.inline += given.get("style", "")
        self.loads += [given[name] for name in ("src", "srcset", "data", "poster") if name in given]
        if tag == "link":
            self.loads.append(given.get("href", ""))
        if tag == "a" and "md-nav__link" in given.get("class", ""):
            self.nav.add(given.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style"):
            self.inline += data


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="needs mkdocs, which is in the extra `dev`")
    folder = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return {path.stem: Page(path.read_text(encoding="utf-8")) for path in site.glob("*.html")}


def test_every_page_of_docs_is_built_and_in_the_navigation(pages: dict[str, Page]) -> None:
    assert sorted(pages.keys() - {"404"}) == PAGES
    assert [name for name in PAGES if f"{name}.html" not in pages["photos"].nav | {"photos.html"}] == []
    assert "photos.html" in pages["index"].nav


def test_nothing_is_loaded_from_another_host(site: Path, pages: dict[str, Page]) -> None:
    assert any(load.endswith(".js") for load in pages["index"].loads)
    assert {name: found for name, page in pages.items() if (found := [x for x in page.loads if FOREIGN.match(x)])} == {}
    assert [name for name, page in pages.items() if FOREIGN_INLINE.search(page.inline)] == []
    # The theme's script would load Mermaid from elsewhere for a page with a diagram.
    assert [name for name, page in pages.items() if "mermaid" in page.classes] == []
    styles = list(site.rglob("*.css"))
    assert styles
    assert [style.name for style in styles if FOREIGN_STYLE.search(style.read_text(encoding="utf-8"))] == []


def test_the_reference_has_every_public_function_and_what_it_returns(site: Path, pages: dict[str, Page]) -> None:
    public = [name for name in goodsight.__all__ if not name.startswith("__")]
    assert [name for name in public if f"goodsight.{name}" not in pages["api"].ids] == []
    records = {name.rpartition(".")[2] for name in pages["api"].ids}
    assert records >= {"Audit", "Check", "Collected", "Evaluation", "Measured", "Prediction", "Divided", "Promotion"}
    assert records >= {"LoadedModel", "Sighting", "Sightings", "Training", "CatalogError", "GoodsightError"}
    text = (site / "api.html").read_text(encoding="utf-8")
    assert re.findall(r":(?:attr|class|data|func|meth|mod):.{20}", text) == []

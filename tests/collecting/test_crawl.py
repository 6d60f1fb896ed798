"""The story of collect: a list or pages in, a folder that train reads out, whatever the web does meanwhile."""

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import shop
from shop import Shop

import goodsight
from goodsight import collecting
from goodsight.catalog.read import read_catalog
from goodsight.cli import app
from goodsight.collecting import crawl
from goodsight.collecting.crawl import Source
from goodsight.collecting.crew import IN_A_ROW
from goodsight.collecting.terms import Collected, Manners
from goodsight.errors import CatalogError, FolderExistsError, GoodsightError
from goodsight.photos.limits import Limits
from goodsight.progress import quiet

MANNERS = Manners(rate=1000, allow_private=True)
Lists = Callable[..., Path]
Collect = Callable[..., Collected]


@pytest.fixture
def served() -> Iterator[Shop]:
    with shop.opened() as running:
        for n in range(40):
            running.pages[f"/{n}.jpg"] = shop.gives(shop.jpeg(n))
        yield running


@pytest.fixture
def listed(tmp_path: Path) -> Lists:
    def write(*rows: tuple[str, str]) -> Path:
        with (tmp_path / "urls.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows([("url", "label"), *rows])
        return tmp_path / "urls.csv"

    return write


@pytest.fixture
def collect(tmp_path: Path) -> Collect:
    """Collects into a folder without waiting."""

    def run(urls: Path | None = None, *, manners: Manners = MANNERS, **source: str) -> Collected:
        return crawl.run(Source(urls, **source), tmp_path / "out", manners, quiet, wait=lambda seconds: None)

    return run


def _rows(root: Path) -> list[dict[str, str]]:
    with (root / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_list_becomes_a_catalog(served: Shop, listed: Lists, collect: Collect, tmp_path: Path) -> None:
    served.pages["/copy.jpg"] = shop.gives(shop.jpeg(1))
    urls = listed(
        (served.url("/1.jpg"), "mug"),
        (served.url("/copy.jpg"), "mug"),
        (served.url("/1.jpg#again"), "mug"),
        (served.url("/2.jpg"), "bag"),
        (served.url("/1.jpg"), "bag"),
        (served.url("/3.jpg"), ""),
    )
    done = collect(urls)
    assert (done.photos, done.copies, done.there, done.left_out) == (4, 1, 0, [])
    assert [labels for _, labels in done.two_labels] == ["'bag', 'mug'"]
    assert served.asked["/1.jpg"] == 1, "wanted under two labels, fetched once"
    read = read_catalog(tmp_path / "out")
    assert read.classes(0) == ("bag", "mug")
    assert [row.labels for row in read.rows] == [("mug",), ("bag",), ("bag",)]
    assert [reason for _, reason in read.left_out] == ["no label"]
    asked = served.asked.copy()
    done = collect(urls)
    assert (done.photos, done.copies, done.there) == (0, 0, 5)
    assert served.asked == asked, "nothing is fetched again, not even robots.txt"


def test_what_is_no_photo_is_named_and_left_out(served: Shop, listed: Lists, collect: Collect, tmp_path: Path) -> None:
    served.pages["/page.jpg"] = shop.gives(b"<html>Sold out</html>")
    served.pages["/odd"] = shop.gives(shop.jpeg(7), kind="text/plain")
    served.pages["/half.jpg"] = shop.gives(shop.jpeg(8, size=64)[:-200])
    served.pages["/large.jpg"] = shop.gives(shop.jpeg(9, size=300))
    served.pages["/empty.jpg"] = shop.gives(b"")
    names = ("page.jpg", "odd", "half.jpg", "large.jpg", "empty.jpg", "gone.jpg")
    urls = listed(*((served.url(f"/{name}"), "mug") for name in names), ("file:///etc/passwd", "mug"), ("", "mug"))
    small = Manners(1000, allow_private=True, limits=Limits(32 * 2**20, 50_000))
    done = collect(urls, manners=small)
    assert done.photos == 1, "an odd content type does not matter: it is a photo"
    reasons = {url.rpartition("/")[2]: reason for url, reason in done.left_out}
    assert reasons["page.jpg"].startswith("not a picture")
    assert reasons["half.jpg"].startswith("truncated")
    assert reasons["large.jpg"].startswith("too large: 0.1 megapixels")
    assert reasons["empty.jpg"].startswith("empty")
    assert reasons["gone.jpg"] == "HTTP 404"
    assert reasons["passwd"].startswith("file: is refused")
    assert reasons["urls.csv row 9"] == "no address"
    asked = served.asked.copy()
    again = collect(urls)
    assert again.photos == 1, "what was too large is asked for again, as the limit may be another"
    assert {url: n - asked[url] for url, n in served.asked.items() if n > asked[url]} == {
        "/large.jpg": 1,
        "/robots.txt": 1,
    }
    assert "HTTP 404 (so it was within the last day; not asked again)" in dict(again.left_out).values()


def test_pages_give_photos_once(served: Shop, collect: Collect, tmp_path: Path) -> None:
    served.pages["/list/1"] = shop.shows(
        "<base href='/'><img class=p src=1.jpg><img class=p data-src=2.jpg><img src=9.jpg>"
    )
    served.pages["/list/2"] = shop.shows(
        "<a class=p href=/3.jpg><img class=p src=/2.jpg srcset='/4.jpg 2x'><a class=p>"
    )
    served.pages["/list/3"] = shop.shows("<p>no more")
    served.pages["/list/4"] = shop.shows("<a class=p>no address")
    options = {"page": served.url("/list/{page}"), "select": ".p", "pages": "1:5", "label": "mug"}
    done = collect(**options)
    assert (done.photos, done.pages) == (4, 4)
    assert [reason for _, reason in done.empty] == [
        "'.p' selects no element",
        "'.p' selects 1 elements, none with an address",
    ]
    assert done.left_out == [(served.url("/list/5"), "HTTP 404")]
    assert {(row["label"], row["page"][-1], row["url"][-5:]) for row in _rows(tmp_path / "out")} == {
        ("mug", "1", "1.jpg"), ("mug", "1", "2.jpg"), ("mug", "2", "3.jpg"), ("mug", "2", "4.jpg"),
    }  # fmt: skip
    assert served.asked["/9.jpg"] == 0
    assert collect(**options).there == 4


def test_a_host_that_is_down_is_left_alone(served: Shop, listed: Lists, collect: Collect) -> None:
    for n in range(20):
        served.pages[f"/down/{n}"] = shop.gives(b"", 500)
    served.pages["/down/1"] = shop.gives(shop.jpeg(1))
    done = collect(listed(*((served.url(f"/down/{n}"), "mug") for n in range(20))))
    reasons = [reason for _, reason in done.left_out]
    assert reasons[:6] == ["HTTP 500"] * 6
    assert done.photos == 1
    assert all("not asked, as 5 before it failed in a row" in reason for reason in reasons[6:])
    assert sum(path.startswith("/down") for path in served.asked) == IN_A_ROW + 2


def test_private_addresses_are_refused(served: Shop, listed: Lists, collect: Collect) -> None:
    done = collect(listed((served.url("/1.jpg"), "mug")), manners=Manners(1000))
    assert "leads to 127.0.0.1, a loopback address; allow it with `allow_private`" in done.left_out[0][1]
    assert not served.asked


def test_a_fault_of_ours_ends_the_run(
    served: Shop, listed: Lists, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("goodsight.photos.decoder.open_rgb", fails)
    with pytest.raises(ZeroDivisionError):
        collect(listed((served.url("/1.jpg"), "mug")))


def test_a_full_disk_is_one_line(
    served: Shop, listed: Lists, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GoodsightError, match="out: no space left on device"):
        collect(listed((served.url("/1.jpg"), "mug")))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, "give either a list of addresses or `page`"),
        ({"urls": "urls.csv", "page": "http://a/", "select": "img"}, "give either a list of addresses or `page`"),
        ({"urls": "urls.csv", "select": "img"}, "`select`: only with `page`"),
        ({"urls": "urls.csv", "pages": "1:2"}, "`pages`: only with `page`"),
        ({"urls": "none.csv"}, "none.csv: cannot be read: no such file"),
        ({"page": "http://a/"}, "say with `select` which elements"),
        ({"page": "http://a/", "select": "img["}, "not a CSS selector"),
        ({"page": "file:///etc/{page}", "select": "img", "pages": "1:2"}, "`page` file:.*file: is refused"),
        ({"page": "http://a/{page}", "select": "img"}, "give the numbers for"),
        ({"page": "http://a/", "select": "img", "label": "../x"}, "`label`: the label '../x' cannot be"),
        ({"urls": "urls.csv", "rate": 0.0}, "`rate` 0: must be above 0"),
        ({"urls": "urls.csv", "rate": float("nan")}, "`rate` nan: must be above 0"),
        ({"urls": "urls.csv", "user_agent": "x\r\nCookie: y"}, "`user_agent` .*: must begin with a name"),
        ({"urls": "urls.csv", "user_agent": "*"}, "`user_agent` '\\*': must begin with a name"),
    ],
)
def test_bad_usage_is_told_before_anything_is_made(
    options: dict[str, Any], why: str, listed: Lists, tmp_path: Path
) -> None:
    listed(("http://a/", "mug"))
    asked = {name: value for name, value in options.items() if name in Source.__dataclass_fields__}
    manners = Manners(**{name: value for name, value in options.items() if name not in asked})
    if "urls" in asked:
        asked["urls"] = tmp_path / asked["urls"]
    with pytest.raises(GoodsightError, match=why):
        goodsight.collect(Source(**asked), tmp_path / "out", manners=manners)
    assert not (tmp_path / "out").exists()


def test_bad_labels_and_folders_are_errors(listed: Lists, tmp_path: Path) -> None:
    urls = listed(("http://a/", "mug"), ("http://b/", "=1+1"))
    with pytest.raises(CatalogError, match=r"urls\.csv: row 3: the label '=1\+1'"):
        goodsight.collect(urls, tmp_path / "out")
    with pytest.raises(FolderExistsError, match=r"holds 'urls\.csv' and no metadata\.csv"):
        goodsight.collect(listed(("http://a/", "mug")), tmp_path)


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "selectolax.lexbor", None)
    monkeypatch.delitem(sys.modules, "goodsight.collecting.pages", raising=False)
    monkeypatch.delattr(collecting, "pages", raising=False)
    with pytest.raises(
        GoodsightError, match=r"needs selectolax.*: install it with `pip install 'goodsight\[collect\]'`"
    ):
        goodsight.collect(Source(page="http://a/", select="img"), tmp_path / "out")


def test_the_command(
    served: Shop, listed: Lists, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = listed((served.url("/1.jpg"), "mug"), (served.url("/1.jpg"), "bag"), (served.url("/none.jpg"), "bag"))
    command = ["goodsight", "collect", str(urls), "--out", str(tmp_path / "out"), "--allow-private", "--rate", "1000"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as stop:
        app.main()
    assert not stop.value.code
    said = capsys.readouterr().out
    assert "photos: 2 new, 0 there already, 0 exact copies left out" in said
    assert "photos under several labels, kept under each: 1" in said
    assert "left out: 1\n" in said
    assert "none.jpg: HTTP 404" in said
    monkeypatch.setattr(sys, "argv", [*command, "--select", "img"])
    with pytest.raises(SystemExit) as stop:
        app.main()
    assert stop.value.code == 2
    assert "--select: only with --page" in capsys.readouterr().err


def _start(urls: Path, out: Path) -> subprocess.Popen[bytes]:
    command = ["-m", "goodsight", "collect", str(urls), "--out", str(out), "--allow-private", "--rate", "1000"]
    return subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _hang(served: Shop, path: str) -> tuple[threading.Event, threading.Event]:
    """Lets a path never answer until it may; the events that it was asked for, and that it may."""
    reached, free = threading.Event(), threading.Event()

    def hang(visitor: shop.Visitor) -> None:
        reached.set()
        free.wait(20)
        shop.gives(shop.jpeg(int(path[1:-4])))(visitor)

    served.pages[path] = hang
    return reached, free


def test_killed_it_goes_on_and_fetches_nothing_twice(served: Shop, listed: Lists, tmp_path: Path) -> None:
    out = tmp_path / "out"
    urls = listed(*((served.url(f"/{n}.jpg"), "mug" if n % 2 else "bag") for n in range(30)))
    for stuck in (7, 19):
        reached, free = _hang(served, f"/{stuck}.jpg")
        running = _start(urls, out)
        assert reached.wait(20)
        limit = time.monotonic() + 10
        while (out / "metadata.csv").read_bytes().count(b"\n") < stuck + 1 and time.monotonic() < limit:
            time.sleep(0.01)
        running.kill()
        assert running.wait(10) == -signal.SIGKILL
        running.communicate()
        assert len(_rows(out)) == stuck
        free.set()
    said, problems = _start(urls, out).communicate(timeout=20)
    assert b"photos: 11 new, 19 there already" in said, problems
    fetched = {path: n for path, n in served.asked.items() if path != "/robots.txt"}
    assert {path: n for path, n in fetched.items() if n > 1} == {"/7.jpg": 2, "/19.jpg": 2}, "those under way at a kill"
    assert len(fetched) == 30
    assert len(read_catalog(out).rows) == 30


def test_ctrl_c_ends_it_at_once(served: Shop, listed: Lists, tmp_path: Path) -> None:
    reached, free = _hang(served, "/3.jpg")
    running = _start(listed(*((served.url(f"/{n}.jpg"), "mug") for n in range(10))), tmp_path / "out")
    assert reached.wait(20)
    running.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, problems = running.communicate(timeout=15)
    assert time.monotonic() - began < 8, "the server that hangs is not waited for"
    assert running.returncode == 130
    assert b"interrupted; run the same command to go on" in problems
    assert b"Traceback" not in problems
    free.set()

"""Pages that load their photos late: the photo is found where they keep it, and no placeholder becomes one."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
import shop
from PIL import Image
from shop import Shop, Visitor

from goodsight.collecting import addresses, crawl, lazy, pages
from goodsight.collecting.crawl import Source
from goodsight.collecting.terms import Collected, Manners
from goodsight.progress import quiet


def _links(html: str, selector: str = ".p") -> list[str]:
    found = pages.links("http://shop.test/", f"<body>{html}</body>", selector)[0]
    return [link.removeprefix("http://shop.test/") for link in found]


@pytest.mark.parametrize(
    "attributes",
    [
        "src=/blank.gif data-src=real.jpg",
        "src=/x.png data-original=real.jpg",
        "src=/x.png data-lazy=real.jpg",
        "src=/x.png data-lazy-src=real.jpg data-lazy-type=image data-lazy-width=300",
        "src=/x.png data-original-src=real.jpg",
        "src=/x.png data-actualsrc=real.jpg",
        "src=/x.png data-lazyload=real.jpg",
        "src=/x.png data-echo=real.jpg",
        "src=/x.png data-zoom-image=real.jpg data-url=/product/3",
        "src=/x.png data-lazy=true data-src=real.jpg",
        "src=/x.png data-lazy-srcset='small.jpg 100w, real.jpg 900w'",
        "src=/x.png data-srcset='small.jpg 1x, real.jpg 2x'",
        "src=/x.png srcset='small.jpg 300w 200h, real.jpg 600w 400h'",
        "src='data:image/gif;base64,R0' srcset='data:image/gif;base64,R0lG== 9w, real.jpg 3w'",
        "srcset='/blank.gif 9w' data-original=real.jpg",
        "src=real.jpg data-src='//cdn.test/{width}.jpg'",
        "src=real.jpg data-src=''",
        "src=real.jpg data-image='[1, 2]' data-original=false",
    ],
)
def test_where_a_photo_is_kept(attributes: str) -> None:
    assert _links(f"<img class=p {attributes}>") == ["real.jpg"]


@pytest.mark.parametrize(
    "html",
    [
        "<picture class=p><source srcset='real.jpg 2x'><img src=/blank.png></picture>",
        "<picture><source srcset='real.jpg 2x'><img class=p src=/blank.png></picture>",
        "<picture class=p><source data-srcset='small.jpg 1x, real.jpg 2x'><img src=/x.png></picture>",
        "<picture class=p><source media='(max-width: 9px)' srcset='m.jpg 9w'><source srcset='real.jpg 8w'></picture>",
        "<picture class=p><source type=image/jxl srcset='a.jxl 9x'><source srcset=real.jpg><img src=b.jpg></picture>",
        "<picture class=p><img src=real.jpg></picture>",
        "<figure class=p><img src=/blank.gif><noscript><img src=real.jpg></noscript></figure>",
        "<img class=p src=/x.gif> <!-- lazy --> <noscript><img src=real.jpg></noscript>",
        "<noscript><img src=real.jpg></noscript><img class=p src=/x.gif>",
        "<noscript class=p><img src=real.jpg></noscript>",
        "<img class=p src=/x.gif><noscript><img class=p src=real.jpg></noscript>",
        "<img class=p src=real.jpg><noscript><img src=http://count.test/me width=1 height=1></noscript>",
        "<div class=p><a href=/product><img src=/x.gif data-src=real.jpg></a></div>",
        "<div class=p data-bg=/real.jpg></div>",
        "<a class=p href=real.jpg><img src=thumbnail.jpg></a>",
    ],
)
def test_elements_around_a_photo(html: str) -> None:
    assert _links(html) == ["real.jpg"]


def test_all_photos_inside_an_element_that_names_none() -> None:
    html = """<div class=p><img src=1.jpg><picture><source srcset=2.webp><img src=2.jpg></picture>
    <img src=x.gif><noscript><img src=3.jpg></noscript></div>"""
    assert _links(html) == ["1.jpg", "2.webp", "3.jpg"]


@pytest.mark.parametrize(
    ("name", "empty"),
    [
        ("blank.gif", True),
        ("Spinner-64x64.svg?v=2", True),
        ("placeholder_large.png", True),
        ("imgPlaceholder.png", True),
        ("no-image-300x300.png", True),
        ("coming_soon.jpg", True),
        ("image-not-available.png", True),
        ("pixel.gif", True),
        ("1x1.png", True),
        ("blank-canvas.jpg", False),
        ("pixel-8-pro.jpg", False),
        ("grey.jpg", False),
        ("image-1.jpg", False),
        ("photo.jpg", False),
        ("1.jpg", False),
        ("", False),
        ("p/blank/3.jpg", False),
    ],
)
def test_names_of_placeholders(name: str, empty: bool) -> None:
    assert lazy.is_placeholder(f"http://shop.test/{name}") is empty


# ---- the whole way


@pytest.fixture
def served() -> Iterator[Shop]:
    with shop.opened() as running:
        for n in range(10):
            running.pages[f"/{n}.jpg"] = shop.gives(shop.jpeg(n, size=90))
        yield running


Collect = Callable[[str], Collected]


@pytest.fixture
def collect(tmp_path: Path) -> Collect:
    def run(url: str) -> Collected:
        manners = Manners(rate=1000, allow_private=True)
        source = Source(page=url, select=".p", label="bag")
        return crawl.run(source, tmp_path / "out", manners, quiet, wait=lambda seconds: None)

    return run


def _kept(out: Path) -> set[str]:
    with (out / "metadata.csv").open(newline="") as stream:
        return {row["url"].rpartition("/")[2] for row in csv.DictReader(stream)}


def _bytes(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def test_no_placeholder_is_kept(served: Shop, collect: Collect, tmp_path: Path) -> None:
    small = Image.effect_noise((40, 40), 90)
    frames = [Image.effect_noise((30, 30), 90) for _ in range(2)]
    served.pages |= {
        "/a.png": shop.gives(_bytes(Image.new("RGB", (300, 300), "grey"))),
        "/b.png": shop.gives(_bytes(Image.new("RGBA", (300, 200), (9, 9, 9, 0)))),
        "/c.png": shop.gives(_bytes(Image.effect_noise((12, 12), 90))),
        "/d.png": shop.gives(_bytes(Image.effect_noise((600, 1), 90))),
        "/e.gif": shop.gives(_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=0)),
        "/f.png": shop.gives(_bytes(small)),
        "/f.png?2": shop.gives(_bytes(small)),
        "/blank.gif": shop.gives(shop.jpeg(1)),
        "/tiny.png": shop.gives(_bytes(Image.effect_noise((40, 40), 90))),
    }
    names = ["a.png", "b.png", "c.png", "d.png", "e.gif", "f.png", "f.png", "f.png?2", "blank.gif", "tiny.png", "1.jpg"]
    served.pages["/page"] = shop.shows("".join(f"<img class=p src={name}>" for name in names))
    done = collect(served.url("/page"))
    assert _kept(tmp_path / "out") == {"tiny.png", "1.jpg"}
    reasons = {url.rpartition("/")[2]: why for url, why in done.left_out}
    assert set(reasons) == {*names} - {"tiny.png", "1.jpg"}
    assert reasons["a.png"] == "a placeholder and no photo: 300 x 300 pixels of one colour"
    assert reasons["f.png?2"] == "a placeholder and no photo: 3 elements name this small picture"
    assert served.asked["/blank.gif"] == 0
    again = collect(served.url("/page"))
    assert (again.photos, again.there) == (0, 2)


def test_the_page_is_the_referer_of_its_photos(served: Shop, collect: Collect, tmp_path: Path) -> None:
    def guarded(visitor: Visitor) -> None:
        seen.append((visitor.path, visitor.headers.get("Referer")))
        fits = (visitor.headers.get("Referer") or "").endswith("/list?n=1")
        shop.gives(shop.jpeg(3, size=90), 200 if fits else 403)(visitor)

    seen: list[tuple[str, str | None]] = []
    served.pages["/old"] = shop.leads_to("/list?n=1")
    served.pages["/list?n=1"] = shop.shows("<img class=p src=/p.jpg><img class=p src=/way.jpg>")
    served.pages["/p.jpg"] = served.pages["/q.jpg"] = guarded
    served.pages["/way.jpg"] = shop.leads_to("/q.jpg")
    assert collect(served.url("/old")).left_out == []
    assert seen == [(path, served.url("/list?n=1")) for path in ("/p.jpg", "/q.jpg")]
    assert _kept(tmp_path / "out") == {"p.jpg"}, "both are the same photo"


def test_a_photo_of_a_list_has_no_referer(served: Shop, tmp_path: Path) -> None:
    urls = tmp_path / "urls.csv"
    urls.write_text(f"url,page\n{served.url('/1.jpg')},http://other.test/\n")
    crawl.run(Source(urls), tmp_path / "out", Manners(rate=1000, allow_private=True), quiet)
    assert all("Referer" not in headers for headers in served.headers)


@pytest.mark.parametrize(
    ("page", "photo", "said"),
    [
        ("http://a.test/list?n=1#top", "http://a.test/1.jpg", "http://a.test/list?n=1"),
        ("https://a.test/list", "https://a.test:443/1.jpg", "https://a.test/list"),
        ("https://a.test/list", "https://cdn.test/1.jpg", "https://a.test/"),
        ("http://a.test/list?n=1", "https://a.test/1.jpg", "http://a.test/"),
        ("http://a.test:8000/list", "http://a.test/1.jpg", "http://a.test:8000/"),
        ("https://a.test/list", "http://a.test/1.jpg", ""),
        ("https://a.test/list", "http://cdn.test/1.jpg", ""),
        ("http://me:secret@a.test/list", "http://a.test/1.jpg", ""),
    ],
)
def test_no_more_is_said_of_the_page_than_a_browser_says(page: str, photo: str, said: str) -> None:
    assert addresses.referer(page, httpx2.URL(photo)) == said

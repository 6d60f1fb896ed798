"""Feeds, days, what a text mentions, and the tables of sightings, on predictions that are made up."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from here import here
from PIL import Image

import goodsight
from goodsight.catalog import posts
from goodsight.catalog.posts import Post
from goodsight.catalog.rows import LABEL, Row
from goodsight.errors import CatalogError, ModelError
from goodsight.model.record import LoadedModel
from goodsight.model.verdicts import Answer, Prediction, Trust
from goodsight.photos.limits import DEFAULT_LIMITS
from goodsight.photos.resize import Resize
from goodsight.report import sightings
from goodsight.report.sightings import Sighting


def _feed(folder: Path, *lines: object) -> Path:
    feed = folder / "feed.jsonl"
    feed.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return feed


def _post(text: str = "", *, name: str = "p", file_name: str = "a.jpg", day: str = "") -> Post:
    return Post(name, Row(file_name, Path(file_name)), text, day)


def _prediction(
    label: str, verdict: Trust = "sure", place: tuple[float, float, float, float] | None = None
) -> Prediction:
    answer = Answer(LABEL, label, 0.9, verdict, "", np.empty(0), np.empty(0))
    return Prediction(Row("a.jpg", Path("a.jpg")), (answer,), 0.001, place=place)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _written(path: Path, found: Sequence[Post]) -> list[dict[str, str]]:
    sightings.write(path, (Sighting(post, "nike", 0.9, "sure", None, mentioned=False) for post in found))
    return _rows(path)


# ---- feeds


def test_a_feed_has_ids_texts_and_days(tmp_path: Path) -> None:
    first = {"id": 1842, "image": "photos/1.jpg", "text": "New shoes!", "time": "2026-01-31T18:02:00Z"}
    read = posts.read(_feed(tmp_path, "\ufeff" + json.dumps(first), "", {"image": "2.jpg", "time": "soon"}))
    assert read.posts == [
        Post("1842", Row("photos/1.jpg", tmp_path / "photos/1.jpg"), "New shoes!", "2026-01-31"),
        Post("2.jpg", Row("2.jpg", tmp_path / "2.jpg")),
    ]
    ((name, reason),) = read.timeless
    assert (name, reason[:22]) == ("2.jpg", "line 3: the time 'soon")
    assert not read.bad


def test_a_folder_is_a_feed(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    assert posts.read(tmp_path).posts == [Post("a.png", Row("a.png", tmp_path / "a.png"))]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[]", "line 2 is not a JSON object"),
        ("{", "line 2 is not JSON"),
        ('{"text": "hi"}', "line 2 has no image"),
        (f'{{"image": "a.jpg", "id": {"9" * 5000}}}', "line 2 has a number of too many digits"),
        (f'{{"image": {"[" * 200_000}', "line 2 has too many brackets"),
        (f'{{"image": "a.jpg", "text": "{"x" * 2**20}"}}', "line 2 is over 1 MiB"),
    ],
    ids=["list", "cut", "no image", "digits", "brackets", "long"],
)
def test_a_line_that_is_no_post_is_named(line: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=rf"feed\.jsonl: {message}"):
        posts.read(_feed(tmp_path, {"image": "a.jpg"}, line))


def test_a_line_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    feed = _feed(tmp_path, {"image": "a.jpg"})
    feed.write_bytes(feed.read_bytes() + b'\n{"image": "caf\xe9.jpg"}')
    with pytest.raises(CatalogError, match=r"feed\.jsonl: line 2 is not UTF-8 text"):
        posts.read(feed)


@pytest.mark.parametrize("lines", [[], ["", " "]])
def test_an_empty_feed_is_an_error(lines: list[object], tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no posts"):
        posts.read(_feed(tmp_path, *lines))
    with pytest.raises(CatalogError, match="there is no such feed"):
        posts.read(tmp_path / "other.jsonl")


def test_photos_outside_the_feeds_folder_are_not_opened(tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "secret.png")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    away = ["../secret.png", str(tmp_path / "secret.png"), str(folder / "own.png"), "link.png", "..\\secret.png"]
    read = posts.read(_feed(folder, *({"image": image} for image in away), {"image": "own.png"}))
    assert [post.name for post in read.posts] == ["own.png"]
    assert [name for name, _ in read.bad] == away
    assert read.bad[1][1] == "line 2: the image is outside the feed's folder; put it there"


def test_paths_of_windows_are_repaired_and_impossible_ones_kept(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "b" / "1.png")
    (tmp_path / "c\\2.png").touch()
    given = ["b\\1.png", "c\\2.png", "no\0ne.png", "x" * 5000]
    read = posts.read(_feed(tmp_path, *({"image": image} for image in given)))
    assert [post.row.file_name for post in read.posts] == ["b/1.png", *given[1:]]
    assert here(read.posts[0].row).is_file()


@pytest.mark.parametrize(
    ("time", "day"),
    [
        ("2026-01-31T23:30:00-05:00", "2026-02-01"),
        ("2026-01-31T23:30:00", "2026-01-31"),
        ("20260131", "2026-01-31"),
        (1769882520, "2026-01-31"),
        (1769882520.25, "2026-01-31"),
        (1769882520000, "2026-01-31"),
        (None, ""),
        ("", ""),
    ],
)
def test_days(time: object, day: str, tmp_path: Path) -> None:
    read = posts.read(_feed(tmp_path, {"image": "a.jpg", "time": time}))
    assert ([post.day for post in read.posts], list(read.timeless)) == ([day], [])


@pytest.mark.parametrize("time", ["20261399", "9" * 300, 1e300, -1, True, "0001-01-01T00:00+14:00"])
def test_a_time_that_cannot_be_read_leaves_the_post_without_a_day(time: object, tmp_path: Path) -> None:
    read = posts.read(_feed(tmp_path, {"image": "a.jpg", "time": time}))
    assert ([post.day for post in read.posts], len(read.timeless)) == ([""], 1)
    assert len(read.timeless[0][1]) < 150


# ---- sightings


@pytest.mark.parametrize(
    ("text", "brand", "named"),
    [
        ("my NIKE, at last", "nike", True),
        ("nikes", "nike", False),
        ("#nike_air", "nike", True),
        ("\uff2e\uff29\uff2b\uff25!", "nike", True),
        ("STRASSE", "Straße", True),
        ("New Balance", "new_balance", True),
        ("new-balance", "New Balance", True),
        ("new_balance", "new-balance", True),
        ("so #newbalance today", "new_balance", True),
        ("renew balance", "new_balance", False),
        ("c and a", "c&a", False),
        ("C&A", "c&a", True),
        ("- -", "-", False),
    ],
)
def test_what_a_text_mentions(text: str, brand: str, named: bool) -> None:
    assert sightings.mentions(text, brand) is named


def test_a_sighting_says_where_in_pixels(tmp_path: Path) -> None:
    Image.new("RGB", (200, 100)).save(tmp_path / "a.png")
    post = Post("p", Row("a.png", tmp_path / "a.png"), "Nike")
    found = sightings.sighting(
        post, _prediction("nike", place=(0.5, 0.25, 1.0, 0.75)), "none", Resize(224), DEFAULT_LIMITS
    )
    assert found == Sighting(post, "nike", 0.9, "sure", (100, 0, 200, 100), mentioned=True)
    gone = _post("Nike")
    found = sightings.sighting(
        gone, _prediction("nike", place=(0.5, 0.25, 1.0, 0.75)), "none", Resize(224), DEFAULT_LIMITS
    )
    assert found is not None
    assert found.box is None


def test_no_sighting_without_a_brand_or_a_photo() -> None:
    bad = Prediction(Row("a.jpg", Path("a.jpg")), (), float("nan"), "empty")
    for prediction in (_prediction("none"), bad):
        assert sightings.sighting(_post(), prediction, "none", Resize(224), DEFAULT_LIMITS) is None


def test_a_model_that_always_answers_is_refused(loaded: LoadedModel, sound: dict[str, list[Path]]) -> None:
    with pytest.raises(ModelError, match=r"no answer for photos without a brand; train it with `network` brands"):
        goodsight.sightings(loaded, sound["bag"][0])


# ---- tables


def test_what_strangers_wrote_stays_in_its_cell(tmp_path: Path) -> None:
    texts = ["one\rtwo\nthree", 'a "quote", and a comma', "\ud83d", "x" * 20_000]
    rows = _written(tmp_path / "out.csv", [_post(text, name=f"{i}\r") for i, text in enumerate(texts)])
    assert [row["text"] for row in rows] == [*texts[:2], "\\ud83d", "x" * posts.MOST_TEXT]
    assert [row["post"] for row in rows] == ["0\r", "1\r", "2\r", "3\r"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "\t=", "\r\n@", "\uff1d", "\u200b=", "\ufeff-", "\u00a0+"])
def test_no_cell_is_a_formula(start: str, tmp_path: Path) -> None:
    said = f"{start}HYPERLINK(1)"
    (row,) = _written(tmp_path / "out.csv", [_post(said, name=said, file_name=said)])
    assert row["post"] == row["file_name"] == row["text"] == f"'{said}"


def test_plain_cells_are_as_given(tmp_path: Path) -> None:
    (row,) = _written(tmp_path / "out.csv", [_post("  1+1=2 \u200b", name=" 18", file_name="b/\u00e9 = 1.jpg")])
    assert (row["post"], row["file_name"], row["text"]) == (" 18", "b/\u00e9 = 1.jpg", "  1+1=2 \u200b")


def test_the_summary_counts_by_day_and_brand_while_it_is_written(tmp_path: Path) -> None:
    one, two = _post("nike", day="2026-01-01"), _post(day="2026-01-02")
    found = [
        Sighting(two, "puma", 0.9, "sure", (1, 2, 3, 4), mentioned=False),
        Sighting(two, "nike", 0.9, "sure", None, mentioned=False),
        Sighting(one, "nike", 0.9, "unsure", None, mentioned=True),
        Sighting(two, "puma", 0.5, "unsure", None, mentioned=False),
    ]
    rows = sightings.write(tmp_path / "out.csv", iter(found))
    assert rows == [("2026-01-01", "nike", 1, 0, 1), ("2026-01-02", "puma", 2, 1, 0), ("2026-01-02", "nike", 1, 1, 0)]
    assert [row["box"] for row in _rows(tmp_path / "out.csv")] == ["1 2 3 4", "", "", ""]
    sightings.write_summary(tmp_path / "days.csv", rows)
    assert _rows(tmp_path / "days.csv")[1] == dict(
        zip(sightings.SUMMARY, ("2026-01-02", "puma", "2", "1", "0"), strict=True)
    )

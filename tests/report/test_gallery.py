"""A page stays small: so many photos of a place, the surest mistakes first, and pictures of so many bytes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from goodsight.catalog.rows import Row
from goodsight.measuring.result import Answers
from goodsight.photos.limits import DEFAULT_LIMITS
from goodsight.report import behind, gallery
from goodsight.report.gallery import Gallery, Pictures


def _answers(photo: Path, n: int = 40) -> Answers:
    """Of two classes: every second photo is a mistake, each a little surer than the one before."""
    rows = [Row(f"{i}.png", photo) for i in range(n)]
    labels = np.zeros(n, np.int64)
    sure = np.linspace(0.5, 0.9, n)
    return Answers(rows, labels, np.arange(n) % 2, sure, np.arange(n), np.zeros(n, bool))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.new("RGB", (30, 20), "red").save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_the_surest_mistakes_and_both_ends_of_the_right_ones_are_shown(photo: Path) -> None:
    found = gallery.cells(_answers(photo))
    assert found[0, 1] == list(range(39, 15, -2))
    assert found[0, 0] == [38, 36, 34, 4, 2, 0]
    assert [len(photos) for photos in gallery.cells(_answers(photo), 2).values()] == [2, 2]


def test_many_places_have_fewer_photos_each(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gallery.most_per_cell([_answers(photo)]) == gallery.PER_CELL
    monkeypatch.setattr(gallery, "MOST", 10)
    assert gallery.most_per_cell([_answers(photo)]) == 4  # and as many right ones
    assert gallery.edge_for(100) > gallery.edge_for(5000)


def test_sets_say_how_many_there_are_and_mistakes_come_first(photo: Path) -> None:
    found = Gallery(Pictures(DEFAULT_LIMITS, 32))
    behind.collect(found, 0, _answers(photo), ("bag", "mug"), 12)
    assert found.sets["0:0:1"]["of"] == 20
    assert len(found.sets["0:0:1"]["p"]) == 12
    labelled = found.sets["0:labelled:0"]
    assert labelled["of"] == 40
    assert [found.photos[i]["a"][0][1] for i in labelled["p"]] == ["mug"] * 12 + ["bag"] * 6
    assert "0:labelled:1" not in found.sets
    assert len(found.pictures.to_json()) == 1  # one photo, whatever it is called


def test_a_full_page_takes_no_more_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    for number in range(3):
        Image.new("RGB", (30, 20), (90 * number, 0, 0)).save(tmp_path / f"{number}.png")
        rows.append(Row(f"{number}.png", tmp_path / f"{number}.png"))
    pictures = Pictures(DEFAULT_LIMITS, 32)
    assert pictures.of(rows[0]) == 0
    monkeypatch.setattr(gallery, "BYTES", len(pictures.thumbnails(rows[0])[0]) + 10)
    assert pictures.of(rows[1]) is None
    assert pictures.of(rows[0]) == 0

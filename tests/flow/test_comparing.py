"""A model with planted wrong labels against a right one: who gains, who turned, and the page that shows it."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import drawn
import numpy as np
import pytest

import goodsight
from goodsight import Wishes
from goodsight.errors import CatalogError, FolderExistsError
from goodsight.flow.training import Training

Sound = dict[str, list[Path]]
Lay = Callable[[Path, Mapping[str, Sequence[Path]]], Path]


@pytest.fixture(scope="module")
def wrong(sound: Sound, lay: Lay, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that learned most bags as mugs and most mugs as bags."""
    root = tmp_path_factory.mktemp("wrong")
    swapped = {"bag": sound["mug"][:9] + sound["bag"][:2], "mug": sound["bag"][9:18] + sound["mug"][9:11]}
    others = {kind: sound[kind][:10] for kind in ("lamp", "shoe")}
    return goodsight.train(lay(root / "in", swapped | others), root / "out", wishes=Wishes(budget=0, spoilt=0)).folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """New photos of two kinds."""
    root = tmp_path_factory.mktemp("new")
    rng = np.random.default_rng(31)
    for kind in ("bag", "lamp"):
        (root / kind).mkdir()
        for number in range(6):
            drawn.draw(kind, rng).save(root / kind / f"{number}.jpg", quality=90)
    return root


def test_the_class_with_the_fault_gains_and_its_photos_turned(
    wrong: Path, trained: Training, photos: Path, tmp_path: Path
) -> None:
    done = goodsight.compare(wrong, trained.folder, photos, out=tmp_path / "out")
    (paired,) = done.each
    gains = {one.name: one for one in paired.by_class()}
    assert done.comparison.gain.value > 0
    assert gains["bag"].gain.value > gains["lamp"].gain.value
    won = {paired.rows[i].file_name for i in np.flatnonzero(paired.won).tolist()}
    assert any(name.startswith("bag/") for name in won)
    numbers = json.loads((tmp_path / "out" / "metrics.json").read_text(encoding="utf-8"))
    assert set(numbers["attributes"]["label"]["won"]) == won
    assert numbers["candidate_accuracy"] == round(done.comparison.candidate_accuracy, 5)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    data = json.loads(re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0])
    assert {data["photos"][i]["n"] for i in data["sets"]["0:won:"]["p"]} == won
    assert [who for who, *_ in data["photos"][0]["a"]] == ["before", "now"]
    assert f"goodsight promote {trained.folder} --over {wrong}" in page
    with pytest.raises(FolderExistsError):
        goodsight.compare(wrong, trained.folder, photos, out=tmp_path / "out")


def test_a_model_and_itself_differ_in_nothing(trained: Training, photos: Path) -> None:
    done = goodsight.compare(trained.folder, trained.folder, photos)
    assert done.folder is None
    assert done.comparison.gain.value == 0
    assert not done.each[0].won.any()
    assert not done.each[0].lost.any()
    assert {record["gain"] for record in done.records()} == {0}


def test_photos_that_were_trained_on_are_no_comparison(wrong: Path, trained: Training, drawn_photos: Path) -> None:
    with pytest.raises(CatalogError, match="no photo is left to compare on"):
        goodsight.compare(wrong, trained.folder, drawn_photos)


def test_promote_writes_the_page_as_well(wrong: Path, trained: Training, photos: Path, tmp_path: Path) -> None:
    done = goodsight.promote(wrong, trained.folder, test=photos, report=tmp_path / "why")
    assert not done.promoted
    assert "The new model is worse" in (tmp_path / "why" / "report.html").read_text(encoding="utf-8")

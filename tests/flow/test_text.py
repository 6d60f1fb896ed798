"""Brands that words tell: photos on which the logo is missing, and only the name is there."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import branded
import numpy as np
import pytest
from branded import SIDE
from here import here
from PIL import Image, ImageDraw

import goodsight
from goodsight import Recipe, Wishes
from goodsight.arrays import Pixels
from goodsight.errors import EngineError
from goodsight.flow.training import Training
from goodsight.photos import words
from goodsight.training import brands
from goodsight.training.loop import Plan

SIGNS = {"cross": (0, 255, 0), "stripes": (0, 0, 255), "none": (255, 255, 255)}
"""The colour of the corner of a photo that stands for a written name."""


def _photo(brand: str, seed: int) -> Image.Image:
    """A photo without a logo, on which a brand's name stands in the middle of the lower half."""
    photo, _ = branded.draw("none", seed)
    ImageDraw.Draw(photo).rectangle((0, 0, 15, 15), fill=SIGNS[brand])
    return photo


def _engine(pixels: Pixels) -> Any:
    """Reads the corner instead of letters: quick, and alike on every machine. It is given blue first."""
    seen = pixels[30, 30, ::-1].astype(int)
    for brand, colour in SIGNS.items():
        if brand != "none" and np.abs(seen - colour).max() < 40:
            corners = np.array([[240, 480], [720, 480], [720, 720], [240, 720]])
            return SimpleNamespace(txts=(f"the {brand.upper()}!",), scores=(0.95,), boxes=[corners])
    return SimpleNamespace(txts=None, scores=None, boxes=None)


@pytest.fixture(scope="module", autouse=True)
def signs() -> Iterator[None]:
    """A reader that needs nothing to be installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "reader", lambda: "signs-1")
        patch.setattr(words, "_engine", lambda: _engine)
        patch.setattr("goodsight.model.folder.version", lambda name: "1")
        yield


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = branded.fill(tmp_path_factory.mktemp("shop") / "photos", {"cross": 8, "stripes": 8, "none": 26}, 0)
    with (root / "shop" / "metadata.csv").open("a", newline="") as stream:
        for brand in branded.BRANDS:
            for seed in range(100, 112):
                _photo(brand, seed).save(root / "shop" / f"{brand}-{seed}.png")
                stream.write(f"{brand}-{seed}.png,{brand},\n")
    return root


@pytest.fixture(scope="module")
def trained(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    out = tmp_path_factory.mktemp("models") / "text"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(brands, "MEMBERS", 2)
        patch.setattr(brands, "CROPS", 200)
        patch.setattr(brands, "PLAN", Plan(epochs=1, batch=16, rate=1e-3, last_rate=10.0, smoothing=0.05, average=0.05))
        recipe = Recipe("brands", size=SIDE, epochs=1, device="cpu", text=True)
        wishes = Wishes(spoilt=1, precision=0.9)
        return goodsight.train(shop / "shop", out, recipe=recipe, none=shop / "everyday", wishes=wishes)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new")
    for brand in (*branded.BRANDS, "none"):
        _photo(brand, 900).save(folder / f"{brand}.png")
    return folder


def test_words_that_gain_are_in_the_model(trained: Training) -> None:
    said = json.loads((trained.folder / "model.json").read_text(encoding="utf-8"))
    assert said["backbone"]["naming"]["names"] == ["cross", "", "stripes"]
    assert said["backbone"]["naming"]["weight"] > 0
    assert said["versions"]["rapidocr"] == "1"


def test_a_name_is_the_answer_where_there_is_no_logo(trained: Training, new: Path) -> None:
    found = {here(p.row).stem: p for p in goodsight.classify(trained.folder, new)}
    assert {name: p.label for name, p in found.items()} == {"cross": "cross", "none": "none", "stripes": "stripes"}
    assert found["none"].place is None
    again = {here(p.row).stem: p for p in goodsight.classify(trained.folder, new)}  # from the cache
    assert [again[name].probability for name in found] == [p.probability for p in found.values()]


def test_a_check_answers_alike(trained: Training, new: Path) -> None:
    assert goodsight.check(trained.folder, new / "cross.png", "cross").label == "cross"
    assert goodsight.check(trained.folder, new / "stripes.png", "cross").label == "stripes"


def test_the_service_answers_alike(trained: Training, new: Path, tmp_path: Path) -> None:
    pytest.importorskip("fastapi", reason="the service needs the extra `serve`")
    from fastapi.testclient import TestClient

    from goodsight.serve.app import create_app
    from goodsight.serve.service import Settings

    app = create_app(Settings({"brands": trained.folder}, tmp_path / "service"))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        for found in goodsight.classify(trained.folder, new):
            files = {"image": here(found.row).read_bytes()}
            said = client.post("/v1/check", files=files, data={"ad_category": "cross", "explain": "true"}).json()
            assert said["class"] == found.label
            assert (said["box"] is None) == (found.place is None)
            if found.label == "cross":
                assert said["probability"] == pytest.approx(found.probability, abs=0.02)


def test_the_report_says_what_words_gain(trained: Training) -> None:
    text = (trained.folder / "report.html").read_text(encoding="utf-8")
    assert "words in photos" in text


def test_a_model_that_reads_words_says_what_to_install(trained: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise EngineError("reading text in photos needs rapidocr: install it")

    monkeypatch.setattr(words, "reader", missing)
    with pytest.raises(EngineError, match="needs rapidocr"):
        goodsight.load(trained.folder)


def test_text_is_wanted_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise EngineError("reading text in photos needs rapidocr: install it")

    monkeypatch.setattr(words, "reader", missing)
    with pytest.raises(EngineError, match="needs rapidocr"):
        goodsight.train(tmp_path / "nowhere", tmp_path / "out", recipe=Recipe("brands", text=True))


def test_words_are_for_brands_only() -> None:
    with pytest.raises(EngineError, match="`text`: only for `network` brands; leave it out with `network` lite0"):
        Recipe(text=True)

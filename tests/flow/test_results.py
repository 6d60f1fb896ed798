"""Results are short where somebody types, and tables in which nothing is markup where somebody reads a notebook."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import goodsight
from goodsight.display import MOST
from goodsight.flow.ready import Ready
from goodsight.flow.training import Training
from goodsight.model.record import LoadedModel
from goodsight.photos.given import Photo

LONGEST = 600
"""Characters of what is printed for a result: a few lines."""


@pytest.fixture(scope="module")
def model(loaded: LoadedModel) -> Ready:
    return goodsight.load(loaded)


def _images(html: str) -> list[str]:
    return re.findall(r'<img alt="" src="(data:image/jpeg;base64,[A-Za-z0-9+/=]+)">', html)


def test_what_training_made_is_printed_in_a_few_lines(trained: Training) -> None:
    accuracy = trained.measured.results[0].scores.accuracy.value
    for made in (trained, trained.measured, trained.measured.results[0]):
        assert len(repr(made)) < LONGEST
        assert f"accuracy {accuracy:.4f} [" in repr(made)
    assert str(trained.folder) in repr(trained)
    assert f"{accuracy:.4g}" in trained._repr_html_()
    (first,) = trained.records()
    assert (first["photos"], first["accuracy"]) == ("out-of-fold", accuracy)


def test_an_evaluation_an_audit_and_a_forecast_are_short(
    model: Ready, drawn_photos: Path, tmp_path: Path, sound: dict[str, list[Path]]
) -> None:
    found = goodsight.evaluate(model, drawn_photos)
    assert len(repr(found)) < LONGEST
    assert "accuracy" in repr(found)
    audit = goodsight.audit(drawn_photos)
    assert len(repr(audit)) < LONGEST
    assert "mislabelled: " in repr(audit)
    assert [each["rank"] for each in audit.records()[:2]] == [1, 2]
    assert audit._repr_html_().count("<tr>") == MOST + 1
    for kind in ("bag", "mug"):
        with Image.open(sound[kind][0]) as photo:
            photo.rotate(180).crop((20, 20, 200, 180)).save(tmp_path / f"{kind}.png")
    forecast = goodsight.forecast(model, tmp_path)
    assert len(repr(forecast)) < LONGEST
    assert "label: expect accuracy" in repr(forecast)
    assert "<td" in forecast._repr_html_()


def test_a_model_its_answers_and_what_holds_them_are_short(model: Ready, sound: dict[str, list[Path]]) -> None:
    found, check = model.classify(sound["mug"][0]), model.check(sound["mug"][0], "bag")
    assert repr(found).startswith(f"Prediction({str(sound['mug'][0])!r}: mug {found.probability:.3f}, ")
    assert repr(check).startswith(f"Check({check.verdict}")
    assert "declared bag" in repr(check)
    assert repr(model) == f"Ready({str(model.folder)!r}, label: bag, lamp, mug, shoe; network lite0)"
    for each in (found, found.answers[0], check, model.model, model.model.judges[0], [found] * 2):
        assert len(repr(each)) < LONGEST
    for shown in (found, check):
        assert "<td" in shown._repr_html_()
    assert repr(model.classify(b"")) == "Prediction('photo 1': empty: the file has 0 bytes)"
    assert model.classify(b"").records() == [{"file_name": "photo 1", "problem": "empty: the file has 0 bytes"}]


def test_many_classes_are_not_all_printed(model: Ready) -> None:
    (judge,) = model.model.judges
    many = replace(judge, classes=tuple(f"class {number}" for number in range(1000)))
    assert repr(many).endswith("class 4, class 5 and 994 more)")


def test_predictions_are_a_table_with_small_pictures(
    model: Ready, sound: dict[str, list[Path]], truncated: list[Path]
) -> None:
    photos: list[Photo] = [sound["bag"][0], truncated[0], np.asarray(Image.open(sound["mug"][0]).convert("RGB"))]
    found = model.classify(photos)
    assert repr(found).startswith("Predictions(3 photos: ")
    assert repr(found).endswith(", 1 bad)")
    html = found._repr_html_()
    assert len(_images(html)) == 2
    assert html.count("<tr>") == 4
    assert "truncated" in html
    assert [record["label"] for record in found.records()] == ["bag", "", "mug"]


def test_only_the_first_photos_have_a_row_and_a_picture(model: Ready, sound: dict[str, list[Path]]) -> None:
    found = model.classify([sound["bag"][0]] * (MOST + 7))
    html = found._repr_html_()
    assert (len(_images(html)), html.count("<tr>")) == (MOST, MOST + 1)
    assert "and 7 more rows" in html


def test_checks_are_a_table_with_a_picture_for_each_photo(model: Ready, sound: dict[str, list[Path]]) -> None:
    found = model.check([sound["bag"][0], b"x"], ["bag", "mug"])
    assert len(_images(found._repr_html_())) == 1
    assert [(record["file_name"], record["declared"]) for record in found.records()] == [
        (str(sound["bag"][0]), "bag"),
        ("photo 2", "mug"),
    ]
    assert len(repr(found)) < LONGEST
    named = model.check([sound["bag"][0]], {"label": "bag"})
    assert named.records()[0]["attribute"] == "label"
    assert len(_images(named._repr_html_())) == 1


def test_a_file_name_is_text_in_a_table_and_not_markup(
    model: Ready, sound: dict[str, list[Path]], tmp_path: Path
) -> None:
    name = '<img src=x onerror="alert(1)">&.jpg'
    shutil.copyfile(sound["bag"][0], tmp_path / name)
    (tmp_path / "empty <b>.jpg").write_bytes(b"")
    found = model.classify([tmp_path / name, tmp_path / "empty <b>.jpg"])
    check = model.check([tmp_path / name], "bag")
    for html in (found._repr_html_(), check._repr_html_(), found[0]._repr_html_(), found[1]._repr_html_()):
        assert "<img src=x" not in html
        assert "<b>" not in html
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;.jpg" in found._repr_html_()


def test_a_picture_of_an_address_is_not_fetched_again(model: Ready, sound: dict[str, list[Path]]) -> None:
    fsspec = pytest.importorskip("fsspec", reason="needs fsspec, which is in the extra `remote`")
    fsspec.filesystem("memory").pipe("/bag.jpg", sound["bag"][0].read_bytes())
    found = model.classify(["memory://bag.jpg"])
    assert found[0].label == "bag"
    assert _images(found._repr_html_()) == []

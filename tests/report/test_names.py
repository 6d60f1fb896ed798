"""Photos whose names are anything: each has its row in every file of answers, and its own annotated picture."""

import csv
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from goodsight.catalog.rows import LABEL, Row
from goodsight.files import read_records
from goodsight.model.record import Judge, LoadedModel
from goodsight.model.verdicts import Answer, Prediction
from goodsight.photos.limits import DEFAULT_LIMITS
from goodsight.report import predictions
from goodsight.report.annotated import Annotated

NAMES = (
    "sac \udce9t\udce9.jpg",
    "=cmd().jpg",
    "'=cmd().jpg",
    "-2+3.jpg",
    "back\\udce9.jpg",
    'new\nline, "x".jpg',
    "é" * 125 + ".jpg",
)
CLASSES = ("=bag", "mug \udcff")


def _predictions(*rows: Row) -> list[Prediction]:
    odds = np.array([0.9, 0.1])
    return [Prediction(row, (Answer(LABEL, CLASSES[0], 0.9, "sure", "", odds, odds),), 0.5) for row in rows]


def _judges() -> list[Judge]:
    return [Judge(LABEL, CLASSES, cast(Any, None), 1.0)]


def _written(path: Path) -> None:
    with predictions.table(path, _judges(), top=2) as sink:
        for prediction in _predictions(*(Row(name, Path(name)) for name in NAMES)):
            sink.write(prediction)


def test_a_table_of_answers(tmp_path: Path) -> None:
    _written(tmp_path / "results.csv")
    rows = [row for _, row in read_records(tmp_path / "results.csv", errors="strict")]
    assert [row["file_name"] for row in rows] == [*NAMES]
    assert {(row["label"], row["probability"], row["top2_label"]) for row in rows} == {("=bag", "0.9", "mug \udcff")}
    with (tmp_path / "results.csv").open(encoding="utf-8", newline="") as stream:
        assert not [text for row in csv.reader(stream) for text in row if text[:1] in tuple("=+-@")]


def test_lines_of_json(tmp_path: Path) -> None:
    _written(tmp_path / "results.jsonl")
    lines = (tmp_path / "results.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert [json.loads(line)["file_name"] for line in lines] == [*NAMES]
    assert json.loads(lines[0])["top2_label"] == "mug \udcff"


def test_a_submission(tmp_path: Path) -> None:
    with predictions.submission(tmp_path / "s.csv") as sink:
        for prediction in _predictions(*(Row(name, Path(name)) for name in NAMES)):
            sink.write(prediction)
    rows = [row for _, row in read_records(tmp_path / "s.csv", errors="strict")]
    assert rows == [{"image_id": name, "label": "=bag"} for name in NAMES]


@pytest.mark.parametrize(
    ("names", "pictures"),
    [
        (["a.png", "a.png.jpg", "a.png.jpg.jpg"], ["a.png.jpg", "a.png.jpg.jpg", "a.png.jpg.jpg.jpg"]),
        (["b.jpg", "../b.jpg", "/b.jpg", "b"], ["b-2.jpg", "b-3.jpg", "b-4.jpg", "b.jpg"]),
        (["c.JPEG", "20.12.2024.jpg", "d.webp"], ["20.12.2024.jpg", "c.JPEG", "d.webp.jpg"]),
        (["e.jpg", "E.jpg"], ["E-2.jpg", "e.jpg"]),
        (["f.png", "f.png.jpg/g.jpg"], ["f.png.jpg", "f.png.jpg_/g.jpg"]),
        (["f.png.jpg/g.jpg", "f.png"], ["f.png-2.jpg", "f.png.jpg/g.jpg"]),
        (["sac \udce9.jpg", "sac \udce9.png"], ["sac \udce9.jpg", "sac \udce9.png.jpg"]),
        (["x" * 255, "x" * 252 + "yz"], ["x" * 249 + "-2.jpg", "x" * 251 + ".jpg"]),
    ],
)
def test_each_photo_has_its_own_picture(names: list[str], pictures: list[str], tmp_path: Path) -> None:
    (photo := tmp_path / "photo.png").write_bytes(b"")
    Image.effect_noise((60, 40), 90).save(photo)
    out = tmp_path / "out"
    model = SimpleNamespace(limits=DEFAULT_LIMITS, backbone=SimpleNamespace(resize=None))
    sink = Annotated(out, cast(LoadedModel, SimpleNamespace(model=model)))
    for prediction in _predictions(*(Row(name, photo) for name in names)):
        sink.write(prediction)
    made = [path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file() and path.suffix]
    assert sorted(made, key=os.fsencode) == sorted(pictures, key=os.fsencode)

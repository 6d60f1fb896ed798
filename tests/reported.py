"""What tests of reports share: results that were made up, of photos that are one, under hostile names."""

from pathlib import Path
from typing import Any

import numpy as np

from goodsight.backbones.backbone import Backbone, Block
from goodsight.catalog.rows import LABEL, Attribute, Row
from goodsight.embedding.photoset import PhotoSet
from goodsight.embedding.table import Table
from goodsight.embedding.twins import Fingerprints
from goodsight.heads.head import Setting
from goodsight.heads.linear import Linear
from goodsight.heads.offtopic import OffTopic
from goodsight.heads.scaler import Scaler
from goodsight.measuring.measured import Part
from goodsight.measuring.result import Result, Scored, of
from goodsight.model.record import Judge, Model
from goodsight.model.surety import Surety
from goodsight.photos.resize import Resize

HOSTILE = "<script>alert(1)</script>"
WIDTH = 2
SCALER = Scaler(*(np.ones(WIDTH, np.float32) for _ in range(3)))


def judge(classes: tuple[str, ...], attribute: Attribute = LABEL) -> Judge:
    """A judge that decides alone from 0.875 on."""
    return Judge(
        attribute=attribute,
        classes=classes,
        head=Linear(Setting("linear", 0.0, 0.1), SCALER, np.zeros((WIDTH, len(classes)), np.float32)),
        temperature=1.25,
        calibration=tuple(np.zeros(1, np.float32) for _ in classes),
        threshold=0.875,
    )


def model(*judges: Judge) -> Model:
    """A model that nobody trained."""
    return Model(
        judges=judges,
        backbone=Backbone("tiny", Path("network.onnx"), "0" * 64, Resize(32), (Block("head", WIDTH, 1.0),)),
        scaler=SCALER,
        off_topic=OffTopic(slice(0, WIDTH), np.eye(2, dtype=np.float32), np.zeros((0, 2), np.float32)),
        on_topic=np.zeros(1, np.float32),
        alpha=0.05,
        off_topic_alpha=0.01,
        precision=0.99,
        training=Fingerprints((), np.zeros((0, 256), np.uint8), np.zeros((0, 256), np.float16)),
    )


def result(classes: int, rows: list[Row], leaked: int = 9) -> Result:
    """62 photos; two of the first class."""
    rng = np.random.default_rng(0)
    names = (HOSTILE, *(f"class {i}" for i in range(1, classes)))
    labels = np.append(rng.integers(1, classes, 60), [0, 0])
    p = rng.dirichlet(np.ones(classes), 62)
    return of("validation", judge(names), Scored(rows, labels, p, np.arange(62), np.arange(62) < leaked))


def part(found: Result, attribute: Attribute = LABEL, **more: Any) -> Part:
    """What was measured of an attribute: one result, and thresholds that rest on it."""
    none = Table((), (), np.zeros((0, 2), np.float32), np.zeros((0, 256), np.uint8), ())
    nothing = np.zeros(0, np.int64)
    photo_set = PhotoSet(none, attribute, 0, found.classes, nothing, np.zeros(0, str), nothing)
    assert found.answers is not None
    known = Surety(found.answers.confidence, found.answers.right)
    return Part(judge(found.classes, attribute), [found], photo_set, surety=known, **more)

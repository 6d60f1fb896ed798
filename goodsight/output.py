"""Predictions become files: CSV or JSON Lines, a plain submission, annotated pictures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from goodsight import evidence, photos
from goodsight.errors import GoodsightError
from goodsight.files import whole_file
from goodsight.model import LoadedModel
from goodsight.photos import Limits
from goodsight.verdicts import Prediction

COLUMNS = ("file_name", "label", "probability", "verdict", "reason")


_MARK = ".goodsight-annotated"


class Sink(Protocol):
    """Something that takes predictions one by one."""

    def write(self, prediction: Prediction) -> None:
        """Take one."""


def record(prediction: Prediction, classes: tuple[str, ...], top: int) -> dict[str, Any]:
    """A prediction as one flat row: the columns of :data:`COLUMNS`, then ``top1_label, top1_probability`` and on."""
    bad = not prediction.label
    row: dict[str, Any] = {
        "file_name": prediction.row.file_name,
        "label": prediction.label,
        "probability": None if bad else round(prediction.probability, 6),
        "verdict": prediction.verdict,
        "reason": prediction.reason,
    }
    order = [] if bad else np.argsort(-prediction.probabilities, kind="stable")[:top].tolist()
    for rank in range(min(top, len(classes))):
        row[f"top{rank + 1}_label"] = "" if bad else classes[order[rank]]
        row[f"top{rank + 1}_probability"] = None if bad else round(float(prediction.probabilities[order[rank]]), 6)
    return row


@contextmanager
def table(path: Path, classes: tuple[str, ...], top: int) -> Iterator[Sink]:
    """Write rows to a .csv or .jsonl file that appears, whole, at the end.

    Raises:
        GoodsightError: another suffix.

    """
    suffix = path.suffix.lower()
    if suffix not in {".csv", ".jsonl"}:
        raise GoodsightError(f"--out {path}: the name must end in .csv or .jsonl")
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        if suffix == ".jsonl":
            yield _JsonLines(stream, classes, top)
        else:
            columns = [
                *COLUMNS,
                *(f"top{i + 1}_{what}" for i in range(min(top, len(classes))) for what in ("label", "probability")),
            ]
            yield _Csv(stream, columns, classes, top)


@contextmanager
def submission(path: Path) -> Iterator[Sink]:
    """Write a plain ``image_id,label`` CSV; a bad photo has an empty label."""
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        yield _Submission(stream)


class _Csv:
    def __init__(self, stream: io.TextIOBase, columns: list[str], classes: tuple[str, ...], top: int) -> None:
        self._writer = csv.DictWriter(stream, columns, lineterminator="\n")
        self._writer.writeheader()
        self._classes, self._top = classes, top

    def write(self, prediction: Prediction) -> None:
        self._writer.writerow(record(prediction, self._classes, self._top))


class _JsonLines:
    def __init__(self, stream: io.TextIOBase, classes: tuple[str, ...], top: int) -> None:
        self._stream, self._classes, self._top = stream, classes, top

    def write(self, prediction: Prediction) -> None:
        self._stream.write(json.dumps(record(prediction, self._classes, self._top), ensure_ascii=False) + "\n")


class _Submission:
    def __init__(self, stream: io.TextIOBase) -> None:
        self._writer = csv.writer(stream, lineterminator="\n")
        self._writer.writerow(["image_id", "label"])

    def write(self, prediction: Prediction) -> None:
        self._writer.writerow([prediction.row.file_name, prediction.label])


class Annotated:
    """Copies of the photos with the label and its probability drawn on them, in the folders they came from."""

    def __init__(self, folder: Path, limits: Limits, explained: LoadedModel | None = None) -> None:
        """Claim the folder.

        Args:
            folder: for the pictures.
            limits: on bytes and pixels of a photo.
            explained: draw where this model's answers come from as well.

        Raises:
            GoodsightError: it holds something that an earlier ``--annotate`` did not make, or the model's network
                does not say where its answers come from.
        """
        if explained:
            evidence.require(explained.model.backbone, explained.engine)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not (folder / _MARK).exists():
            raise GoodsightError(
                f"--annotate {folder}: holds other files, which are never replaced; choose a new folder"
            )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).touch()
        self._folder, self._limits, self._explained = folder, limits, explained

    def write(self, prediction: Prediction) -> None:
        """Draw one; a bad photo has no picture."""
        if not prediction.label:
            return
        try:
            data = photos.read(prediction.row.path, self._limits)
            picture = photos.open_rgb(data, self._limits, at_least=640)
            picture.thumbnail((1280, 1280))
            if self._explained:
                model, engine = self._explained.model, self._explained.engine
                number = model.classes.index(prediction.label)
                picture = evidence.explain(picture, data, model.backbone, engine, model.head, number, self._limits)
        except photos.BadPhoto:
            # It was read a moment ago for its label; if it is gone now, the table still has its row.
            return
        caption = f"{prediction.label}  {prediction.probability:.0%}"
        if prediction.verdict != "sure":
            caption += f"  ({prediction.verdict})"
        with whole_file(self._path(prediction.row.file_name)) as part:
            annotate(picture, caption).save(part, "JPEG", quality=90)

    def _path(self, file_name: str) -> Path:
        # A list may name photos outside its folder; the pictures stay inside theirs all the same.
        parts = [part for part in PurePosixPath(file_name).parts if part not in {"/", ".."}]
        path = self._folder.joinpath(*parts)
        return path if path.suffix.lower() in {".jpg", ".jpeg"} else path.with_name(f"{path.name}.jpg")


def annotate(picture: Image.Image, caption: str) -> Image.Image:
    """The picture with a bar below it that holds the caption; a small picture is enlarged so that the words fit."""
    if picture.width < 240:
        picture = picture.resize((240, round(picture.height * 240 / picture.width)))
    size = max(14, picture.width // 24)
    font = ImageFont.load_default(size)
    while size > 9 and font.getlength(caption) > picture.width - size:
        size -= 1
        font = ImageFont.load_default(size)
    out = Image.new("RGB", (picture.width, picture.height + 2 * size), "#111827")
    out.paste(picture)
    ImageDraw.Draw(out).text((size // 2, picture.height + size), caption, "white", font, anchor="lm")
    return out

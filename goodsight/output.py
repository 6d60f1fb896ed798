"""Predictions become files: CSV or JSON Lines, a plain submission, annotated pictures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from goodsight import evidence, photos
from goodsight.catalog import NO, Row
from goodsight.errors import GoodsightError
from goodsight.files import whole_file
from goodsight.model import LoadedModel, Model
from goodsight.verdicts import Answer, Prediction

COLUMNS = ("file_name", "label", "probability", "verdict", "reason")
"""Of a model with one attribute."""
_NONE = Prediction(Row("", Path()), (), float("nan"))


_MARK = ".goodsight-annotated"
Panel = tuple[Image.Image, tuple[Answer, ...]]
"""A picture, and the answers that its caption says."""


class Sink(Protocol):
    """Something that takes predictions one by one."""

    def write(self, prediction: Prediction) -> None:
        """Take one."""


def record(prediction: Prediction, models: Sequence[Model], top: int) -> dict[str, Any]:
    """A prediction as one flat row.

    Of a model with one attribute that is no tag: the columns of :data:`COLUMNS`, then ``top1_label,
    top1_probability`` and on. With several, ``label`` and ``probability`` give way to columns for each: ``colour``,
    ``colour_probability`` (of a tag the probability of "yes"), ``colour_verdict`` and ``colour_top1_label`` and on;
    and ``combination`` says whether labels that go together were trained together.
    """
    named = len(models) > 1 or models[0].attribute.tag
    answers = prediction.answers or (None,) * len(models)
    row: dict[str, Any] = {"file_name": prediction.row.file_name}
    for model, answer in zip(models, answers, strict=True):
        name = model.attribute.name
        prefix = f"{name}_" if named else ""
        row[name if named else "label"] = answer.label if answer else ""
        row[f"{prefix}probability"] = _probability(answer)
        if named:
            row[f"{prefix}verdict"] = answer.verdict if answer else ""
    if sum(not model.attribute.tag for model in models) > 1:
        row["combination"] = ("trained" if prediction.trained else "never trained") if prediction.answers else ""
    row |= {"verdict": prediction.verdict, "reason": prediction.reason}
    for place, label, p in ranked(prediction, models, top):
        row |= {f"{place}_label": label, f"{place}_probability": p}
    return row


def ranked(prediction: Prediction, models: Sequence[Model], top: int) -> Iterator[tuple[str, str, float | None]]:
    """The most likely labels of each attribute that is no tag: the columns' beginning, the label, its probability."""
    answers = prediction.answers or (None,) * len(models)
    for model, answer in zip(models, answers, strict=True):
        prefix = f"{model.attribute.name}_" if len(models) > 1 else ""
        order = np.argsort(-answer.probabilities, kind="stable").tolist() if answer else []
        for rank in range(0 if model.attribute.tag else min(top, len(model.classes))):
            label = model.classes[order[rank]] if answer else ""
            p = round(float(answer.probabilities[order[rank]]), 6) if answer else None
            yield f"{prefix}top{rank + 1}", label, p


def _probability(answer: Answer | None) -> float | None:
    """Of the label; of a tag that it holds."""
    if answer is None:
        return None
    if answer.attribute.tag and answer.label == NO:
        return round(1 - answer.probability, 6)
    return round(answer.probability, 6)


@contextmanager
def table(path: Path, models: Sequence[Model], top: int) -> Iterator[Sink]:
    """Write rows to a .csv or .jsonl file that appears, whole, at the end.

    Raises:
        GoodsightError: another suffix.

    """
    suffix = path.suffix.lower()
    if suffix not in {".csv", ".jsonl"}:
        raise GoodsightError(f"--out {path}: the name must end in .csv or .jsonl")
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        if suffix == ".jsonl":
            yield _JsonLines(stream, models, top)
        else:
            yield _Csv(stream, models, top)


@contextmanager
def submission(path: Path) -> Iterator[Sink]:
    """Write a plain ``image_id,label`` CSV; a bad photo has an empty label."""
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        yield _Submission(stream)


class _Csv:
    def __init__(self, stream: io.TextIOBase, models: Sequence[Model], top: int) -> None:
        columns = list(record(_NONE, models, top))
        self._writer = csv.DictWriter(stream, columns, lineterminator="\n")
        self._writer.writeheader()
        self._models, self._top = models, top

    def write(self, prediction: Prediction) -> None:
        self._writer.writerow(record(prediction, self._models, self._top))


class _JsonLines:
    def __init__(self, stream: io.TextIOBase, models: Sequence[Model], top: int) -> None:
        self._stream, self._models, self._top = stream, models, top

    def write(self, prediction: Prediction) -> None:
        self._stream.write(json.dumps(record(prediction, self._models, self._top), ensure_ascii=False) + "\n")


class _Submission:
    def __init__(self, stream: io.TextIOBase) -> None:
        self._writer = csv.writer(stream, lineterminator="\n")
        self._writer.writerow(["image_id", "label"])

    def write(self, prediction: Prediction) -> None:
        self._writer.writerow([prediction.row.file_name, prediction.label])


class Annotated:
    """Copies of the photos with the label and its probability drawn on them, in the folders they came from."""

    def __init__(self, folder: Path, loaded: LoadedModel, *, explain: bool = False) -> None:
        """Claim the folder.

        Args:
            folder: for the pictures.
            loaded: whose predictions will come.
            explain: draw where the answers come from as well.

        Raises:
            GoodsightError: it holds something that an earlier ``--annotate`` did not make, or the model's network
                does not say where its answers come from.
        """
        shared = loaded.models[0]
        if explain:
            evidence.require(shared.backbone, loaded.engine)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not (folder / _MARK).exists():
            raise GoodsightError(
                f"--annotate {folder}: holds other files, which are never replaced; choose a new folder"
            )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).touch()
        self._folder, self._limits, self._resize = folder, shared.limits, shared.backbone.resize
        self._explained = loaded if explain else None

    def write(self, prediction: Prediction) -> None:
        """Draw one; a bad photo has no picture."""
        if prediction.problem:
            return
        try:
            data = photos.read(prediction.row.path, self._limits)
            picture = photos.open_rgb(data, self._limits, at_least=640)
            picture.thumbnail((1280, 1280))
            panels = self._explain(picture, data, prediction) if self._explained else [(picture, prediction.answers)]
        except photos.BadPhoto:
            # It was read a moment ago for its label; if it is gone now, the table still has its row.
            return
        doubt = f"  ({prediction.verdict})" if prediction.verdict != "sure" else ""
        drawn = []
        for number, (panel, answers) in enumerate(panels):
            if prediction.place:
                box = self._resize.in_pixels(prediction.place, *panel.size)
                panel = evidence.draw_box(panel, box, prediction.label)
            said = ",  ".join(f"{a.given}  {a.probability:.0%}" for a in answers if a.given) or "no tag"
            drawn.append(annotate(panel, said + (doubt if number == 0 else "")))
        with whole_file(self._path(prediction.row.file_name)) as part:
            _beside(drawn).save(part, "JPEG", quality=90)

    def _explain(self, picture: Image.Image, data: bytes, prediction: Prediction) -> list[Panel]:
        """A picture for each attribute, with where its answer comes from; tags that are given share the last one."""
        assert self._explained is not None
        engine = self._explained.engine
        panels: list[Panel] = []
        pairs = list(zip(self._explained.models, prediction.answers, strict=True))
        for model, answer in pairs:
            if not answer.attribute.tag:
                number = model.classes.index(answer.label)
                head, rule = model.head, model.backbone
                none = model.none_number
                panel = evidence.explain(picture, data, rule, engine, head, number, self._limits, none)
                panels.append((panel, (answer,)))
        tags = tuple(answer for _, answer in pairs if answer.attribute.tag)
        return [*panels, (picture, tags)] if tags else panels

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


def _beside(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures of one size in a row."""
    out = Image.new("RGB", (sum(p.width for p in pictures), max(p.height for p in pictures)), "#111827")
    left = 0
    for picture in pictures:
        out.paste(picture, (left, 0))
        left += picture.width
    return out

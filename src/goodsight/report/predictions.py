"""Predictions become files: CSV or JSON Lines, a plain submission, annotated pictures."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from goodsight.catalog.rows import NO, Row
from goodsight.errors import GoodsightError
from goodsight.files import table_line, whole_file
from goodsight.model.record import Judge
from goodsight.model.verdicts import Answer, Prediction

COLUMNS = ("file_name", "label", "probability", "verdict", "reason")
"""Of a model with one attribute."""


BLANK = Prediction(Row("", Path()), (), float("nan"))
"""A prediction of nothing, whose record has all columns."""


class Sink(Protocol):
    """Something that takes predictions one by one."""

    def write(self, prediction: Prediction) -> None:
        """Take one."""


def record(prediction: Prediction, judges: Sequence[Judge], top: int) -> dict[str, Any]:
    """A prediction as one flat row.

    Of a model with one attribute that is no tag: the columns of :data:`COLUMNS`, then ``top1_label,
    top1_probability`` and on. With several, ``label`` and ``probability`` give way to columns for each: ``colour``,
    ``colour_probability`` (of a tag the probability of "yes"), ``colour_verdict`` and ``colour_top1_label`` and on;
    and ``combination`` says whether labels that go together were trained together.
    """
    named = len(judges) > 1 or any(judge.attribute.tag for judge in judges)
    answers = prediction.answers or (None,) * len(judges)
    row: dict[str, Any] = {"file_name": prediction.row.file_name}
    for judge, answer in zip(judges, answers, strict=True):
        name = judge.attribute.name
        prefix = f"{name}_" if named else ""
        row[name if named else "label"] = answer.label if answer else ""
        row[f"{prefix}probability"] = _probability(answer)
        if named:
            row[f"{prefix}verdict"] = answer.verdict if answer else ""
    if sum(not judge.attribute.tag for judge in judges) > 1:
        row["combination"] = ("trained" if prediction.trained else "never trained") if prediction.answers else ""
    row |= {"verdict": prediction.verdict, "reason": prediction.reason}
    for place, label, p in ranked(prediction, judges, top):
        row |= {f"{place}_label": label, f"{place}_probability": p}
    return row


def ranked(prediction: Prediction, judges: Sequence[Judge], top: int) -> Iterator[tuple[str, str, float | None]]:
    """The most likely labels of each attribute that is no tag: the columns' beginning, the label, its probability."""
    answers = prediction.answers or (None,) * len(judges)
    for judge, answer in zip(judges, answers, strict=True):
        prefix = f"{judge.attribute.name}_" if len(judges) > 1 else ""
        order = np.argsort(-answer.probabilities, kind="stable").tolist() if answer else []
        for rank in range(0 if judge.attribute.tag else min(top, len(judge.classes))):
            label = judge.classes[order[rank]] if answer else ""
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
def table(path: Path, judges: Sequence[Judge], top: int) -> Iterator[Sink]:
    """Write rows to a .csv or .jsonl file that appears, whole, at the end; :mod:`goodsight.report.parquet` has another.

    Raises:
        GoodsightError: another suffix.

    """
    suffix = path.suffix.lower()
    if suffix not in {".csv", ".jsonl"}:
        raise GoodsightError(f"`out` {path}: the name must end in .csv, .jsonl or .parquet")
    # In JSON Lines a name that is no text has lone surrogates; as \udce9 they are JSON's own escapes.
    with whole_file(path) as part, part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        if suffix == ".jsonl":
            yield _JsonLines(stream, judges, top)
        else:
            yield _Csv(stream, judges, top)


@contextmanager
def submission(path: Path) -> Iterator[Sink]:
    """Write a plain ``image_id,label`` CSV; a bad photo has an empty label."""
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        yield _Submission(stream)


class _Csv:
    def __init__(self, stream: io.TextIOBase, judges: Sequence[Judge], top: int) -> None:
        stream.write(table_line(record(BLANK, judges, top)))
        self._stream, self._judges, self._top = stream, judges, top

    def write(self, prediction: Prediction) -> None:
        self._stream.write(table_line(record(prediction, self._judges, self._top).values()))


class _JsonLines:
    def __init__(self, stream: io.TextIOBase, judges: Sequence[Judge], top: int) -> None:
        self._stream, self._judges, self._top = stream, judges, top

    def write(self, prediction: Prediction) -> None:
        self._stream.write(json.dumps(record(prediction, self._judges, self._top), ensure_ascii=False) + "\n")


class _Submission:
    def __init__(self, stream: io.TextIOBase) -> None:
        stream.write(table_line(["image_id", "label"]))
        self._stream = stream

    def write(self, prediction: Prediction) -> None:
        self._stream.write(table_line([prediction.row.file_name, prediction.label]))

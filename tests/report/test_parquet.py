"""Parquet holds what the CSV holds, with its types, and the same predictions give the same bytes."""

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import goodsight
from goodsight import GoodsightError
from goodsight.catalog.rows import Row
from goodsight.flow.training import Training
from goodsight.model.record import LoadedModel
from goodsight.model.verdicts import Prediction
from goodsight.report import parquet, predictions


def test_rows_are_those_of_the_csv(
    loaded: LoadedModel, trained: Training, drawn_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, judges = list(goodsight.classify(loaded, drawn_photos)), loaded.model.judges
    monkeypatch.setattr(parquet, "ROWS", 50)
    with (
        parquet.file(tmp_path / "a.parquet", judges, 2) as one,
        predictions.table(tmp_path / "a.csv", judges, 2) as two,
    ):
        for each in said:
            one.write(each)
            two.write(each)
    found = pq.read_table(tmp_path / "a.parquet").to_pylist()
    with (tmp_path / "a.csv").open(newline="") as stream:
        expected = list(csv.DictReader(stream))
    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in found] == expected
    assert {type(row["probability"]) for row in found} == {float, type(None)}
    assert parquet.as_bytes(said, judges, 2) == parquet.as_bytes(said, judges, 2)


def test_a_name_that_is_no_text_is_written_as_in_json(loaded: LoadedModel, tmp_path: Path) -> None:
    odd = Prediction(Row("caf\udce9.jpg", Path("x")), (), float("nan"), "missing")
    (tmp_path / "a.parquet").write_bytes(parquet.as_bytes([odd], loaded.model.judges, 0))
    (row,) = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert (row["file_name"], row["reason"]) == (r"caf\udce9.jpg", "missing")


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(parquet, "import_module", missing)
    with pytest.raises(GoodsightError, match=r"install the extra remote: pip install 'goodsight\[remote\]'"):
        parquet.arrow()

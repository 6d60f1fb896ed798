"""With many photos the same comes out: their embeddings lie in a file, and heads are fitted from sums per fold."""

import csv
from pathlib import Path

import numpy as np
import pytest

import goodsight
from goodsight import Wishes
from goodsight.embedding import filed
from goodsight.flow.training import Training
from goodsight.heads import ridge, search, seen
from goodsight.training import series

QUICK = Wishes(budget=0, spoilt=0)


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_embeddings_in_a_file_make_the_same_model(
    drawn_photos: Path, trained: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = goodsight.evaluate(trained.folder, drawn_photos)
    monkeypatch.setattr(filed, "HELD", 10)
    again = goodsight.train(drawn_photos, tmp_path / "model", wishes=QUICK)
    known, found = _rows(trained.folder), _rows(again.folder)
    assert [{**row, "probability": ""} for row in found] == [{**row, "probability": ""} for row in known]
    before, now = ([float(row["probability"]) for row in rows] for rows in (known, found))
    assert np.allclose(now, before, atol=2e-3)
    scored = goodsight.evaluate(again.folder, drawn_photos)
    assert scored.result.leaked == held.result.leaked
    assert scored.result.scores.accuracy.value == pytest.approx(held.result.scores.accuracy.value, abs=0.02)


def test_the_report_says_what_was_compared_on_a_part(
    drawn_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filed, "HELD", 10)
    monkeypatch.setattr(ridge, "EXACT", 30)
    # Sums of all columns of the network take half a minute, however few the photos.
    monkeypatch.setattr(search, "CANDIDATES", search.CANDIDATES[0::2])
    monkeypatch.setattr(seen, "MAIN", 40)
    monkeypatch.setattr(search, "COMPARED", 50)
    monkeypatch.setattr(series, "LARGEST", 8)
    training = goodsight.train(drawn_photos, tmp_path / "model", wishes=QUICK)
    count = training.measured.results[0].scores.n
    notes = dict(training.measured.notes)
    part = max(trial.photos for trial in training.measured.parts[0].trials if trial.photos < count)
    assert 40 <= part <= 60
    assert notes["heads"].startswith(f"compared on {part} of {count} photos, with whole groups and every class")
    assert "not sought in 4 of 4 classes, of more than 8 photos each (bag, " in notes["series"]
    assert training.measured.results[0].scores.accuracy.value > 0.5
    scored = goodsight.evaluate(training.folder, drawn_photos)
    assert scored.result.scores.n == count

"""Photos without labels get a figure, and what was given is counted."""

import json
import shutil
from pathlib import Path

import pytest
from here import here

import goodsight
from goodsight.errors import CatalogError, ModelError
from goodsight.flow.training import Training
from goodsight.measuring import expected


def _new(drawn_photos: Path, trained: Training, folder: Path) -> list[Path]:
    """Photos that were not trained on: turned ones."""
    from PIL import Image

    folder.mkdir()
    made: list[Path] = []
    for row in trained.measured.parts[0].photo_set.table.rows[:40:2]:
        with Image.open(here(row)) as photo:
            turned = photo.convert("RGB").rotate(90, expand=True).crop((4, 9, photo.height, photo.width))
        turned.save(folder / f"{len(made)}.jpg")
        made.append(folder / f"{len(made)}.jpg")
    return made


def test_a_forecast_counts_what_was_given(drawn_photos: Path, trained: Training, tmp_path: Path) -> None:
    made = _new(drawn_photos, trained, tmp_path / "new")
    copied = here(trained.measured.parts[0].photo_set.table.rows[0])
    shutil.copyfile(copied, tmp_path / "new" / "copy.jpg")
    (tmp_path / "new" / "bad.jpg").write_bytes(b"no photo")
    found = goodsight.forecast(trained.folder, tmp_path / "new")
    (one,) = found.expected.values()
    assert (one.n + found.copies, [name for name, _ in found.bad]) == (len(made) + 1, ["bad.jpg"])
    assert found.copies >= 1
    assert 0 <= one.accuracy.low <= one.accuracy.value <= one.accuracy.high <= 1
    assert json.loads(json.dumps(found.to_json()))["copies"] == found.copies


def test_copies_alone_are_refused(trained: Training, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    shutil.copyfile(here(trained.measured.parts[0].photo_set.table.rows[0]), tmp_path / "new" / "copy.jpg")
    with pytest.raises(CatalogError, match="all 1 photos are copies of training photos; give new ones"):
        goodsight.forecast(trained.folder, tmp_path / "new")


def test_too_few_known_answers_are_refused(
    drawn_photos: Path, trained: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expected, "LEAST", 10_000)
    _new(drawn_photos, trained, tmp_path / "new")
    with pytest.raises(ModelError, match="too few to forecast from; 10000 are needed"):
        goodsight.forecast(trained.folder, tmp_path / "new")

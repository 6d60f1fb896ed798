"""A model decides alone from elsewhere on, without a training, and all that its folder says stays true."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import goodsight
from goodsight.errors import GoodsightError, ModelError
from goodsight.flow.training import Training
from goodsight.heads.calibrate import threshold_for
from goodsight.model import folder as model_folder
from goodsight.model import surety
from goodsight.model.surety import Surety
from goodsight.report import renewed


@pytest.fixture
def model(trained: Training, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained.folder, tmp_path / "model"))


def _text(path: Path) -> str:
    return re.sub(r"<[^>]*>", "", path.read_text(encoding="utf-8"))


def test_the_threshold_is_the_one_of_a_training(trained: Training, model: Path) -> None:
    (known,) = surety.read(model, trained.measured.model.judges)
    part = trained.measured.parts[0]
    assert part.surety is not None
    done = goodsight.set_precision(model, 0.9)
    wanted = threshold_for(part.surety.confidence, part.surety.right, 0.9)
    (one,) = done.each
    assert (done.before, done.precision) == (0.95, 0.9)
    assert one.now == known.threshold(0.9) == pytest.approx(wanted, abs=2e-6)
    assert one.now <= wanted  # digits that are cut off let nobody out
    assert one.decided == int((part.surety.confidence >= wanted).sum())
    record = goodsight.inspect(model)
    assert record["precision"] == 0.9
    assert record["attributes"][0]["threshold"] == one.now
    assert model_folder.read(model)[0].judges[0].threshold == one.now


def test_report_card_and_numbers_say_the_same(trained: Training, model: Path) -> None:
    before = {name: (model / name).read_text(encoding="utf-8") for name in ("report.html", "README.md", "metrics.json")}
    (one,) = goodsight.set_precision(model, 0.9).each
    page = _text(model / "report.html")
    assert f"{one.decided} of {one.n} photos need no person, when 90 % shall be right" in page
    assert f"It decides alone from a probability of {one.now:.3f} on." in page
    assert f"from a probability of {one.now:.3f}, for a wanted precision of 0.9;" in _text(model / "README.md")
    result = json.loads((model / "metrics.json").read_text(encoding="utf-8"))["results"][0]
    assert result["decided_by_machine"] == round(one.decided / one.n, 5)
    goodsight.set_precision(model, 0.95)
    again = json.loads((model / "metrics.json").read_text(encoding="utf-8"))
    assert again == json.loads(before["metrics.json"])
    assert (model / "README.md").read_text(encoding="utf-8") == before["README.md"]
    # But for the marks of time nothing of the page is another than before.
    steps = re.compile(r"<script type=\"application/json\" data-steps>.*?</script>|<td>[^<]*</td>")
    assert steps.sub("", (model / "report.html").read_text(encoding="utf-8")) == steps.sub("", before["report.html"])


def test_what_cannot_be_promised_is_refused(model: Path) -> None:
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}
    with pytest.raises(GoodsightError, match=r"`precision` 0\.9999: cannot be promised: its \d+ answers .* up to 0"):
        goodsight.set_precision(model, 0.9999)
    with pytest.raises(GoodsightError, match=r"`precision` 0\.3: must be"):
        goodsight.set_precision(model, 0.3)
    assert {path: path.read_bytes() for path in model.rglob("*") if path.is_file()} == before


def test_a_folder_is_changed_whole_or_not_at_all(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (model / "model.json").read_bytes()

    def fails(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(renewed, "renew", fails)
    with pytest.raises(OSError, match="full"):
        goodsight.set_precision(model, 0.9)
    assert (model / "model.json").read_bytes() == before
    assert [path.name for path in model.parent.iterdir()] == ["model"]


def test_an_edited_folder_and_one_without_answers_are_refused(model: Path) -> None:
    page = model / "report.html"
    page.write_text(page.read_text(encoding="utf-8").replace('id="answers"', 'id="others"'), encoding="utf-8")
    with pytest.raises(ModelError, match="damaged or edited"):
        goodsight.set_precision(model, 0.9)
    record = json.loads((model / "model.json").read_text(encoding="utf-8"))
    del record["sha256"]
    (model / "model.json").write_text(json.dumps(record), encoding="utf-8")
    (model / "SHA256").unlink()
    model_folder.seal(model)
    with pytest.raises(ModelError, match="without the answers behind it; train again"):
        goodsight.set_precision(model, 0.9)


def test_the_most_that_answers_allow_has_a_threshold_and_more_has_none() -> None:
    rng = np.random.default_rng(5)
    confidence = rng.uniform(0.5, 1, 300)
    known = Surety(confidence, rng.uniform(0, 1, 300) < confidence)
    assert np.isfinite(known.threshold(known.most - 1e-9))
    assert np.isinf(known.threshold(known.most + 1e-6))

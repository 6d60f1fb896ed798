import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import drawn
import numpy as np
import pytest

from goodsight import flow
from goodsight.catalog import Row
from goodsight.errors import EngineError, FolderExistsError
from goodsight.flow import Training
from goodsight.model import LoadedModel
from goodsight.training import Recipe, last_blocks, unfinished

EPOCHS = 60


@pytest.fixture(scope="module")
def fresh(drawn_photos: Path, planted: list[drawn.Planted], tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A network trained from scratch."""
    out = tmp_path_factory.mktemp("fresh") / "model"
    return flow.train(drawn_photos, out, network="compact", epochs=EPOCHS, spoilt=4)


@pytest.fixture(scope="module")
def tuned(
    drawn_photos: Path, planted: list[drawn.Planted], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Training]:
    """A fine-tuned network, with less of everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(last_blocks, "VIEWS", 2)
        patch.setattr(last_blocks, "MEMBERS", 2)
        out = tmp_path_factory.mktemp("tuned") / "model"
        yield flow.train(drawn_photos, out, finetune=True, epochs=2, size=96, spoilt=4)


@pytest.fixture(params=["fresh", "tuned"])
def own(request: pytest.FixtureRequest) -> Training:
    """Both kinds of networks that are trained here."""
    made: Training = request.getfixturevalue(request.param)
    return made


def _predictions(folder: Path) -> list[dict[str, str]]:
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_it_learned_the_drawn_kinds(own: Training) -> None:
    (result,) = own.findings.results
    assert result.scores.accuracy.value > 0.6  # chance is 0.25


def test_a_scratch_networks_figures_are_on_photos_it_only_watched(fresh: Training) -> None:
    (result,) = fresh.findings.results
    assert result.name == "held-out"
    rows = _predictions(fresh.folder)
    assert {row["fold"] for row in rows} == {"0"}
    assert len(rows) == result.scores.n < 60


def test_a_fine_tuned_network_answers_for_every_photo_without_having_seen_it(tuned: Training) -> None:
    (result,) = tuned.findings.results
    assert result.name == "out-of-fold"
    assert result.scores.n == len(_predictions(tuned.folder)) == 4 * 40 + 4 * 3


def test_the_model_answers_as_the_network_did_in_training(fresh: Training, drawn_photos: Path) -> None:
    """What was measured in torch is what the ONNX file says: for watched photos both must agree."""
    said = {row["file_name"]: row for row in _predictions(fresh.folder)}
    loaded: LoadedModel = flow.load(fresh.folder)
    assert loaded.model.head.setting.kind == "network"
    found = {p.row.path: p for p in flow.classify(loaded, drawn_photos, cache=False) if p.label}
    agree = [found[drawn_photos / name].label == row["predicted"] for name, row in said.items()]
    assert np.mean(agree) >= 33 / 34  # the engine's bfloat16 may turn a doubtful one


def test_the_folder_has_curves_and_no_trace_of_the_run(own: Training) -> None:
    assert list((own.folder / "logs").rglob("events.*"))
    assert not unfinished.folder_for(own.folder).exists()
    assert set(flow.inspect(own.folder)["classes"]) == set(drawn.KINDS)


def test_the_report_shows_the_training(own: Training) -> None:
    page = (own.folder / "report.html").read_text(encoding="utf-8")
    assert "The network, trained here" in page
    assert page.count('class="sample"') == 24
    numbers = json.loads((own.folder / "metrics.json").read_text(encoding="utf-8"))
    epochs = [epoch for curve in numbers["training"].values() for epoch in curve]
    assert len(epochs) == (EPOCHS if "compact" in numbers["training"] else 4)
    assert all(speed > 0 for *_, speed in epochs)
    assert numbers["robustness"]["n"] == 4


def test_a_new_photo_is_checked_by_the_trained_network(fresh: Training, tmp_path: Path) -> None:
    drawn.draw("mug", np.random.default_rng(12345)).save(tmp_path / "mug.jpg")
    answer = flow.check(fresh.folder, tmp_path / "mug.jpg", "mug")
    assert answer.verdict in {"match", "unsure", "mismatch", "off-topic"}
    assert 0 <= answer.probability <= 1


def _command(photos: Path, out: Path, *more: str) -> list[str]:
    arguments = ["train", photos, "--out", out, "--network", "adnet", "--epochs", "8", "--device", "cpu", *more]
    return [sys.executable, "-m", "goodsight", *map(str, arguments)]


def test_a_killed_run_resumes_to_the_same_network(
    drawn_photos: Path, planted: list[drawn.Planted], tmp_path: Path
) -> None:
    subprocess.run(_command(drawn_photos, tmp_path / "whole"), check=True, capture_output=True)
    run = subprocess.Popen(
        _command(drawn_photos, tmp_path / "cut"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    checkpoint = unfinished.folder_for(tmp_path / "cut") / "adnet.safetensors"
    while not checkpoint.exists() and run.poll() is None:
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    assert not (tmp_path / "cut").exists()
    resumed = [sys.executable, "-m", "goodsight", "train", drawn_photos, "--out", tmp_path / "cut", "--resume"]
    subprocess.run([*map(str, resumed)], check=True, capture_output=True)
    assert (tmp_path / "cut" / "network.onnx").read_bytes() == (tmp_path / "whole" / "network.onnx").read_bytes()


def test_an_unfinished_training_is_not_thrown_away_by_accident(
    drawn_photos: Path, planted: list[drawn.Planted], tmp_path: Path
) -> None:
    out = tmp_path / "model"
    recipe = Recipe("adnet", epochs=3)
    unfinished.note(out, recipe, "photos")
    with pytest.raises(FolderExistsError, match=r"model\.training: an unfinished training; go on with --resume"):
        flow.train(drawn_photos, out, network="adnet")
    assert unfinished.begin(out, None, resume=True, force=False) == recipe
    with pytest.raises(EngineError, match="photos or labels changed"):
        flow.train(drawn_photos, out, resume=True)


def test_a_folder_of_the_users_in_the_way_is_left_alone(drawn_photos: Path, tmp_path: Path) -> None:
    mine = tmp_path / "model.training"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    with pytest.raises(FolderExistsError, match="is no training of Goodsight"):
        flow.train(drawn_photos, tmp_path / "model", network="adnet", force=True)
    assert (mine / "notes.txt").read_text() == "mine"


def test_there_must_be_something_to_resume(drawn_photos: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"--resume: .*model\.training holds no unfinished training"):
        flow.train(drawn_photos, tmp_path / "model", resume=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "compact", "finetune": True}, "--finetune starts from lite0"),
        ({"epochs": 3}, "--epochs: only for a network that is trained here"),
        ({"distort": True}, "--distort: only for"),
        ({"device": "cpu"}, "--device: only for"),
        ({"network": "resnet50"}, "--network resnet50: not known"),
        ({"network": "adnet", "device": "tpu"}, "--device tpu: this machine has"),
        ({"network": "adnet", "size": 100}, "--size 100: adnet takes"),
    ],
)
def test_options_that_cannot_work_are_named(
    options: dict[str, object], message: str, drawn_photos: Path, planted: list[drawn.Planted], tmp_path: Path
) -> None:
    with pytest.raises(EngineError, match=message):
        flow.train(drawn_photos, tmp_path / "model", **options)  # type: ignore[arg-type]


def test_a_photo_that_vanishes_while_training_is_named(tmp_path: Path) -> None:
    from goodsight.errors import CatalogError
    from goodsight.photos import DEFAULT_LIMITS, Resize
    from goodsight.progress import quiet
    from goodsight.training import pixels

    gone = Row("gone.jpg", tmp_path / "gone.jpg")
    with pytest.raises(CatalogError, match=r"gone\.jpg: was changed while the network was trained"):
        pixels.decode([gone], Resize(32), tmp_path / "pixels.npy", DEFAULT_LIMITS, quiet)
    assert list(tmp_path.iterdir()) == []

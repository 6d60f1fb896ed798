import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import drawn
import numpy as np
import pytest
from PIL import Image

import goodsight
from goodsight import Recipe, Wishes, Work
from goodsight.backbones import by_name
from goodsight.catalog.rows import Row
from goodsight.errors import CatalogError, EngineError, FolderExistsError, GoodsightError
from goodsight.flow.training import Training
from goodsight.model.record import LoadedModel
from goodsight.photos.boxes import Box
from goodsight.photos.limits import DEFAULT_LIMITS
from goodsight.training import tuned as last_blocks
from goodsight.training import unfinished, whole
from goodsight.training.recipe import TrainingSet

EPOCHS = 20
ADNET, BRANDS = Recipe("adnet"), Recipe("brands")
FORCE, RESUME = Work(force=True), Work(resume=True)
Lay = Callable[[Path, Mapping[str, Sequence[Path]]], Path]
Draw = Callable[[str, np.random.Generator], Image.Image]


@pytest.fixture(scope="module")
def fresh(easy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Training]:
    """A network trained from scratch; alone, so that it takes less time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "MEMBERS", {})
        out = tmp_path_factory.mktemp("fresh") / "model"
        yield goodsight.train(easy, out, recipe=Recipe("compact", epochs=EPOCHS), wishes=Wishes(spoilt=4))


@pytest.fixture(scope="module")
def tuned(easy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Training]:
    """A fine-tuned network, with less of everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(last_blocks, "VIEWS", 2)
        patch.setattr(last_blocks, "MEMBERS", 2)
        out = tmp_path_factory.mktemp("tuned") / "model"
        recipe = Recipe("lite0:tuned", epochs=2, size=96)
        yield goodsight.train(easy, out, recipe=recipe, wishes=Wishes(spoilt=4))


@pytest.fixture(params=["fresh", "tuned"])
def own(request: pytest.FixtureRequest) -> Training:
    """Both kinds of networks that are trained here."""
    made: Training = request.getfixturevalue(request.param)
    return made


def _predictions(folder: Path) -> list[dict[str, str]]:
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_it_learned_the_drawn_kinds(own: Training) -> None:
    (result,) = own.measured.results
    assert result.scores.accuracy.value > 0.6  # chance is 0.25


def test_a_scratch_networks_figures_are_on_photos_it_only_watched(fresh: Training) -> None:
    (result,) = fresh.measured.results
    assert result.name == "held-out"
    rows = _predictions(fresh.folder)
    assert {row["fold"] for row in rows} == {"0"}
    assert len(rows) == result.scores.n < 60


def test_a_fine_tuned_network_answers_for_every_photo_without_having_seen_it(tuned: Training) -> None:
    (result,) = tuned.measured.results
    assert result.name == "out-of-fold"
    assert result.scores.n == len(_predictions(tuned.folder)) == 4 * 43


def test_the_model_answers_as_the_network_did_in_training(fresh: Training, easy: Path) -> None:
    """What was measured in torch is what the ONNX file says: for watched photos both must agree."""
    said = {row["file_name"]: row for row in _predictions(fresh.folder)}
    loaded: LoadedModel = goodsight.load(fresh.folder)
    assert loaded.model.judges[0].head.setting.kind == "network"
    found = {p.row.path: p for p in goodsight.classify(loaded, easy, work=Work(cache=False)) if p.label}
    agree = [found[easy / name].label == row["predicted"] for name, row in said.items()]
    assert np.mean(agree) >= 33 / 34  # the engine's bfloat16 may turn a doubtful one


def test_the_folder_has_curves_and_no_trace_of_the_run(own: Training) -> None:
    assert list((own.folder / "logs").rglob("events.*"))
    assert not unfinished.folder_for(own.folder).exists()
    assert set(goodsight.inspect(own.folder)["attributes"][0]["classes"]) == set(drawn.KINDS)


def test_the_report_shows_the_training(own: Training) -> None:
    page = (own.folder / "report.html").read_text(encoding="utf-8")
    assert "The network, trained here" in page
    assert page.count('data-alt="augmented training photo"') == 24
    numbers = json.loads((own.folder / "metrics.json").read_text(encoding="utf-8"))
    epochs = [epoch for curve in numbers["training"].values() for epoch in curve]
    assert len(epochs) == (EPOCHS if "compact" in numbers["training"] else 4)
    assert all(speed > 0 for *_, speed in epochs)
    assert numbers["robustness"]["n"] == 4


def test_a_new_photo_is_recognised_by_the_trained_network(fresh: Training, draw_easy: Draw, tmp_path: Path) -> None:
    rng = np.random.default_rng(12345)
    loaded, right = goodsight.load(fresh.folder), []
    for number, kind in enumerate(drawn.KINDS * 5):
        draw_easy(kind, rng).save(tmp_path / f"{number}.png")
        right.append(goodsight.check(loaded, tmp_path / f"{number}.png", kind).label == kind)
    assert np.mean(right) > 0.5  # chance is 0.25


def test_new_photos_are_not_taken_for_twins_of_the_training(fresh: Training, draw_easy: Draw, tmp_path: Path) -> None:
    """The features of a network trained for the classes are alike within a class, copies or not."""
    rng = np.random.default_rng(54321)
    for kind in drawn.KINDS:
        (tmp_path / kind).mkdir()
        for number in range(6):
            draw_easy(kind, rng).save(tmp_path / kind / f"{number}.png")
    assert goodsight.evaluate(fresh.folder, tmp_path).result.leaked == 0


@pytest.mark.parametrize(("name", "size"), [("lenet5", 0), ("smallervgg", 0), ("logonet", 64)])
def test_every_network_trains_exports_and_classifies(
    name: str, size: int, sound: dict[str, list[Path]], lay: Lay, tmp_path: Path
) -> None:
    photos = lay(tmp_path / "photos", {kind: paths[:10] for kind, paths in sound.items()})
    goodsight.train(photos, tmp_path / "model", recipe=Recipe(name, size=size, epochs=1), wishes=Wishes(spoilt=2))
    assert goodsight.inspect(tmp_path / "model")["backbone"]["name"] == name
    assert {p.label for p in goodsight.classify(tmp_path / "model", photos)} <= set(drawn.KINDS)


def test_an_encoder_of_the_users_own_is_used_as_it_is(sound: dict[str, list[Path]], lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {kind: paths[:12] for kind, paths in sound.items()})
    encoder = tmp_path / "encoder.onnx"
    encoder.write_bytes(by_name.load(size=64).network.read_bytes())
    recipe, wishes = Recipe(str(encoder)), Wishes(budget=0, spoilt=0)
    training = goodsight.train(photos, tmp_path / "model", recipe=recipe, wishes=wishes)
    assert training.measured.results[0].name == "out-of-fold"
    assert training.measured.results[0].scores.accuracy.value > 0.6
    assert goodsight.inspect(training.folder)["backbone"]["name"] == "encoder.onnx"


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


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """An unfinished training of other photos."""
    photos = TrainingSet((Row("a.jpg", tmp_path / "a.jpg"),), np.array([0]), np.array([0]), DEFAULT_LIMITS)
    unfinished.note(tmp_path / "model", Recipe("adnet", epochs=3), photos, ["00"], resume=False)
    return tmp_path / "model"


def test_an_unfinished_training_is_not_thrown_away_by_accident(
    drawn_photos: Path, planted: list[drawn.Planted], begun: Path
) -> None:
    record = unfinished.folder_for(begun) / "recipe.json"
    with pytest.raises(FolderExistsError, match=r"model\.training: an unfinished training; go on with `resume`"):
        goodsight.train(drawn_photos, begun, recipe=ADNET)
    # Nothing is removed for a run that cannot start.
    with pytest.raises(CatalogError):
        goodsight.train(drawn_photos / "nowhere", begun, recipe=ADNET, work=FORCE)
    with pytest.raises(EngineError):
        goodsight.train(drawn_photos, begun, recipe=Recipe("adnet", size=100), work=FORCE)
    assert record.is_file()


def test_a_resumed_training_must_have_its_photos(drawn_photos: Path, planted: list[drawn.Planted], begun: Path) -> None:
    with pytest.raises(EngineError, match="photos, labels, boxes or their order changed"):
        goodsight.train(drawn_photos, begun, work=RESUME)


def test_a_resumed_training_must_have_its_boxes(tmp_path: Path) -> None:
    def photos(*boxes: Box) -> TrainingSet:
        row = Row("a.jpg", tmp_path / "a.jpg", boxes=boxes)
        return TrainingSet((row,), np.array([0]), np.array([0]), DEFAULT_LIMITS)

    unfinished.note(tmp_path / "model", BRANDS, photos((0, 0, 5, 5)), ["00"], resume=False)
    unfinished.note(tmp_path / "model", BRANDS, photos((0, 0, 5, 5)), ["00"], resume=True)
    with pytest.raises(EngineError, match="boxes or their order changed"):
        unfinished.note(tmp_path / "model", BRANDS, photos((0, 0, 5, 6)), ["00"], resume=True)


@pytest.mark.parametrize(
    ("wished", "message"),
    [
        (Recipe("adnet", epochs=9), "`resume` goes on with `epochs` 3; leave `epochs` 9 out"),
        (Recipe("lenet5"), "`resume` goes on with `network` adnet; leave `network` lenet5 out"),
        (Recipe("lite0:tuned"), "`resume` goes on with `network` adnet; leave `network` lite0:tuned out"),
        (Recipe("adnet", distort=True), "`resume` goes on without `distort`; leave `distort` out"),
        (Recipe("adnet", size=96), "`resume` goes on without `size`; leave `size` 96 out"),
        (Recipe("brands", none_class="x"), "`resume` goes on with `network` adnet; leave `network` brands out"),
    ],
)
def test_a_resumed_training_does_not_ignore_options(
    wished: Recipe, message: str, drawn_photos: Path, begun: Path
) -> None:
    with pytest.raises(EngineError, match=message):
        goodsight.train(drawn_photos, begun, recipe=wished, work=RESUME)


@pytest.mark.parametrize(
    ("wished", "message"),
    [
        (Recipe("brands", none_class="x"), "`resume` goes on with `none_class` plain; leave `none_class` x out"),
        (Recipe("brands", none_recall=0.9), "`resume` goes on with `none_recall` 0.8; leave `none_recall` 0.9 out"),
    ],
)
def test_a_resumed_training_of_brands_does_not_ignore_options(wished: Recipe, message: str, tmp_path: Path) -> None:
    photos = TrainingSet((Row("a.jpg", tmp_path / "a.jpg"),), np.array([0]), np.array([0]), DEFAULT_LIMITS)
    begun = Recipe("brands", none_class="plain", none_recall=0.8)
    unfinished.note(tmp_path / "model", begun, photos, ["00"], resume=False)
    with pytest.raises(EngineError, match=message):
        unfinished.begin(tmp_path / "model", wished, resume=True, force=False)
    for same in (Recipe(), Recipe("brands", none_class="plain")):
        assert unfinished.begin(tmp_path / "model", same, resume=True, force=False) == begun


def test_photos_of_none_do_not_go_on_with_a_training_without_brands(drawn_photos: Path, begun: Path) -> None:
    with pytest.raises(EngineError, match="`none`: only for `network` brands; leave it out"):
        goodsight.train(drawn_photos, begun, none=drawn_photos, work=RESUME)


def test_a_damaged_record_is_no_training(drawn_photos: Path, begun: Path) -> None:
    (unfinished.folder_for(begun) / "recipe.json").write_text("{}")
    with pytest.raises(EngineError, match="holds no unfinished training"):
        goodsight.train(drawn_photos, begun, work=RESUME)
    with pytest.raises(FolderExistsError, match="no training of Goodsight"):
        goodsight.train(drawn_photos, begun, recipe=ADNET, work=FORCE)


def test_a_folder_of_the_users_in_the_way_is_left_alone(drawn_photos: Path, tmp_path: Path) -> None:
    mine = tmp_path / "model.training"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    with pytest.raises(FolderExistsError, match="no training of Goodsight"):
        goodsight.train(drawn_photos, tmp_path / "model", recipe=ADNET, work=FORCE)
    assert (mine / "notes.txt").read_text() == "mine"


def test_there_must_be_something_to_resume(drawn_photos: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"`resume`: .*model\.training holds no unfinished training"):
        goodsight.train(drawn_photos, tmp_path / "model", work=RESUME)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "compact", "views": 2}, "`views` 2: only for lite0, not for `network` compact"),
        ({"views": 3}, "`views` 3: use 1, or 2 for the whole photo and its centre"),
        ({"epochs": 3}, "`epochs`: only for a network that is trained here.*leave it out with `network` lite0"),
        ({"distort": True}, "`distort`: only for"),
        ({"device": "cpu"}, "`device`: only for"),
        ({"none_recall": 0.9}, "`none_recall`: only for `network` brands"),
        ({"network": "adnet", "none_recall": 0.9}, "`none_recall`: only for `network` brands"),
        ({"network": "brands", "none_recall": 0.5}, "`none_recall` 0.5: must be between 0.5 and 1"),
        ({"network": "resnet50", "epochs": 3}, "`network` resnet50: not known"),
        ({"network": "lite0:tune"}, "`network` lite0:tune: not known.*Did you mean.*lite0:tuned"),
        ({"network": "smallvgg"}, "`network` smallvgg: not known.*Did you mean.*smallervgg"),
        ({"network": "adnet", "epochs": -3}, "`epochs` -3: must be 0 or more"),
        ({"network": "adnet", "seed": -1}, "`seed` -1: must be 0 or more"),
    ],
)
def test_options_that_cannot_work_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(GoodsightError, match=message):
        Recipe(**options)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (Recipe("adnet", device="tpu"), "`device` tpu: this machine has"),
        (Recipe("brands", device="tpu"), "`device` tpu: this machine has"),
        (Recipe("lite0:tuned", device="tpu"), "`device` tpu: this machine has"),
        (Recipe("adnet", size=100), "`size` 100: adnet takes"),
    ],
)
def test_what_this_machine_cannot_train_is_said_before_any_work(recipe: Recipe, message: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=message):
        goodsight.train(tmp_path / "nowhere", tmp_path / "model", recipe=recipe)
    assert list(tmp_path.iterdir()) == []


def test_a_photo_that_vanishes_while_training_is_named(tmp_path: Path) -> None:
    from goodsight.photos.resize import Resize
    from goodsight.progress import quiet
    from goodsight.training import pixels

    gone = Row("gone.jpg", tmp_path / "gone.jpg")
    with pytest.raises(CatalogError, match=r"gone\.jpg: was changed while the network was trained"):
        pixels.decode([gone], Resize(32), tmp_path / "pixels.npy", DEFAULT_LIMITS, quiet)
    assert list(tmp_path.iterdir()) == []

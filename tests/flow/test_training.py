import csv
import hashlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import drawn
import numpy as np
import pytest
from PIL import Image

import goodsight
from goodsight import Labels, Recipe, Wishes, Work
from goodsight.errors import CatalogError, FolderExistsError, GoodsightError
from goodsight.flow.training import Training
from goodsight.model.record import LoadedModel
from goodsight.training import road

Sound = dict[str, list[Path]]
Lay = Callable[[Path, Mapping[str, Sequence[Path]]], Path]
QUICK = Wishes(budget=0)
FORCE = Work(force=True)


def _of(planted: list[drawn.Planted], fault: str) -> list[drawn.Planted]:
    return [p for p in planted if p.fault == fault]


def _predictions(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        return {row["file_name"]: row for row in csv.DictReader(stream)}


def _hashes(root: Path) -> dict[str, tuple[str, int]]:
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in files}


def _fail(*_: object, **__: object) -> None:
    raise RuntimeError("the network ran")


def test_truncated_photos_are_counted_and_named(trained: Training, planted: list[drawn.Planted]) -> None:
    found = dict(trained.measured.bad)
    assert set(found) == {p.file_name for p in _of(planted, "truncated")}
    assert all(reason.startswith("truncated") for reason in found.values())
    assert not set(found) & set(_predictions(trained.folder))


def test_twins_are_found_and_share_a_fold(trained: Training, planted: list[drawn.Planted]) -> None:
    rows = _predictions(trained.folder)
    group, fold = ({name: row[column] for name, row in rows.items()} for column in ("twin_group", "fold"))
    twins = [p for p in planted if p.fault.endswith("twin")]
    found = [p for p in twins if group[p.file_name] == group[p.of]]
    assert {p.file_name for p in found} >= {p.file_name for p in _of(planted, "byte twin")}
    assert trained.measured.exact_twins == 3
    # A near twin is cropped, lightened and saved again; how many of the three are near enough is tested in test_twins.
    assert trained.measured.near_twins == len(found) - 3 >= 1
    assert trained.measured.extra_copies == len(found)
    assert all(fold[p.file_name] == fold[p.of] for p in found)
    assert set(fold.values()) == set("01234")


def test_wrong_labels_are_doubted(trained: Training, planted: list[drawn.Planted]) -> None:
    predictions = _predictions(trained.folder)
    seen = [(predictions[p.file_name]["predicted"], p.of) for p in _of(planted, "wrong label")]
    assert sum(predicted == true for predicted, true in seen) >= 2


def test_predictions_say_what_was_in_the_folder(trained: Training, drawn_photos: Path) -> None:
    for name, row in _predictions(trained.folder).items():
        assert row["label"] == name.split("/")[0]
        assert row["sha256"] == hashlib.sha256((drawn_photos / name).read_bytes()).hexdigest()
        assert 0.25 <= float(row["probability"]) <= 1


def test_the_drawn_kinds_are_told_apart(trained: Training) -> None:
    (result,) = trained.measured.results
    assert result.name == "out-of-fold"
    assert result.scores.n == len(_predictions(trained.folder)) == 4 * 40 + 4 * 3
    assert result.scores.accuracy.value > 0.9
    assert result.scores.accuracy.low < result.scores.accuracy.value < result.scores.accuracy.high


def test_the_model_folder_has_the_documented_files(trained: Training) -> None:
    files = {p.relative_to(trained.folder).as_posix() for p in trained.folder.rglob("*") if p.is_file()}
    assert files == {
        *(f"canaries/{i}.jpg" for i in range(8)),
        *("network.onnx", "heads.safetensors", "model.json", "SHA256"),
        *("report.html", "metrics.json", "predictions.csv", "README.md"),
    }


def test_a_second_training_skips_the_network_and_says_the_same(
    trained: Training, drawn_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goodsight.backbones.engine._OpenVino.submit", _fail)
    again = goodsight.train(drawn_photos, tmp_path / "again", wishes=Wishes(precision=0.95, budget=0))
    name = "predictions.csv"
    assert (again.folder / name).read_bytes() == (trained.folder / name).read_bytes()
    with pytest.raises(RuntimeError, match="the network ran"):
        goodsight.train(drawn_photos, tmp_path / "no-cache", work=Work(cache=False))


def test_an_existing_folder_is_kept_without_force(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {kind: sound[kind][:4] for kind in ("bag", "mug")})
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep me")
    with pytest.raises(FolderExistsError, match=r"out is there already.*`force`"):
        goodsight.train(photos, out, wishes=QUICK)
    with pytest.raises(FolderExistsError, match=r"out was not made by goodsight, so `force` does not delete it"):
        goodsight.train(photos, out, wishes=QUICK, work=FORCE)
    assert (out / "mine.txt").read_text() == "keep me"
    (out / "mine.txt").rename(out / "metrics.json")
    goodsight.train(photos, out, wishes=QUICK, work=FORCE)
    assert (out / "model.json").is_file()
    assert (out / "metrics.json").read_text() != "keep me"
    assert {p.name for p in tmp_path.iterdir()} == {"photos", "out"}


def test_a_failed_training_leaves_nothing(
    sound: Sound, lay: Lay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = lay(tmp_path / "photos", {kind: sound[kind][:4] for kind in ("bag", "mug")})
    monkeypatch.setattr("goodsight.model.folder.seal", _fail)
    with pytest.raises(RuntimeError):
        goodsight.train(photos, tmp_path / "models" / "out", wishes=QUICK)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_failed_training_with_force_keeps_the_old_model(
    sound: Sound, lay: Lay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = lay(tmp_path / "photos", {kind: sound[kind][:4] for kind in ("bag", "mug")})
    out = tmp_path / "out"
    out.mkdir()
    (out / "metrics.json").write_text("old")
    monkeypatch.setattr("goodsight.model.folder.seal", _fail)
    with pytest.raises(RuntimeError):
        goodsight.train(photos, out, wishes=QUICK, work=FORCE)
    assert (out / "metrics.json").read_text() == "old"


_KILLED = """
import os, signal, sys
import goodsight
from goodsight.model import folder as model_folder
model_folder.seal = lambda folder: os.kill(os.getpid(), signal.SIGKILL)
goodsight.train(sys.argv[1], sys.argv[2], wishes=goodsight.Wishes(budget=0))
"""


def test_a_killed_training_leaves_no_model(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {kind: sound[kind][:4] for kind in ("bag", "mug")})
    out = tmp_path / "out"
    ended = subprocess.run([sys.executable, "-c", _KILLED, str(photos), str(out)], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert not out.exists()
    goodsight.train(photos, out, wishes=QUICK)
    assert (out / "SHA256").is_file()


def test_evaluating_on_training_photos_counts_them_as_leaked(
    loaded: LoadedModel, sound: Sound, lay: Lay, tmp_path: Path
) -> None:
    photos = lay(tmp_path / "photos", {"bag": sound["bag"][:5], "mug": sound["mug"][:5]})
    evaluation = goodsight.evaluate(loaded, photos)
    assert evaluation.folder is None
    assert (evaluation.result.leaked, evaluation.result.scores.n) == (10, 10)
    assert evaluation.result.scores_without_leaks is None


def test_evaluating_scores_new_photos_apart_from_leaked_ones(
    loaded: LoadedModel, sound: Sound, lay: Lay, tmp_path: Path
) -> None:
    photos = lay(tmp_path / "photos", {"bag": sound["bag"][:2], "mug": sound["mug"][:2], "hat": sound["shoe"][:1]})
    Image.open(sound["bag"][7]).save(photos / "bag" / "resaved.png")
    rng = np.random.default_rng(99)
    for kind in ("bag", "mug"):
        for number in range(6):
            drawn.draw(kind, rng).save(photos / kind / f"new{number}.jpg")
    out = tmp_path / "report"
    evaluation = goodsight.evaluate(loaded, photos, out=out)
    result = evaluation.result
    assert (result.scores.n, result.leaked) == (17, 5)
    assert result.scores_without_leaks is not None
    assert result.scores_without_leaks.n == 12
    assert result.scores_without_leaks.accuracy.value > 0.6
    ((name, reason),) = evaluation.measured.left_out
    assert name == f"hat/{sound['shoe'][0].name}"
    assert "the model has no class 'hat'" in reason
    assert {p.name for p in out.iterdir()} >= {"report.html", "metrics.json"}
    assert not (out / "network.onnx").exists()
    with pytest.raises(FolderExistsError):
        goodsight.evaluate(loaded, photos, out=out)


def test_evaluating_needs_a_known_label(loaded: LoadedModel, sound: Sound, lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {"hat": sound["bag"][:2], "sock": sound["mug"][:2]})
    with pytest.raises(CatalogError, match=r"none of the labels \(hat, sock\).*\(bag, lamp, mug, shoe\)"):
        goodsight.evaluate(loaded, photos)


def test_evaluating_needs_a_good_photo(loaded: LoadedModel, truncated: list[Path], lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {"bag": truncated[:2]})
    with pytest.raises(CatalogError, match="none of 2 photos can be used; the first: truncated"):
        goodsight.evaluate(loaded, photos)


def test_a_given_split_is_kept_and_its_leaks_are_counted(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    def part(first: int, last: int, name: str) -> dict[str, list[Path]]:
        return {f"{name}/{kind}": sound[kind][first:last] for kind in ("bag", "mug")}

    photos = lay(tmp_path / "photos", part(0, 12, "train") | part(12, 16, "val") | part(16, 20, "test"))
    for kind in ("bag", "mug"):
        shutil.copyfile(sound[kind][0], photos / "test" / kind / "leaked.jpg")
    lay(photos, {"test/shoe": sound["shoe"][:1]})
    training = goodsight.train(photos, tmp_path / "out", wishes=QUICK)
    # Few photos of the user's own splits come last.
    out_of_fold, validation, test = training.measured.results
    assert [r.name for r in (validation, test, out_of_fold)] == ["validation", "test", "out-of-fold"]
    assert [r.scores.n for r in (validation, test, out_of_fold)] == [8, 10, 24]
    assert [r.leaked for r in (validation, test, out_of_fold)] == [0, 2, 0]
    assert validation.scores_without_leaks is None
    assert test.scores_without_leaks is not None
    assert test.scores_without_leaks.n == 8
    assert training.measured.counts["bag"] == {"train": 12, "validation": 4, "test": 5}
    assert {b.file_name.split("/")[0] for _, b in training.measured.leaked_pairs} == {"train"}
    ((name, reason),) = training.measured.left_out
    assert name.startswith("test/shoe/")
    assert "no training photo" in reason
    assert all(name.startswith("train/") for name in _predictions(training.folder))
    merged = goodsight.train(photos, tmp_path / "merged", wishes=QUICK, labels=Labels(ignore_split=True))
    assert [(r.name, r.scores.n) for r in merged.measured.results] == [("out-of-fold", 43)]


def test_classes_of_one_and_two_photos_are_kept_and_named(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    photos = lay(
        tmp_path / "photos",
        {"bag": sound["bag"][:10], "mug": sound["mug"][:10], "lamp": sound["lamp"][:2], "shoe": sound["shoe"][:1]},
    )
    training = goodsight.train(photos, tmp_path / "out", wishes=QUICK)
    (result,) = training.measured.results
    assert training.measured.parts[0].judge.classes == ("bag", "lamp", "mug", "shoe")
    assert result.not_measurable == ["lamp", "shoe"]
    assert [result.scores.support[i] for i in range(4)] == [10, 2, 10, 1]
    (again,) = goodsight.load(training.folder).model.judges
    assert [len(scores) for scores in again.calibration] == [10, 2, 10, 1]


def test_two_photos_are_enough_to_train_on(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {"bag": sound["bag"][:1], "mug": sound["mug"][:1]})
    training = goodsight.train(photos, tmp_path / "out", wishes=QUICK)
    assert goodsight.load(training.folder).model.judges[0].classes == ("bag", "mug")
    assert training.measured.results[0].not_measurable == ["bag", "mug"]


def test_many_classes_are_looked_at_closely(
    sound: Sound, lay: Lay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = lay(tmp_path / "photos", {kind: sound[kind][:3] for kind in ("bag", "mug")})

    def size(views: int = 0) -> int:
        training = goodsight.train(photos, tmp_path / "out", wishes=QUICK, recipe=Recipe(views=views), work=FORCE)
        return training.measured.model.backbone.resize.size

    assert size() == 224
    monkeypatch.setattr(road, "MANY_CLASSES", 2)
    assert size() == 304
    assert size(views=1) == 224


def test_one_class_is_not_enough(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {"bag": sound["bag"][:4]})
    with pytest.raises(CatalogError, match=r"one class only \('bag'\)"):
        goodsight.train(photos, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_class_of_bad_photos_only_is_left_out_and_its_photos_named(
    sound: Sound, truncated: list[Path], lay: Lay, tmp_path: Path
) -> None:
    photos = lay(tmp_path / "photos", {"bag": sound["bag"][:4], "mug": sound["mug"][:4], "hat": truncated})
    training = goodsight.train(photos, tmp_path / "out", wishes=QUICK)
    assert training.measured.parts[0].judge.classes == ("bag", "mug")
    assert {name for name, _ in training.measured.bad} == {f"hat/{p.name}" for p in truncated}


def test_too_few_good_classes_is_said_with_the_first_bad_photo(
    sound: Sound, truncated: list[Path], lay: Lay, tmp_path: Path
) -> None:
    photos = lay(tmp_path / "photos", {"bag": sound["bag"][:4], "hat": truncated})
    with pytest.raises(CatalogError, match=r"1 class .* 4 good photos and 3 bad ones.*hat/.*: truncated"):
        goodsight.train(photos, tmp_path / "out")


def test_a_folder_of_off_topic_photos_is_used(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {kind: sound[kind][:20] for kind in ("bag", "mug")})
    others, new = tmp_path / "others", tmp_path / "new"
    rng = np.random.default_rng(5)
    for folder, count in ((others, 16), (new, 8)):
        folder.mkdir()
        for number in range(count):
            drawn.draw_off_topic(rng).save(folder / f"{number:02}.jpg")
    training = goodsight.train(photos, tmp_path / "out", wishes=Wishes(budget=0, off_topic_alpha=0.1), off_topic=others)
    model = goodsight.load(training.folder)
    assert len(model.model.off_topic.negatives) == 16
    assert sum(p.verdict == "off-topic" for p in goodsight.classify(model, new)) >= 7
    lay(tmp_path / "more", {kind: sound[kind][20:30] for kind in ("bag", "mug")})
    assert sum(p.verdict == "off-topic" for p in goodsight.classify(model, tmp_path / "more")) <= 8


def test_photos_to_come_are_used_and_their_faults_told(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {name: sound[name][:12] for name in ("mug", "shoe")})
    like = lay(tmp_path / "like", {"new": [*sound["mug"][12:18], sound["mug"][0]]})
    (like / "new" / "bad.jpg").write_bytes(b"no photo")
    training = goodsight.train(photos, tmp_path / "out", wishes=Wishes(budget=0, spoilt=0), like=like)
    said = [note for of, note in training.measured.notes if of == "like"]
    assert "1 photos are copies of training photos and left out" in said
    assert any(note.startswith("1 photos cannot be used; the first: ") for note in said)
    assert any(note.startswith("photos to come are ") for note in said)
    with pytest.raises(CatalogError, match="`like` seeks what belongs together, `group` says it: leave `like` out"):
        goodsight.train(photos, tmp_path / "grouped", labels=Labels(group="none"), like=like)


def test_a_missing_off_topic_folder_is_said(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {kind: sound[kind][:2] for kind in ("bag", "mug")})
    with pytest.raises(CatalogError, match="nowhere: there is no such"):
        goodsight.train(photos, tmp_path / "out", off_topic=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("option", "value"),
    [("precision", 1.0), ("precision", 0.5), ("alpha", 0.0), ("alpha", 0.5), ("off_topic_alpha", -0.1)],
)
def test_a_number_out_of_range_is_said_before_any_work(option: str, value: float, tmp_path: Path) -> None:
    numbers: dict[str, Any] = {"precision": 0.9, "alpha": 0.05, "off_topic_alpha": 0.01} | {option: value}
    with pytest.raises(GoodsightError, match=f"`{option}` {value:g}: must be between"):
        goodsight.train(tmp_path / "nowhere", tmp_path / "out", wishes=Wishes(**numbers))


@pytest.mark.parametrize(("option", "value"), [("budget", -1.0), ("spoilt", -1), ("budget", float("nan"))])
def test_a_number_that_is_too_small_is_said(option: str, value: float) -> None:
    numbers: dict[str, Any] = {option: value}
    with pytest.raises(GoodsightError, match=f"`{option}` {value:g}: must be 0 or more"):
        Wishes(**numbers)


def test_the_photos_are_never_changed(sound: Sound, truncated: list[Path], lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {"bag": sound["bag"][:3] + truncated[:1], "mug": sound["mug"][:3]})
    before = _hashes(photos)
    out = goodsight.train(photos, tmp_path / "out", wishes=QUICK).folder
    goodsight.evaluate(out, photos, out=tmp_path / "report")
    assert len(list(goodsight.classify(out, photos))) == 7
    goodsight.check(out, photos / "bag" / sound["bag"][0].name, "bag")
    assert _hashes(photos) == before


def test_classifying_nothing_is_an_error(loaded: LoadedModel, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="nothing given: no photos"):
        goodsight.classify(loaded)
    with pytest.raises(CatalogError, match="no photos; give photos, folders or lists"):
        goodsight.classify(loaded, tmp_path)
    with pytest.raises(CatalogError, match="nowhere: there is no such photo"):
        goodsight.classify(loaded, tmp_path / "nowhere")
    with pytest.raises(CatalogError, match="nowhere: there is no such photo"):
        goodsight.check(loaded, tmp_path / "nowhere", "bag")


def test_the_package_gives_the_verbs() -> None:
    assert goodsight.train is goodsight.train
    assert goodsight.inspect is goodsight.inspect
    with pytest.raises(AttributeError, match="no attribute 'teach'"):
        goodsight.teach  # noqa: B018

"""A ledger that puts wrong labels right is seen to gain on photos that it does not touch; an idle one is not."""

import csv
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up import learned, nothing

import goodsight
from goodsight import Labels, Wishes
from goodsight.backbones.backbone import Backbone
from goodsight.catalog.ledger import COLUMNS
from goodsight.catalog.replay import Replayed
from goodsight.catalog.rows import NO, YES, Attribute, Catalog, Row
from goodsight.embedding.photoset import PhotoSet, to_train
from goodsight.embedding.table import Table
from goodsight.flow.training import Training
from goodsight.heads.head import Setting
from goodsight.measuring import gain
from goodsight.measuring.gain import Gain
from goodsight.model.learn import Learned
from goodsight.photos.resize import Resize
from goodsight.training.fitted import Undone
from goodsight.training.groups import Grouped, group

Sound = dict[str, list[Path]]
Lay = Callable[[Path, Mapping[str, Sequence[Path]]], Path]
QUICK = Wishes(budget=0, spoilt=0)
WIDTH = 8


@pytest.fixture
def tiny() -> Backbone:
    from goodsight.backbones.backbone import Block

    return Backbone("tiny", Path("network.onnx"), "0" * 64, Resize(32), (Block("features", WIDTH, 1.0),))


def _table(kinds: Sequence[str], labels: Sequence[str], seed: int, copies: Mapping[int, bytes] | None = None) -> Table:
    """Photos that show ``kinds`` and are called ``labels``: each kind lies around its own corner."""
    rng = np.random.default_rng(seed)
    n = len(kinds)
    corner = np.array([sorted({"bag", "mug"}).index(kind) for kind in kinds])
    vectors = rng.normal(0, 1, (n, WIDTH)).astype(np.float32)
    vectors[:, 0] += 3 * corner
    rows = tuple(Row(f"{label}/{seed}-{i}.jpg", Path(f"{seed}-{i}.jpg"), (label,)) for i, label in enumerate(labels))
    digests = tuple(hashlib.sha256((copies or {}).get(i, f"{seed}-{i}".encode())).hexdigest() for i in range(n))
    return Table(rows, digests, vectors, rng.integers(0, 255, (n, 256), dtype=np.uint8), ())


def _measured(after: PhotoSet, backbone: Backbone, old: Mapping[str, str], put_back: Table) -> Gain:
    """The gain of a ledger that relabelled photos, by name with their ``old`` labels, and dropped ``put_back``."""
    return gain.measure(_replayed(after, old), _learned(after, backbone, put_back))


def _replayed(after: PhotoSet, old: Mapping[str, str]) -> Replayed:
    relabelled = {name: (label,) for name, label in old.items()}
    return Replayed(Catalog("photos", after.table.rows), relabelled=relabelled)


def _learned(after: PhotoSet, backbone: Backbone, put_back: Table) -> Learned:
    (found,) = learned([after], backbone, undone=put_back)
    return found


def _set(table: Table) -> PhotoSet:
    (made,) = to_train(Catalog("photos", table.rows), table)
    return made


def _grouped(photo_set: PhotoSet, backbone: Backbone) -> Grouped:
    (made,) = group([photo_set], backbone)
    return made


def test_right_labels_gain_and_the_interval_says_so(tiny: Backbone) -> None:
    kinds = ["bag", "mug"] * 100
    after = _set(_table(kinds, kinds, 0))
    wrong = {row.file_name: "bag" for row in after.table.rows[:160] if row.labels == ("mug",)}
    found = _measured(after, tiny, wrong, nothing(WIDTH))
    assert found.comparison is not None
    assert found.comparison.n == 200 - len(wrong) == 120
    assert found.comparison.gain.low > 0
    assert found.comparison.loss_gain.low > 0
    assert found.losses[0] - found.losses[1] == pytest.approx(found.comparison.loss_gain.value)
    told = found.to_json()
    assert told["accuracy_with"] - told["accuracy_without"] == pytest.approx(told["accuracy_gain"]["value"], abs=2e-5)
    assert json.dumps(told, allow_nan=False)


def test_dropped_photos_are_put_back_and_their_twins_do_not_count_from_two_folds(tiny: Backbone) -> None:
    kinds = ["bag", "mug"] * 50
    after = _set(_table(kinds, kinds, 0))
    wrong = _table(["bag"] * 60, ["mug"] * 60, 1)
    found = _measured(after, tiny, {}, wrong)
    assert found.comparison is not None
    assert found.comparison.n == 100
    assert found.comparison.gain.low > 0
    folds = _grouped(after, tiny).folds
    a, b = 0, int(np.flatnonzero(folds != folds[0])[0])
    # The dropped photo looks like two photos that look less like each other: half of it is of each.
    thumbnails, vectors = after.table.thumbnails.copy(), after.table.vectors.copy()
    thumbnails[b, 30:], vectors[b] = thumbnails[a, 30:], vectors[a]
    between = thumbnails[[a]].copy()
    between[0, :15] = thumbnails[b, :15]
    after = _set(replace(after.table, thumbnails=thumbnails, filed=vectors))
    assert (_grouped(after, tiny).folds == folds).all()
    bridge = replace(wrong.take(np.arange(1)), thumbnails=between, filed=vectors[[a]])
    found = _measured(after, tiny, {}, bridge)
    assert found.comparison is not None
    assert found.comparison.n == 99


def test_dropped_photos_are_put_back_with_their_copies(tiny: Backbone) -> None:
    kinds = ["bag", "mug"] * 50
    after, wrong = _set(_table(kinds, kinds, 0)), _table(["bag"] * 60, ["mug"] * 60, 1)
    found = _learned(after, tiny, wrong)
    head = replace(found.judge.head, setting=Setting("cosine", 0.0, 0.1, grey=True))
    assert found.fitted.examples is not None
    examples = replace(found.fitted.examples, grey=after.table.vectors)
    judge = replace(found.judge, head=head)
    losses = []
    for kind in ("bag", "mug"):
        copies = _table([kind] * 60, ["mug"] * 60, 2).vectors
        fitted = replace(found.fitted, examples=examples, undone=Undone(wrong, copies))
        gained = gain.measure(_replayed(after, {}), replace(found, fitted=fitted, judge=judge))
        assert gained.comparison is not None
        assert gained.comparison.n == 100
        losses.append(gained.losses[0])
    assert losses[0] > losses[1] + 0.02  # copies that show a bag, and are called a mug, mislead once more


def test_a_class_that_only_the_ledger_has_is_compared(tiny: Backbone) -> None:
    kinds = ["bag", "mug"] * 50
    table = _table(kinds, [f"new {kind}" if i < 20 else kind for i, kind in enumerate(kinds)], 0)
    old = {row.file_name: row.labels[0].removeprefix("new ") for row in table.rows[:20]}
    found = _measured(_set(table), tiny, old, _table(["bag"], ["gone"], 1))
    assert found.comparison is not None
    assert found.comparison.n == 80


def test_what_cannot_be_measured_is_said(tiny: Backbone) -> None:
    kinds = ["bag", "mug"] * 10
    after, none = _set(_table(kinds, kinds, 0)), nothing(WIDTH)
    idle = _measured(after, tiny, {}, none)
    assert idle.to_json() == {"not_measured": "it changes no photo that is trained on"}
    every = {row.file_name: "mug" if row.labels == ("bag",) else "bag" for row in after.table.rows}
    assert _measured(after, tiny, every, none).reason == "it leaves no photo untouched"
    mugs = {row.file_name: "bag" for row in after.table.rows if row.labels == ("mug",)}
    found = _measured(after, tiny, mugs, none)
    assert found.reason == "without it there is one class only"


def test_a_tag_is_given_by_its_cut(tiny: Backbone) -> None:
    """The tag is rare and never likelier than its absence, so that the likeliest answer is always "no"."""
    draw = np.random.default_rng(0)
    labels = [YES if i % 8 == 0 else NO for i in range(400)]
    table = _table(["bag"] * 400, labels, 0)
    table.vectors[:, 0] += 1.2 * np.array([label == YES for label in labels])
    after = replace(_set(table), attribute=Attribute("framed", tag=True))
    old = {row.file_name: YES for row in after.table.rows if row.labels == (NO,) and draw.random() < 0.02}
    found = _learned(after, tiny, nothing(WIDTH))
    fair = np.array([row.file_name not in old for row in after.table.rows])
    right, likeliest = (answers == after.labels for answers in (found.guesses, found.probabilities.argmax(axis=1)))
    assert right[fair].mean() != likeliest[fair].mean()
    gained = gain.measure(_replayed(after, old), found).comparison
    assert gained is not None
    assert gained.candidate_accuracy == pytest.approx(right[fair].mean())
    # The training without the ledger has a cut of its own: it is no worse than by chance a little.
    assert gained.current_accuracy == pytest.approx(gained.candidate_accuracy, abs=0.1)


def _ledger(path: Path, photos: Path, *rows: tuple[str, str, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for name, decision, label in rows:
            photo = photos / name
            sha256 = hashlib.sha256(photo.read_bytes()).hexdigest() if photo.exists() else "0" * 64
            writer.writerow([name, sha256, decision, label, "planted", "ann", "2026-01-31T12:00:00Z"])
    return path


@pytest.fixture(scope="module")
def wrong(sound: Sound, lay: Lay, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bags and mugs, of which ten bags are called mugs, and five lamps that are called bags."""
    root = tmp_path_factory.mktemp("wrong")
    bags, mugs, lamps = sound["bag"], sound["mug"], sound["lamp"]
    return lay(root / "photos", {"bag": bags[10:26] + lamps[:5], "mug": mugs[:14] + bags[:10]})


@pytest.fixture(scope="module")
def corrected(wrong: Path, sound: Sound, tmp_path_factory: pytest.TempPathFactory) -> Training:
    root = tmp_path_factory.mktemp("corrected")
    ledger = _ledger(
        root / "ledger.csv",
        wrong,
        *((f"mug/{photo.name}", "relabel", "bag") for photo in sound["bag"][:10]),
        *((f"bag/{photo.name}", "drop", "") for photo in sound["lamp"][:5]),
        (f"bag/{sound['bag'][10].name}", "keep", ""),
        ("bag/gone.jpg", "drop", ""),
    )
    return goodsight.train(wrong, root / "out", labels=Labels(ledger=ledger), wishes=QUICK)


def test_a_training_with_a_ledger_says_what_it_changed_and_gained(
    corrected: Training, wrong: Path, sound: Sound
) -> None:
    found = corrected.measured
    assert found.counts == {"bag": {"photos": 26}, "mug": {"photos": 14}}
    assert sorted(found.left_out) == sorted(
        (f"bag/{photo.name}", "dropped by the ledger: planted") for photo in sound["lamp"][:5]
    )
    with (corrected.folder / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        labels = {row["file_name"]: row["label"] for row in csv.DictReader(stream)}
    assert len(labels) == 40
    assert {labels[f"mug/{photo.name}"] for photo in sound["bag"][:10]} == {"bag"}
    told = json.loads((corrected.folder / "metrics.json").read_text())["ledger"]
    assert (told["kept"], told["dropped"], told["relabelled"]) == (1, 5, 10)
    assert [name for name, _ in told["without_a_photo"]] == ["bag/gone.jpg"]
    assert told["gain"]["n"] == 30
    assert told["gain"]["log_loss_gain"]["low"] > 0
    page = (corrected.folder / "report.html").read_text(encoding="utf-8")
    assert "5 photos are dropped, 10 relabelled and 1 kept as they are" in page
    assert "of the 30 training photos that the ledger does not touch" in page
    assert "bag/gone.jpg" in page
    assert len(list(wrong.rglob("*.jpg"))) == 45


def test_dropped_test_photos_are_not_put_into_the_training(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    kinds = ("bag", "mug")
    given = {f"train/{kind}": sound[kind][:6] for kind in kinds} | {f"test/{kind}": sound[kind][6:16] for kind in kinds}
    photos = lay(tmp_path / "photos", given)
    ledger = _ledger(tmp_path / "a.csv", photos, (f"test/bag/{sound['bag'][6].name}", "drop", ""))
    found = goodsight.train(photos, tmp_path / "out", labels=Labels(ledger=ledger), wishes=QUICK).measured
    assert found.counts["bag"] == {"train": 6, "test": 9}
    gained = found.parts[0].gain
    assert gained is not None
    assert gained.reason == "it changes no photo that is trained on"
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "What it gained is not measured: it changes no photo that is trained on." in page


def test_evaluating_honours_a_ledger(corrected: Training, wrong: Path, sound: Sound, tmp_path: Path) -> None:
    first = sound["bag"][0].name
    ledger = _ledger(tmp_path / "a.csv", wrong, (f"mug/{first}", "relabel", "bag"))
    plain = goodsight.evaluate(corrected.folder, wrong)
    found = goodsight.evaluate(
        corrected.folder, wrong, labels=Labels(ledger=[ledger]), out=tmp_path / "report", spoilt=0
    )
    assert plain.measured.ledger is None
    assert found.result.scores.support == (plain.result.scores.support[0] + 1, plain.result.scores.support[1] - 1)
    told = json.loads((tmp_path / "report" / "metrics.json").read_text())["ledger"]
    assert (told["relabelled"], told["gain"]) == (1, None)
    assert "0 photos are dropped, 1 relabelled" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_the_gain_is_not_measured_for_a_network_trained_here(tiny: Backbone) -> None:
    after = _set(_table(["bag", "mug"] * 10, ["bag", "mug"] * 10, 0))
    one = _learned(after, tiny, nothing(WIDTH))
    found = gain.measure(_replayed(after, {}), replace(one, fitted=replace(one.fitted, examples=None, undone=None)))
    assert found.reason == "the network that is trained here would have to be trained again"

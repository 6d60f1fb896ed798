"""A candidate replaces a model only when it is really better on photos that neither was trained on."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import drawn
import numpy as np
import pytest

import goodsight
from goodsight import Wishes
from goodsight.arrays import Bools, Ints
from goodsight.errors import CatalogError, GoodsightError, ModelError
from goodsight.measuring.comparison import Comparison, Outcome, compare

QUICK = Wishes(budget=0)
Sound = dict[str, list[Path]]
Lay = Callable[[Path, Mapping[str, Sequence[Path]]], Path]
RNG = np.random.default_rng(0)


def _compared(current: Bools, candidate: Bools, labels: Ints, groups: Ints) -> Comparison:
    """Two models that give 0.9 to the right one of two classes, or to the other one."""
    given = (np.where(right, labels, 1 - labels) for right in (current, candidate))
    probabilities = (np.where(np.arange(2) == one[:, None], 0.9, 0.1) for one in given)
    one, two = (Outcome.of(each, labels) for each in probabilities)
    return compare(one, two, groups)


def test_a_real_gain_is_above_zero_and_a_chance_one_is_not() -> None:
    labels, groups = RNG.integers(0, 2, 400), np.arange(400)
    current = RNG.random(400) < 0.8
    better = current | (RNG.random(400) < 0.5)
    found = _compared(current, better, labels, groups)
    assert found.gain.value == pytest.approx(better.mean() - current.mean())
    assert 0 < found.gain.low < found.gain.value < found.gain.high
    assert found.loss_gain.low > 0
    like = RNG.permutation(current)
    assert _compared(current, like, labels, groups).gain.low < 0


def test_the_same_answers_may_hide_a_difference() -> None:
    labels, right = np.zeros(100, int), np.arange(100) > 20
    found = _compared(right, right, labels, np.arange(100)).gain
    assert (found.value, found.low, found.high) == pytest.approx((0, -(1 - 0.025**0.01), 1 - 0.025**0.01))
    assert _compared(right, right, labels, np.arange(100) // 10).gain.high > 0.3


def test_twins_make_the_interval_wider() -> None:
    labels = np.repeat(RNG.integers(0, 2, 40), 10)
    current, better = (np.repeat(RNG.random(40) < share, 10) for share in (0.6, 0.8))
    every = (np.arange(400), np.repeat(np.arange(40), 10))
    apart, together = (_compared(current, better, labels, groups).gain for groups in every)
    assert together.high - together.low > 2 * (apart.high - apart.low)


@pytest.fixture(scope="module")
def sources(sound: Sound, lay: Lay, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder with wrong labels, a right one, and new photos for a test."""
    root = tmp_path_factory.mktemp("promotion")
    bags, mugs = sound["bag"], sound["mug"]
    wrong = {"train/bag": bags[:3] + mugs[3:12], "train/mug": mugs[:3] + bags[3:12]}
    right = {"train/bag": bags[:12], "train/mug": mugs[:12]}
    test = {"test/bag": bags[14:30], "test/mug": mugs[14:30]}
    made = {"wrong": lay(root / "wrong", wrong | test), "right": lay(root / "right", right | test)}
    new = {kind: root / "new" / kind for kind in ("bag", "mug")}
    rng = np.random.default_rng(77)
    for kind, folder in new.items():
        folder.mkdir(parents=True)
        for number in range(12):
            drawn.draw(kind, rng).save(folder / f"{number:02}.jpg", quality=90)
    return made | {"new": root / "new"}


@pytest.fixture(scope="module")
def models(sources: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {name: goodsight.train(sources[name], root / name, wishes=QUICK).folder for name in ("wrong", "right")}


def _in_use(models: dict[str, Path], name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(models[name], tmp_path / "model"))


def test_a_better_model_takes_the_place_and_the_old_one_is_kept(models: dict[str, Path], tmp_path: Path) -> None:
    in_use = _in_use(models, "wrong", tmp_path)
    before = (in_use / "model.json").read_bytes()
    done = goodsight.promote(models["right"], in_use)
    assert done.promoted
    assert done.comparison.n == 32
    assert done.comparison.gain.low > 0
    assert (in_use / "model.json").read_bytes() == (models["right"] / "model.json").read_bytes()
    assert done.kept is not None
    assert done.kept.parent == tmp_path
    assert (done.kept / "model.json").read_bytes() == before
    assert goodsight.inspect(in_use)["attributes"][0]["classes"] == ["bag", "mug"]
    assert models["right"].is_dir()


@pytest.mark.parametrize(("candidate", "in_use"), [("wrong", "right"), ("right", "right")])
def test_a_model_that_is_not_better_is_left_where_it_is(
    candidate: str, in_use: str, models: dict[str, Path], tmp_path: Path
) -> None:
    folder = _in_use(models, in_use, tmp_path)
    done = goodsight.promote(models[candidate], folder)
    assert (done.promoted, done.kept) == (False, None)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_photos_with_a_twin_in_a_training_do_not_count(
    models: dict[str, Path], sources: dict[str, Path], sound: Sound, tmp_path: Path
) -> None:
    test = Path(shutil.copytree(sources["new"], tmp_path / "test"))
    for number in range(4):
        shutil.copyfile(sound["bag"][number], test / "bag" / f"known{number}.jpg")
    done = goodsight.promote(models["right"], _in_use(models, "wrong", tmp_path), test=test)
    assert done.left_out >= 4
    assert done.comparison.n <= 24


def test_a_minimum_gain_moves_the_bar(models: dict[str, Path], tmp_path: Path) -> None:
    assert not goodsight.promote(models["right"], _in_use(models, "wrong", tmp_path), min_gain=1.0).promoted


def test_what_cannot_be_compared_is_said(
    models: dict[str, Path], sources: dict[str, Path], sound: Sound, lay: Lay, tmp_path: Path
) -> None:
    more = lay(tmp_path / "more", {kind: sound[kind][:6] for kind in ("bag", "lamp")})
    other = goodsight.train(more, tmp_path / "other", wishes=QUICK).folder
    in_use = _in_use(models, "right", tmp_path)
    with pytest.raises(ModelError, match="lacks the classes mug"):
        goodsight.promote(other, in_use)
    full = lay(tmp_path / "full", {kind: sound[kind][:6] for kind in ("bag", "lamp", "mug")})
    unsplit = goodsight.train(full, tmp_path / "unsplit", wishes=QUICK).folder
    with pytest.raises(CatalogError, match="without test or validation photos; give some with `test`"):
        goodsight.promote(unsplit, in_use)
    with pytest.raises(CatalogError, match="none of the labels"):
        goodsight.promote(
            unsplit, in_use, test=lay(tmp_path / "lamps", {"lamp": sound["lamp"][:2], "x": sound["shoe"][:1]})
        )
    with pytest.raises(GoodsightError, match="not a model folder"):
        goodsight.promote(unsplit, tmp_path / "nothing")


def test_a_changed_test_photo_is_refused(sources: dict[str, Path], models: dict[str, Path], tmp_path: Path) -> None:
    photos = Path(shutil.copytree(sources["right"], tmp_path / "photos"))
    candidate = goodsight.train(photos, tmp_path / "candidate", wishes=QUICK).folder
    changed, gone, *_ = sorted((photos / "test" / "bag").iterdir())
    gone.unlink()
    in_use = _in_use(models, "wrong", tmp_path)
    assert goodsight.promote(candidate, in_use, min_gain=1.0).left_out == 1
    drawn.draw("mug", np.random.default_rng(1)).save(changed)
    with pytest.raises(CatalogError, match=f"1 test photos were changed since the training .*{changed.name}"):
        goodsight.promote(candidate, in_use)


def test_a_correction_wins_and_is_named(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    first = lay(tmp_path / "photos", {"bag": [*sound["bag"][:8], sound["mug"][9]], "mug": sound["mug"][:8]})
    second = lay(tmp_path / "corrections", {"mug": [sound["mug"][9]]})
    training = goodsight.train([first, second], tmp_path / "out", wishes=QUICK)
    name = sound["mug"][9].name
    assert training.measured.left_out == [
        (f"photos/bag/{name}", f"labelled 'bag', but corrections/mug/{name} says 'mug'")
    ]
    assert training.measured.counts == {"bag": {"photos": 8}, "mug": {"photos": 9}}
    assert json.loads((training.folder / "model.json").read_text())["info"]["source"] == "photos, corrections"


def test_photos_without_a_split_are_training_photos_beside_those_with_one(
    sound: Sound, lay: Lay, tmp_path: Path
) -> None:
    first = lay(tmp_path / "a" / "photos", {kind: sound[kind][:8] for kind in ("bag", "mug")})
    split = {"train/bag": sound["bag"][8:10], "test/bag": sound["bag"][10:13], "test/mug": sound["mug"][10:13]}
    second = lay(tmp_path / "b" / "photos", split)
    training = goodsight.train([first, second], tmp_path / "out", wishes=QUICK)
    assert training.measured.counts == {"bag": {"train": 10, "test": 3}, "mug": {"train": 8, "test": 3}}
    names = {row.split(",")[0].split("/")[0] for row in (training.folder / "predictions.csv").read_text().split()[1:]}
    assert names <= {"photos (1)", "photos (2)", "photos", "(1)", "(2)"}


def test_too_few_photos_are_no_comparison(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goodsight.flow.upkeep.LEAST", 100)
    with pytest.raises(CatalogError, match="at least 100 are needed: give more with `test`"):
        goodsight.promote(models["right"], models["wrong"])


def test_what_is_answered_need_not_be_the_likeliest() -> None:
    probabilities = np.array([[0.6, 0.4], [0.7, 0.3]])
    assert Outcome.of(probabilities, np.array([1, 0])).right.tolist() == [False, True]
    assert Outcome.of(probabilities, np.array([1, 0]), np.array([1, 1])).right.tolist() == [True, False]

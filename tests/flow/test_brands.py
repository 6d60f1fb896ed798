import csv
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import branded
import numpy as np
import onnxruntime
import pytest
from branded import BRANDS, SIDE, STICKERS, Place
from here import here
from PIL import Image

import goodsight
from goodsight import Labels, Recipe, Wishes, Work
from goodsight.backbones.engine import run
from goodsight.catalog.rows import Row
from goodsight.cli.app import main
from goodsight.errors import CatalogError, EngineError
from goodsight.flow.training import Training
from goodsight.measuring import explained, nones
from goodsight.model import evidence, verdicts
from goodsight.model.record import Judge, LoadedModel
from goodsight.photos import decoder
from goodsight.photos.limits import DEFAULT_LIMITS
from goodsight.report.sightings import SUMMARY
from goodsight.training import brands, unfinished
from goodsight.training.loop import Plan
from goodsight.training.recipe import TrainingSet
from goodsight.training.road import require_photos

COUNTS = {"cross": 14, "stripes": 12, "none": 26}
PLAIN = "plain"
"""What the class that is no brand is called here."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return branded.fill(tmp_path_factory.mktemp("shop") / "photos", COUNTS, 0)


@pytest.fixture(scope="module")
def trained(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A training that was cut off, and went on without being told the class that is no brand."""

    def cut(*given: object) -> NoReturn:
        raise InterruptedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(brands, "MEMBERS", 2)
        patch.setattr(brands, "CROPS", 320)
        patch.setattr(brands, "PLAN", Plan(epochs=3, batch=16, rate=1e-3, last_rate=10.0, smoothing=0.05, average=0.05))
        out = tmp_path_factory.mktemp("models") / "brands"
        options: Any = {"none": shop / "everyday", "wishes": Wishes(spoilt=0, precision=0.9)}
        recipe = Recipe("brands", none_class=PLAIN, size=SIDE, epochs=3, device="cpu")
        with patch.context() as killed:
            killed.setattr(brands, "train", cut)
            with pytest.raises(InterruptedError):
                goodsight.train(shop / "shop", out, recipe=recipe, **options)
        return goodsight.train(shop / "shop", out, work=Work(resume=True), **options)


@pytest.fixture(scope="module")
def model(trained: Training) -> LoadedModel:
    return goodsight.load(trained.folder)


@pytest.fixture(scope="module")
def judge(model: LoadedModel) -> Judge:
    return model.model.judges[0]


@pytest.fixture(scope="module")
def unseen() -> tuple[np.ndarray, list[str], list[Place]]:
    made = [(kind, *branded.draw(kind, seed)) for kind in ("none", *BRANDS) for seed in range(1000, 1040)]
    kinds = [PLAIN if kind == "none" else kind for kind, _, _ in made]
    return np.stack([np.asarray(photo) for _, photo, _ in made]), kinds, [p for _, _, p in made]


def test_the_classes_are_the_brands_and_none(judge: Judge) -> None:
    assert judge.classes == ("cross", PLAIN, "stripes")
    assert judge.none == PLAIN


def test_brands_are_found_and_none_where_there_is_none(
    model: LoadedModel, judge: Judge, unseen: tuple[np.ndarray, list[str], list[Place]]
) -> None:
    pictures, kinds, _ = unseen
    answers = judge.probabilities(run(model.engine, pictures)).argmax(axis=1)
    labels = np.array([judge.classes.index(kind) for kind in kinds])
    told = nones.of_answers(labels, answers, judge.classes.index(PLAIN))
    assert told.recall >= 0.8
    assert told.right >= 0.8


def test_the_place_is_the_boxed_logo_and_not_what_comes_with_it(
    model: LoadedModel, unseen: tuple[np.ndarray, list[str], list[Place]]
) -> None:
    pictures, kinds, places = unseen
    given = run(model.engine, pictures)[:, model.model.backbone.columns("place")] * SIDE
    x, y = (given[:, :2] + given[:, 2:]).T / 2
    brand = np.array([kind != PLAIN for kind in kinds])
    middle = np.array([((left + right) / 2, (top + bottom) / 2) for left, top, right, bottom in places])
    # Stickers lie below, and after so short a training a place is known to a cell or two of 32 pixels.
    assert (y[brand] < STICKERS).mean() >= 0.9
    assert np.median(np.hypot(x - middle[:, 0], y - middle[:, 1])[brand]) < 45


def test_the_evidence_is_told_for_every_place(
    model: LoadedModel, unseen: tuple[np.ndarray, list[str], list[Place]]
) -> None:
    session = onnxruntime.InferenceSession(str(model.model.backbone.network))
    assert [out.name for out in session.get_outputs()] == ["embedding", "evidence"]
    embedding, evidence = session.run(None, {"pixels": unseen[0][::10]})
    assert evidence.shape == (12, SIDE // 32, SIDE // 32, 3)
    scores = embedding[:, model.model.backbone.columns("classes")]
    assert np.allclose(evidence.max(axis=(1, 2))[:, [0, 2]], scores[:, [0, 2]], atol=1e-4)


def test_an_answered_brand_has_a_map_and_none_has_nothing(
    model: LoadedModel, judge: Judge, unseen: tuple[np.ndarray, list[str], list[Place]]
) -> None:
    pictures, backbone = unseen[0], model.model.backbone
    answers = judge.probabilities(run(model.engine, pictures)).argmax(axis=1)
    assert set(answers) == {0, 1, 2}
    maps = evidence.maps(backbone, model.engine, pictures, judge.head, answers.tolist(), judge.none_number)
    brand = answers != judge.none_number
    assert np.allclose(maps[brand].max(axis=(1, 2)), 1)
    assert not maps[~brand].any()


def test_the_report_frames_the_brand_that_a_mistake_was_given(
    trained: Training, model: LoadedModel, judge: Judge, tmp_path: Path
) -> None:
    kinds = ("cross", PLAIN)
    for kind, name in zip(kinds, ("cross", "none"), strict=True):
        branded.draw(name, 1000)[0].save(tmp_path / f"{kind}.png")
    found = {here(p.row).stem: p for p in goodsight.classify(model, tmp_path)}
    assert [found[kind].label for kind in kinds] == list(kinds)
    worst = [(found[kind].row, "stripes", given, 0.9) for kind in kinds for given in kinds]
    result = replace(trained.measured.results[0], worst=worst)
    seen = explained.of_worst(judge, model.embedder(cached=False), [result])
    assert [bool(one.place) for one in seen.values()] == [True, False, False, False]
    place = seen[found["cross"].row.path, "cross"].place
    assert place == pytest.approx(found["cross"].place, abs=0.02)


def test_sightings_are_written_with_their_counts(
    trained: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = {kind: branded.draw(kind, 1000) for kind in (*BRANDS, "none")}
    for kind, (photo, _) in made.items():
        photo.save(tmp_path / f"{kind}.png")
    said = [{"image": f"{kind}.png", "text": "=my #Cross", "time": 1769882520, "id": kind} for kind in made]
    away = {"image": "../away.png", "id": "away"}
    (tmp_path / "feed.jsonl").write_text(
        "\n".join(map(json.dumps, [*said, away, {"image": "gone.png", "time": "x"}, {"image": "\ud83d\0\x1b[2J"}]))
    )

    def sightings(out: str, summary: str) -> int:
        files = [str(tmp_path / name) for name in ("feed.jsonl", out, summary)]
        command = ["sightings", str(trained.folder), files[0], "--out", files[1], "--summary", files[2], "--no-cache"]
        monkeypatch.setattr("sys.argv", ["goodsight", *command])
        with pytest.raises(SystemExit) as stop:
            main()
        return int(stop.value.code or 0)

    assert sightings("out.csv", "sub/../out.csv") == 2
    assert "is the file of --out as well" in capsys.readouterr().err
    assert sightings("out.csv", "days.csv") == 0
    printed = capsys.readouterr().out
    assert "6 posts: 2 sightings" in printed
    assert "bad photos: 3\n  away: line 4: the image is outside" in printed
    assert "\\ud83d\\x00\\x1b[2J: " in printed
    assert "posts without a day: 1\n  gone.png: line 5" in printed
    with (tmp_path / "out.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["post"], r["day"], r["brand"], r["mentioned"]) for r in rows] == [
        ("cross", "2026-01-31", "cross", "yes"),
        ("stripes", "2026-01-31", "stripes", "no"),
    ]
    for row in rows:
        assert (row["file_name"], row["text"]) == (f"{row['brand']}.png", "'=my #Cross")
        left, top, right, bottom = map(int, row["box"].split())
        assert 0 <= left < right <= SIDE
        assert 0 <= top < bottom <= SIDE
    with (tmp_path / "days.csv").open(newline="") as stream:
        days = list(csv.reader(stream))
    assert days[0] == list(SUMMARY)
    assert [row[:3] + row[4:] for row in days[1:]] == [
        ["2026-01-31", "cross", "1", "1"],
        ["2026-01-31", "stripes", "1", "0"],
    ]


def test_none_is_no_category_to_choose_in_the_service(trained: Training, tmp_path: Path) -> None:
    pytest.importorskip("fastapi", reason="the service needs the extra `serve`")
    from fastapi.testclient import TestClient

    from goodsight.serve.app import create_app
    from goodsight.serve.service import Settings

    branded.draw("none", 1000)[0].save(tmp_path / "none.png")
    app = create_app(Settings({"brands": trained.folder}, tmp_path / "service"))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        page = client.get("/").text
        assert re.findall(r'<option value="(\w+)"', page) == ["cross", "stripes"]
        assert PLAIN not in re.findall(r"data-models='(.*?)'", page)[0]
        form = {"ad_category": "cross", "explain": "true"}
        said = client.post("/v1/check", files={"image": (tmp_path / "none.png").read_bytes()}, data=form).json()
    assert (said["class"], said["box"]) == (PLAIN, None)
    assert max(map(max, said["evidence"])) == 0


def test_what_is_unlike_the_training_photos_is_none(model: LoadedModel, tmp_path: Path) -> None:
    Image.new("RGB", (SIDE, SIDE), "white").save(tmp_path / "white.png")
    strict = replace(model.model, off_topic_alpha=1.0)
    (found,) = verdicts.predict(strict, model.embedder(cached=False), [Row("white.png", tmp_path / "white.png")])
    assert found.label == PLAIN
    assert found.verdict != "off-topic"


def test_the_network_says_what_was_measured(trained: Training) -> None:
    with (trained.folder / "predictions.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == sum(COUNTS.values())
    told = trained.measured.results[0].nones
    assert told is not None
    assert told.without == COUNTS["none"]
    assert np.mean([row["predicted"] == PLAIN for row in rows if row["label"] == PLAIN]) == told.recall


def test_the_report_says_that_the_threshold_was_chosen_on_its_photos(trained: Training) -> None:
    for name in ("report.html", "README.md"):
        text = (trained.folder / name).read_text(encoding="utf-8")
        assert "threshold was chosen on these very photos, so both shares are a little too good" in text
    assert "of 26 photos without a brand" in text


def test_photos_with_and_without_a_brand_are_measured_apart(trained: Training, tmp_path: Path) -> None:
    root = branded.fill(tmp_path / "new", {"cross": 5, "stripes": 5, "none": 12}, 2000)
    with (root / "shop" / "metadata.csv").open("a", newline="") as stream:
        csv.writer(stream).writerows([path, PLAIN, ""] for path in sorted((root / "everyday").iterdir()))
    told = goodsight.evaluate(trained.folder, root / "shop", out=tmp_path / "report", spoilt=0).result.nones
    assert told is not None
    assert (told.photos, told.without) == (10, 12)
    assert told.recall >= 0.8
    assert "chosen on these very photos" not in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_a_turned_photo_has_its_boxes_where_they_are_upright(tmp_path: Path) -> None:
    stored = Image.new("RGB", (200, 100), "gray")
    exif = Image.Exif()
    exif[0x0112] = 6  # turned right: upright it has 100 x 200 pixels
    stored.save(tmp_path / "a.jpg", exif=exif)
    row = Row("a.jpg", tmp_path / "a.jpg", ("cup",), boxes=((50.0, 0.0, 100.0, 200.0),))
    assert decoder.upright_size((tmp_path / "a.jpg").read_bytes()) == (100, 200)
    assert brands._on_canvas(row, 400, DEFAULT_LIMITS) == [(200, 0, 300, 400)]
    beyond = Row("a.jpg", tmp_path / "a.jpg", ("cup",), boxes=((150.0, 0.0, 190.0, 90.0),))
    with pytest.raises(CatalogError, match=r"a\.jpg: the box `150 0 190 90` lies beyond the photo, .* 100 x 200"):
        brands._on_canvas(beyond, 400, DEFAULT_LIMITS)


def test_rare_brands_are_drawn_more_than_their_share() -> None:
    labels = np.repeat([0, 1, 2], [300, 30, 500])
    chance = brands._chance(labels, none=2)
    assert chance.sum() == pytest.approx(1)
    assert chance[labels == 2].sum() == pytest.approx(0.22)
    assert 3 < chance[300] / chance[0] < 3.5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "no photo has the label 'none'; give photos of it with `none` FOLDER, or name another"),
        ("nothing", "no photo has the label 'nothing'"),
        ("cros", "Did you mean 'cross'"),
        ("cross", "beside 'cross', two brands at least must have a photo; only 'stripes' has"),
    ],
)
def test_a_class_that_cannot_mean_none_is_named(name: str, message: str, shop: Path, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=message):
        goodsight.train(shop / "shop", tmp_path / "out", recipe=Recipe("brands", none_class=name))


def test_photos_of_none_that_cannot_be_used_are_named(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "a.jpg").write_bytes(b"no photo")
    with pytest.raises(
        CatalogError, match=r"no good photo to train on has the label 'none'.*first bad photo: none/a\.jpg"
    ):
        goodsight.train(shop / "shop", tmp_path / "out", recipe=Recipe("brands"), none=tmp_path / "none")
    assert not unfinished.folder_for(tmp_path / "out").exists()


def _listed(root: Path, rows: Sequence[Sequence[object]]) -> Path:
    with (root / "list.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("file_name", "label", "split", "boxes"), *rows])
    return root / "list.csv"


def test_a_class_that_means_none_has_training_photos(shop: Path, tmp_path: Path) -> None:
    rows = [(path, path.name.split("-")[0], "train", "") for path in sorted((shop / "shop").glob("*.png"))]
    rows += [(path, "none", "test", "") for path in sorted((shop / "everyday").iterdir())]
    with pytest.raises(CatalogError, match="no good photo to train on has the label 'none'"):
        goodsight.train(_listed(tmp_path, rows), tmp_path / "out", recipe=Recipe("brands", none_class="none"))


def test_a_ledger_may_not_drop_all_that_means_none(shop: Path, tmp_path: Path) -> None:
    paths = sorted((shop / "everyday").iterdir())
    rows = [(f"everyday/{p.name}", sha256(p.read_bytes()).hexdigest(), "drop", "2026-01-01T00:00:00Z") for p in paths]
    with (tmp_path / "ledger.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("file_name", "sha256", "decision", "time"), *rows])
    said = Labels(ledger=tmp_path / "ledger.csv")
    with pytest.raises(CatalogError, match="no good photo to train on has the label 'none'"):
        goodsight.train(shop / "shop", tmp_path / "out", labels=said, recipe=Recipe("brands"), none=shop / "everyday")


def test_brands_are_one_attribute_with_names(shop: Path, tmp_path: Path) -> None:
    listed = shop / "shop"

    def train(photos: Path, labels: Labels) -> None:
        goodsight.train(photos, tmp_path / "out", labels=labels, recipe=Recipe("brands"), none=shop / "everyday")

    for labels in (Labels(label=("label", "boxes")), Labels(tags="label")):
        with pytest.raises(EngineError, match="answers for one attribute, not for 2"):
            train(listed, labels)
    one = _listed(tmp_path, [(path, "sale", "", "") for path in sorted(listed.glob("*.png"))])
    with pytest.raises(EngineError, match="`tags`: not for `network` brands"):
        train(one, Labels(tags="label"))


def test_a_box_beyond_its_photo_leaves_nothing_behind(shop: Path, tmp_path: Path) -> None:
    paths = sorted((shop / "shop").glob("*.png"))
    listed = _listed(tmp_path, [(path, path.name.split("-")[0], "", "300 0 310 9") for path in paths])
    with pytest.raises(CatalogError, match="the box `300 0 310 9` lies beyond the photo"):
        goodsight.train(listed, tmp_path / "out", recipe=Recipe("brands"), none=shop / "everyday")
    assert not unfinished.folder_for(tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (
            "lite0:tuned",
            {"none_class": "plain"},
            "`none_class`: only for `network` brands; leave it out with `network`",
        ),
        ("compact", {"none_recall": 0.9}, "`none_recall`: only for `network` brands; leave it out with `network`"),
        ("brands", {"distort": True}, "`distort`: only for lite0:tuned and networks that start from nothing; leave it"),
        ("brands", {"views": 2}, "`views` 2: only for lite0, not for `network` brands"),
    ],
)
def test_options_of_other_networks_are_refused(network: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        Recipe(network, **options)


@pytest.mark.parametrize("network", ["lite0", "lite0:tuned", "compact"])
def test_photos_of_none_are_for_brands_only(network: str, shop: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="`none`: only for `network` brands; leave it out, or name that network"):
        goodsight.train(shop / "shop", tmp_path / "out", recipe=Recipe(network), none=shop / "everyday")
    assert list(tmp_path.iterdir()) == []


def test_a_threshold_needs_photos_without() -> None:
    few = TrainingSet((), np.array([0, 1, 2, 2]), np.arange(4), DEFAULT_LIMITS, none=2)
    with pytest.raises(EngineError, match=r"`none`: fewer than 20 different photos"):
        require_photos(Recipe("brands"), few)


def test_an_empty_folder_is_no_none(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CatalogError, match=r"empty: holds no photo"):
        goodsight.train(shop / "shop", tmp_path / "out", recipe=Recipe("brands"), none=tmp_path / "empty")

"""The folders that split makes: bytes unchanged, twins together, names that any system takes, readable by train."""

import csv
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import drawn
import pytest

import goodsight
from goodsight import Labels, Wishes, Work
from goodsight.catalog.ledger import COLUMNS
from goodsight.catalog.read import read_catalog
from goodsight.errors import CatalogError, FolderExistsError, GoodsightError
from goodsight.flow.splits import Divided

Sound = dict[str, list[Path]]
Lay = Callable[[Path, Mapping[str, Sequence[Path]]], Path]


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(
    drawn_photos: Path, planted: list[drawn.Planted], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Divided, Path]:
    out = tmp_path_factory.mktemp("split") / "prepared"
    return goodsight.split(drawn_photos, out, validation=0.2, test=0.1), out


def test_photos_are_copied_as_they_are(made: tuple[Divided, Path], drawn_photos: Path) -> None:
    done, out = made
    rows = _rows(out)
    assert done.folder == out
    assert list(rows[0]) == ["file_name", "label", "split", "twin_group", "sha256", "source"]
    assert _files(out) == {row["file_name"] for row in rows} | {"metadata.csv", "split.json"}
    for row in rows:
        data = (out / row["file_name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
        assert data == (drawn_photos / row["source"]).read_bytes()
        assert row["file_name"].split("/")[:2] == [row["split"], row["label"]]


def test_no_twins_are_on_both_sides(made: tuple[Divided, Path], planted: list[drawn.Planted]) -> None:
    rows = {row["source"]: row for row in _rows(made[1])}
    splits: dict[str, set[str]] = {}
    for row in rows.values():
        splits.setdefault(row["twin_group"], set()).add(row["split"])
    assert all(len(found) == 1 for found in splits.values())
    twins = [p for p in planted if p.fault == "byte twin"]
    assert len(twins) == 3
    assert all(rows[p.file_name]["twin_group"] == rows[p.of]["twin_group"] for p in twins)
    assert made[0].twin_groups == len(splits) <= len(rows) - 3


def test_every_class_has_its_share_and_bad_photos_are_named(
    made: tuple[Divided, Path], planted: list[drawn.Planted]
) -> None:
    done, out = made
    for counts in done.counts.values():
        total = sum(counts.values())
        assert abs(counts["validation"] - 0.2 * total) <= 1.5
        assert abs(counts["test"] - 0.1 * total) <= 1.5
    bad = {p.file_name for p in planted if p.fault == "truncated"}
    assert {name for name, _ in done.bad} == bad
    assert not bad & {row["source"] for row in _rows(out)}
    told = json.loads((out / "split.json").read_text())
    assert told["goodsight"] == goodsight.__version__
    assert told["counts"] == done.counts
    assert {name for name, _ in told["bad_photos"]} == bad
    assert told["shares"] == {"train": pytest.approx(0.7), "validation": 0.2, "test": 0.1}


def test_train_reads_it_and_finds_no_leak(made: tuple[Divided, Path], tmp_path: Path) -> None:
    done, out = made
    training = goodsight.train(out, tmp_path / "model", wishes=Wishes(budget=0, spoilt=0))
    assert training.measured.counts == done.counts
    assert training.measured.left_out == []
    assert [(r.name, r.leaked) for r in training.measured.results] == [
        ("out-of-fold", 0),
        ("validation", 0),
        ("test", 0),
    ]


def test_the_same_seed_gives_the_same_and_another_does_not(
    made: tuple[Divided, Path], drawn_photos: Path, tmp_path: Path
) -> None:
    goodsight.split(drawn_photos, tmp_path / "same", validation=0.2)
    goodsight.split(drawn_photos, tmp_path / "other", validation=0.2, seed=1)
    assert _rows(tmp_path / "same") == _rows(made[1])
    assert _files(tmp_path / "other") != _files(made[1])


def test_names_are_made_safe_and_unique(sound: Sound, tmp_path: Path) -> None:
    wild = ["a/x.jpg", "b/x.jpg", "c/X.JPG", "con.jpg", "..- ", "é ü.jpg", "x-2.jpg", "a;b\n.jpg", "n" * 200, "y.j?g"]
    labels = ["../up", "Bag?", "bag*", "nul", "n" * 120, "../up", "Bag?", "bag*", "nul", "n" * 120]
    with (tmp_path / "list.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file_name", "label", "split"])
        for number, (name, label) in enumerate(zip(wild, labels, strict=True)):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(sound["bag"][number], tmp_path / name.strip())
            writer.writerow([name.strip(), label, "test"])
    done = goodsight.split(tmp_path / "list.csv", tmp_path / "out", validation=0, test=0.5)
    rows = _rows(tmp_path / "out")
    assert {row["source"]: row["label"] for row in rows} == {
        name.strip(): label for name, label in zip(wild, labels, strict=True)
    }
    assert _files(tmp_path / "out") == {row["file_name"] for row in rows} | {"metadata.csv", "split.json"}
    folders = {row["label"]: row["file_name"].split("/")[1] for row in rows}
    assert folders == {"../up": "_up", "Bag?": "Bag_", "bag*": "bag_-2", "nul": "_nul", "n" * 120: "n" * 120}
    names = {row["source"]: row["file_name"].split("/")[2] for row in rows}
    assert names["con.jpg"] == "_con.jpg"
    assert names["é ü.jpg"] == "é ü.jpg"
    assert names["n" * 200] == "n" * 180
    assert names["..-"] == "_"
    assert names["y.j?g"] == "y.j_g"
    assert done.lacking == ()
    assert set(done.counts["Bag?"]) == {"train", "test"}


def test_equal_names_in_one_class_are_numbered(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    bags = {f"bag/{number}": [sound["bag"][number]] for number in range(6)}
    photos = lay(tmp_path / "photos", bags | {"mug": sound["mug"][:4]})
    for number, path in enumerate(sorted((photos / "bag").rglob("*.jpg"))):
        path.rename(path.with_name(("x.jpg", "X.jpg", "x-2.jpg")[number % 3]))
    goodsight.split(photos, tmp_path / "out", validation=0, test=0.1)
    names = [row["file_name"].casefold() for row in _rows(tmp_path / "out") if row["label"] == "bag"]
    assert len(names) == len(set(names)) == 6
    assert sum(name.startswith("train/") for name in names) == 5


def test_a_single_label_of_any_name_is_read_again_without_an_option(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {"bag": sound["bag"][:5], "mug": sound["mug"][:5]})
    lines = [f"{path.relative_to(photos)},{path.parent.name}" for path in sorted(photos.rglob("*.jpg"))]
    (photos / "list.csv").write_text("\n".join(["file_name,category", *lines]), encoding="utf-8")
    goodsight.split(photos / "list.csv", tmp_path / "out", labels=Labels(label="category"))
    assert Counter(row.labels for row in read_catalog(tmp_path / "out").rows) == {("bag",): 5, ("mug",): 5}


def test_a_class_that_is_too_small_is_said(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {"bag": sound["bag"][:10], "mug": sound["mug"][:2]})
    shutil.copyfile(sound["mug"][0], photos / "mug" / "copy.jpg")
    done = goodsight.split(photos, tmp_path / "out")
    assert done.lacking == (("mug", "none in validation and test: 2 distinct photos of 3"),)
    assert done.counts == {
        "bag": {"train": 8, "validation": 1, "test": 1},
        "mug": {"train": 3, "validation": 0, "test": 0},
    }


def test_a_ledger_is_honoured(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {"bag": sound["bag"][:6] + sound["mug"][:1], "mug": sound["mug"][1:6]})
    rows = [f"bag/{sound['mug'][0].name}", f"mug/{sound['mug'][1].name}"]
    ledger = tmp_path / "ledger.csv"
    with ledger.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for name, decision, label in zip(rows, ("relabel", "drop"), ("mug", ""), strict=True):
            sha256 = hashlib.sha256((photos / name).read_bytes()).hexdigest()
            writer.writerow([name, sha256, decision, label, "blurred", "ann", "2026-01-31T12:00:00Z"])
    done = goodsight.split(photos, tmp_path / "out", labels=Labels(ledger=ledger))
    made = {row["source"]: row["label"] for row in _rows(tmp_path / "out")}
    assert len(made) == 11
    assert made[rows[0]] == "mug"
    assert done.left_out == ((rows[1], "dropped by the ledger: blurred"),)
    told = json.loads((tmp_path / "out" / "split.json").read_text())["ledger"]
    assert (told["dropped"], told["relabelled"]) == (1, 1)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"validation": 0.6}, "`validation` 0.6: must be between 0 and 0.5"),
        ({"test": -0.1}, "`test` -0.1: must be between 0 and 0.5"),
        ({"test": float("nan")}, "`test` nan: must be between"),
        ({"validation": 0.5, "test": 0.5}, "their sum must be above 0 and below 1"),
        ({"validation": 0, "test": 0}, "their sum must be above 0 and below 1"),
        ({"seed": -1}, "`seed` -1: must be 0 or more"),
    ],
)
def test_a_number_out_of_range_is_said_before_any_work(numbers: dict[str, float], message: str, tmp_path: Path) -> None:
    with pytest.raises(GoodsightError, match=message):
        goodsight.split(tmp_path / "nowhere", tmp_path / "out", **numbers)  # type: ignore[arg-type]


def test_only_its_own_folder_is_replaced_and_never_the_photos(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {kind: sound[kind][:4] for kind in ("bag", "mug")})
    before = _files(tmp_path)
    with pytest.raises(FolderExistsError, match="was not made by goodsight"):
        goodsight.split(photos, photos, work=Work(force=True))
    with pytest.raises(GoodsightError, match="lies in the folder of the photos"):
        goodsight.split(photos, photos / "prepared")
    assert _files(tmp_path) == before
    out = goodsight.split(photos, tmp_path / "out").folder
    with pytest.raises(FolderExistsError, match="is there already"):
        goodsight.split(photos, out)
    with pytest.raises(GoodsightError, match="or they in it"):
        goodsight.split(out, out, work=Work(force=True))
    again = goodsight.split(photos, out, test=0, validation=0.5, work=Work(force=True))
    assert {path.name for path in again.folder.iterdir()} == {"train", "validation", "metadata.csv", "split.json"}


def test_a_photo_that_changes_meanwhile_stops_it(sound: Sound, lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {kind: sound[kind][:4] for kind in ("bag", "mug")})
    for data in (b"other", b""):

        def meddle(step: str, *_: object, data: bytes = data) -> None:
            if step.startswith("copy"):
                (photos / "mug" / sound["mug"][0].name).write_bytes(data)

        with pytest.raises(CatalogError, match=r"was changed while it was copied.*run it again"):
            goodsight.split(photos, tmp_path / "out", work=Work(progress=meddle))
        assert {path.name for path in tmp_path.iterdir()} == {"photos"}
        shutil.copyfile(sound["mug"][0], photos / "mug" / sound["mug"][0].name)


def test_the_package_gives_the_verb() -> None:
    assert goodsight.split is goodsight.split

"""What Goodsight makes of drawn photos, one training of each kind, held fixed while the code behind it is moved about.

``tests/golden.json`` is the record, and ``tests/test_golden.py`` compares with it. The photos are drawn, so a processor
with other rounding has other pixels in places and other numbers behind the comma: what is compared allows for that.
Where a behaviour is *meant* to change, write the record again, and read what the diff says::

    PYTHONPATH=.:examples python tests/golden.py --write

Everything here goes through the public functions, the command line and files. Where these change, adapt

* the function of the road (``train_label`` and on) to a changed signature of ``train``,
* ``evaluated``, ``classified`` and ``checked`` to those of the other verbs,
* ``predictions``, ``meaning`` and ``files`` to another layout of the model folder.
"""

import argparse
import contextlib
import csv
import hashlib
import io
import json
import os
import re
import runpy
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

import branded
import coloured
import drawn
import numpy as np

import goodsight
from goodsight import Labels, Recipe, Wishes
from goodsight.training import brands

UNSAID = Labels()

RECORD = Path(__file__).with_name("golden.json")
TYPES = ("bag", "mug", "shoe")
UNSEEN = ("green", "bag")
"""A combination that no photo to train on has."""
WRONG = 6
"""Every so many-th label is wrong where a network is trained here."""
EVERY = 4
"""Of so many new photos one is checked."""
ENGINE = {"GOODSIGHT_ENGINE": "onnxruntime"}
"""It counts in float32 on every processor."""
FROZEN = Wishes(precision=0.8, off_topic_alpha=0.05, budget=0, spoilt=0)
"""With a budget of nothing the first three heads are tried, however slow the machine is."""
Said = Mapping[str, str] | str
Rows = list[list[Any]]


# ---- what is drawn


def draw_label(root: Path) -> None:
    """Four kinds with planted faults; the new photos have some as well, and one that was trained on."""
    drawn.make_folder(root / "photos", per_kind=16, faults=2)
    drawn.make_folder(root / "new", per_kind=4, faults=1, seed=7)
    first = min((root / "photos" / "mug").iterdir())
    shutil.copyfile(first, root / "new" / "mug" / "known.jpg")


def draw_attributes(root: Path) -> None:
    """Folders such as blue_bag, with three wrong colours and three wrong types; one combination is not there."""
    every = [(colour, kind) for colour in coloured.COLOURS for kind in TYPES]
    rng = np.random.default_rng(0)
    for folder, count in (("photos", 6), ("new", 1)):
        pairs = [pair for _ in range(count) for pair in every if folder == "new" or pair != UNSEEN]
        for number, (colour, kind) in enumerate(pairs):
            photo = coloured.draw(colour, kind, rng)
            if folder == "photos" and number in {10, 25, 40}:
                colour = next(other for other in coloured.COLOURS if (other, kind) not in {(colour, kind), UNSEEN})
            if folder == "photos" and number in {5, 20, 35}:
                kind = next(other for other in TYPES if (colour, other) not in {(colour, kind), UNSEEN})
            home = root / folder / f"{colour}_{kind}"
            home.mkdir(parents=True, exist_ok=True)
            photo.save(home / f"{number:03}.jpg", quality=90)
    first = min((root / "photos" / "red_mug").iterdir())
    shutil.copyfile(first, root / "new" / "red_mug" / "known.jpg")
    drawn.draw_off_topic(rng).save(root / "new" / "red_mug" / "other.jpg")


def draw_tags(root: Path) -> None:
    """A list of types and tags, of which a few are wrong, and one photo without a type."""
    some: tuple[tuple[str, ...], ...] = ((), ("framed",), ("crossed",), ("framed", "crossed"))
    for seed, (folder, count) in enumerate((("photos", 48), ("new", 8))):
        wanted = [("red", TYPES[number % 2 + 1], some[number // 2 % 4]) for number in range(count)]
        names = coloured.fill(root / folder, wanted, seed)
        lines = [(name, colour, kind, " ".join(tags)) for name, (colour, kind, tags) in zip(names, wanted, strict=True)]
        if folder == "photos":
            lines[0] = (names[0], "red", "", lines[0][3])
            for number in (9, 22):
                lines[number] = (*lines[number][:2], lines[number + 1][2], lines[number][3])
            for number in (14, 31, 37):
                lines[number] = (*lines[number][:3], " ".join(some[3 - number // 2 % 4]))
        coloured.listed(root / folder, lines)


def draw_colours(root: Path) -> None:
    """Blue or red, and every sixth in the other's folder; a photo's name says what it is, and a few are there twice."""
    rng = np.random.default_rng(3)
    names = ("blue", "red")
    for number in range(60):
        true = names[number % 2]
        said = names[(number + (number // 2 % WRONG == 0)) % 2]
        (root / "photos" / said).mkdir(parents=True, exist_ok=True)
        photo = root / "photos" / said / f"{true}-{number:03}.jpg"
        coloured.draw(true, TYPES[number // 2 % 3], rng).save(photo, quality=90)
        if number % 20 == 10:
            shutil.copyfile(photo, photo.with_stem(f"{true}-{number:03}-again"))


def draw_brands(root: Path) -> None:
    """Two brands and photos without; one photo of each brand is listed as the other's."""
    branded.fill(root / "photos", {"cross": 7, "stripes": 7, "none": 21}, 0)
    listed = root / "photos" / "shop" / "metadata.csv"
    wrong = {"cross-3.png,cross,": "cross-3.png,stripes,", "stripes-3.png,stripes,": "stripes-3.png,cross,"}
    text = listed.read_text(encoding="utf-8")
    for true, said in wrong.items():
        assert true in text
        text = text.replace(true, said)
    listed.write_text(text, encoding="utf-8")


# ---- one training of each kind: here, and only here, `train` is called


def train_label(photos: Path, out: Path) -> None:
    """The network as it is, one label."""
    goodsight.train(photos, out, wishes=replace(FROZEN, spoilt=2))


def train_attributes(photos: Path, out: Path) -> None:
    """The network as it is, two attributes from the names of folders."""
    goodsight.train(photos, out, labels=Labels(attributes=("colour", "type")), wishes=FROZEN)


def train_tags(photos: Path, out: Path) -> None:
    """The network as it is, a label and tags from a list."""
    goodsight.train(photos, out, labels=Labels(label="type", tags="tags"), wishes=FROZEN)


def train_finetuned(photos: Path, out: Path) -> None:
    """The network's last blocks are trained."""
    recipe = Recipe("lite0:tuned", epochs=6, size=64, device="cpu")
    goodsight.train(photos, out, recipe=recipe, wishes=Wishes(spoilt=0))


def train_scratch(photos: Path, out: Path) -> None:
    """A network is trained from nothing."""
    goodsight.train(photos, out, recipe=Recipe("adnet", epochs=20, device="cpu"), wishes=Wishes(spoilt=0))


def train_brands(photos: Path, out: Path) -> None:
    """The network's last blocks are trained to find logos; two members are enough to see that they agree."""
    recipe = Recipe("brands", size=branded.SIDE, epochs=1, device="cpu")
    with mock.patch.multiple(brands, MEMBERS=2, CROPS=4000):
        goodsight.train(photos / "shop", out, recipe=recipe, wishes=Wishes(spoilt=0), none=photos / "everyday")


@dataclass(frozen=True)
class Road:
    """A kind of training.

    Attributes:
        draw: puts photos to train on into the folder ``photos`` of a root, and perhaps others into ``new``.
        train: a model folder from them.
        frozen: whether the network is used as it is, so that every processor gives nearly the same.
        scored: what else ``evaluate`` must be told.
        declared: what is declared, one after the other, of some of the new photos.

    """

    draw: Callable[[Path], None]
    train: Callable[[Path, Path], None]
    frozen: bool = False
    scored: Labels = UNSAID
    declared: Sequence[Said] = ()


ROADS = {
    "label": Road(draw_label, train_label, frozen=True, declared=drawn.KINDS),
    "attributes": Road(
        draw_attributes,
        train_attributes,
        frozen=True,
        scored=Labels(attributes=("colour", "type")),
        declared=[{"colour": colour, "type": "mug"} for colour in coloured.COLOURS],
    ),
    "tags": Road(
        draw_tags,
        train_tags,
        frozen=True,
        scored=Labels(label="type", tags="tags"),
        declared=[{"type": "mug", "framed": "yes"}, {"crossed": "no"}],
    ),
    "finetuned": Road(draw_colours, train_finetuned),
    "scratch": Road(draw_colours, train_scratch),
    "brands": Road(draw_brands, train_brands),
}


# ---- what the other verbs say


def evaluated(model: Path, photos: Path, out: Path, labels: Labels) -> dict[str, Any]:
    """What ``evaluate`` writes: the structure of metrics.json, and the counts and accuracies in it."""
    goodsight.evaluate(model, photos, out=out, spoilt=2, labels=labels)
    numbers = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    scores = {
        each["photos"]: [each["n"], each["twin_groups"], each["leaked"], each["scores"]["accuracy"]["value"]]
        for each in numbers["results"]
    }
    return {"files": files(out), "structure": structure(numbers), "scores": scores}


def classified(model: Path, photos: Path, out: Path) -> Rows:
    """What ``classify`` says of each photo as a table with a header, by the command line; by Python it is the same."""
    arguments = ["goodsight", "classify", str(model), str(photos), "--out", str(out), "--top", "2"]
    quiet = contextlib.redirect_stdout(io.StringIO())
    # It ends with an exit, which tells nothing: where something went wrong, there is no table.
    with mock.patch.object(sys, "argv", arguments), quiet, contextlib.suppress(SystemExit):
        runpy.run_module("goodsight", run_name="__main__")
    rows = list(_table(out))
    said = [(p.row.file_name, p.verdict, p.reason) for p in goodsight.classify(model, photos)]
    assert said == [(row["file_name"], row["verdict"], row["reason"]) for row in rows]
    return [list(rows[0]), *([_number(value) for value in row.values()] for row in rows)]


def checked(model: Path, photos: Path, declared: Sequence[Said]) -> Rows:
    """What ``check`` says of some photos, as a table with a header."""
    rows: Rows = [["file_name", "declared", "verdict", "label", "probability", "p_value", "reason"]]
    for path, said in product(sorted(photos.rglob("*.jpg"))[::EVERY], declared):
        answers: Any = goodsight.check(model, path, said)
        for one in answers.values() if isinstance(answers, dict) else [answers]:
            numbers = [round(one.probability, 4), round(one.p_value, 4)]
            rows.append([path.name, one.declared, one.verdict, one.label, *numbers, one.reason])
    return rows


# ---- what is in a model folder


def predictions(folder: Path) -> list[dict[str, str]]:
    """The rows of predictions.csv."""
    return list(_table(folder / "predictions.csv"))


def read(folder: Path) -> dict[str, Any]:
    """What model.json says."""
    found: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    return found


def files(folder: Path) -> list[str]:
    """All files in a folder; a log's name ends in a time."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(re.sub(r"(?<=/events)\..*", "", name) for name in found)


def meaning(folder: Path, *, frozen: bool) -> dict[str, Any]:
    """What model.json says that is the same on every processor, and for a frozen network what is nearly the same."""
    said = read(folder)
    attributes = [
        {"name": one["name"], "tag": one["tag"], "classes": one["classes"], "none": one["none"]}
        | {key: one["head"][key] for key in ("kind", "view", "grey")}
        | ({key: one[key] for key in ("temperature", "threshold", "cut", "bias")} if frozen else {})
        for one in said["attributes"]
    ]
    backbone = said["backbone"]
    return {
        "schema": said["schema"],
        "attributes": attributes,
        "combinations": said["combinations"],
        "backbone": {key: backbone[key] for key in ("name", "resize", "blocks")},
        "off_topic": said["off_topic"],
        "alpha": said["alpha"],
        "off_topic_alpha": said["off_topic_alpha"],
        "precision": said["precision"],
        "limits": said["limits"],
        "canaries": len(said["canaries"]["expected"]),
        "photos": said["info"]["photos"],
        "source": said["info"]["source"],
        "keys": sorted(said),
        "sealed": sorted(re.sub(r"(?<=/events)\..*", "", name) for name in said["sha256"]),
    }


def twins(rows: Sequence[Mapping[str, str]]) -> list[list[str]]:
    """The groups of photos that are one, without those of a single photo."""
    groups: dict[str, set[str]] = {}
    for row in rows:
        groups.setdefault(row["twin_group"], set()).add(row["file_name"])
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def catalog_hash(rows: Sequence[Mapping[str, str]]) -> str:
    """What model.json must say of the photos that the first attribute was trained on, if every one has a row."""
    labels: dict[str, list[str]] = {}
    digests: dict[str, str] = {}
    first = rows[0].get("attribute", "")
    for row in rows:
        if row.get("attribute", "") == first:
            digests[row["file_name"]] = row["sha256"]
        labels.setdefault(row["file_name"], []).append(row["label"])
    lines = sorted(f"{digest} {' '.join(labels[name])} {name}" for name, digest in digests.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def structure(value: Any) -> Any:
    """The keys of JSON, all the way down; of dictionaries in a list, those of any."""
    if isinstance(value, dict):
        return {key: structure(each) for key, each in value.items()}
    if isinstance(value, list):
        keys: dict[str, Any] = {}
        for each in value:
            keys |= structure(each) if isinstance(each, dict) else {}
        return [keys] if keys else []
    return ""


def _table(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def _number(text: str) -> str | float:
    return round(float(text), 4) if re.fullmatch(r"\d+\.\d+|\d+(\.\d+)?e-\d+", text) else text


# ---- the record


def make(road: Road, root: Path) -> None:
    """Fill a new folder with what a road draws, and the model that it trains of that."""
    road.draw(root)
    with mock.patch.dict(os.environ, ENGINE):
        road.train(root / "photos", root / "model")


def told(road: Road, root: Path, out: Path) -> dict[str, Any]:
    """What is held of a road that was made: of a trained network only what no processor changes."""
    folder = root / "model"
    rows = predictions(folder)
    names = [key for key in ("attribute", "file_name", "label", "predicted", "probability", "fold") if key in rows[0]]
    if not road.frozen:
        names = ["file_name", "label", "fold"]
    found: dict[str, Any] = {
        "columns": list(rows[0]),
        "predictions": [names, *([_number(row[name]) for name in names] for row in rows)],
        "twins": twins(rows),
        "model": meaning(folder, frozen=road.frozen),
        "files": files(folder),
    }
    if road.frozen:
        numbers = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        found["metrics"] = structure(numbers)
        found["evaluate"] = evaluated(folder, root / "new", out / "scored", road.scored)
        found["classify"] = classified(folder, root / "new", out / "new.csv")
        found["check"] = checked(folder, root / "new", road.declared)
    return found


def record() -> dict[str, Any]:
    """What is held of every road."""
    return {"public": sorted(goodsight.__all__)} | {name: _told(road) for name, road in ROADS.items()}


def _told(road: Road) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory() as out:
        make(road, Path(root))
        return told(road, Path(root), Path(out))


def known() -> dict[str, Any]:
    """The record."""
    found: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


def write() -> None:
    """Make the record anew, with a line for each list of plain values."""
    text = json.dumps(record(), indent=1, ensure_ascii=False)
    plain = re.compile(r"\[\s+([^\[\]{}]*?)\s+\]")
    short = plain.sub(lambda found: f"[{re.sub(chr(10) + ' +', ' ', found[1])}]", text)
    RECORD.write_text(f"{short}\n", encoding="utf-8")


def main() -> None:
    """Write the record when asked to, with an empty cache and the engine that counts alike everywhere."""
    parser = argparse.ArgumentParser(description="The record of what Goodsight makes of drawn photos.")
    parser.add_argument("--write", action="store_true", required=True, help=f"make {RECORD.name} anew")
    parser.parse_args()
    with tempfile.TemporaryDirectory() as cache, mock.patch.dict(os.environ, GOODSIGHT_CACHE=cache, **ENGINE):
        write()


if __name__ == "__main__":
    main()

"""What drawn photos come to is what it came to when the record was written; see ``golden.py`` for how to change it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import golden
import pytest

import goodsight

NEAR = 0.02
"""How far a probability may be from the one recorded."""
TIE = 0.05
"""An answer so near to another one may turn."""
TURNED = 0.02
"""The share of answers that may turn."""
ROOM = {"temperature": 0.1, "threshold": 0.03, "cut": 0.03, "bias": 0.15}
"""How far what was fitted may be from what is recorded: the temperature as a share of it."""
KNOWN = golden.known()
FROZEN = [name for name, road in golden.ROADS.items() if road.frozen]
TRAINED = [name for name, road in golden.ROADS.items() if not road.frozen]


@pytest.fixture(scope="module", autouse=True)
def same_everywhere() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in golden.ENGINE.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def roots() -> dict[str, Path]:
    return {}


@pytest.fixture(scope="module")
def told(roots: dict[str, Path]) -> dict[str, dict[str, Any]]:
    return {}


@pytest.fixture
def found(
    road: str,
    road_root: Callable[[str], Path],
    roots: dict[str, Path],
    told: dict[str, dict[str, Any]],
    tmp_path: Path,
) -> dict[str, Any]:
    """What a road comes to now; each is trained once."""
    if road not in told:
        roots[road] = road_root(road)
        told[road] = golden.told(golden.ROADS[road], roots[road], tmp_path)
    return told[road]


def _rows(table: golden.Rows) -> list[dict[str, Any]]:
    return [dict(zip(table[0], row, strict=True)) for row in table[1:]]


def _near(one: object, other: object, room: float) -> bool:
    """Whether numbers differ by no more than that, and anything else not at all."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= room
    return one == other


def _may_turn(row: dict[str, Any], cuts: dict[str, float]) -> bool:
    """Whether the recorded answer was nearly another one; of a tag, whether it was near the cut."""
    probability, cut = float(row["probability"]), cuts.get(row.get("attribute", ""))
    if cut is None:
        return probability <= 0.5 + TIE
    yes = probability if row["predicted"] == "yes" else 1 - probability
    return abs(yes - cut) <= TIE


def test_the_public_names() -> None:
    assert sorted(goodsight.__all__) == KNOWN["public"]
    assert all(hasattr(goodsight, name) for name in goodsight.__all__)


@pytest.mark.parametrize("road", FROZEN)
def test_the_same_is_predicted(road: str, found: dict[str, Any]) -> None:
    known, now = _rows(KNOWN[road]["predictions"]), _rows(found["predictions"])
    assert found["columns"] == KNOWN[road]["columns"]
    same = [key for key in known[0] if key not in {"predicted", "probability"}]
    assert [[row[key] for key in same] for row in now] == [[row[key] for key in same] for row in known]
    cuts = {one["name"]: float(one["cut"]) for one in KNOWN[road]["model"]["attributes"] if one["tag"]}
    turned = [(one, two) for one, two in zip(known, now, strict=True) if one["predicted"] != two["predicted"]]
    assert [pair for pair in turned if not _may_turn(pair[0], cuts)] == []
    assert len(turned) <= TURNED * len(known)
    kept = [(one, two) for one, two in zip(known, now, strict=True) if one["predicted"] == two["predicted"]]
    assert [pair for pair in kept if not _near(pair[0]["probability"], pair[1]["probability"], NEAR)] == []


@pytest.mark.parametrize("road", TRAINED)
def test_the_same_is_trained_on(road: str, found: dict[str, Any]) -> None:
    assert found["columns"] == KNOWN[road]["columns"]
    assert found["predictions"] == KNOWN[road]["predictions"]


@pytest.mark.parametrize("road", TRAINED)
def test_what_was_planted_is_learned_and_wrong_labels_are_not(
    road: str, found: dict[str, Any], roots: dict[str, Path]
) -> None:
    """Chance is a half and less; a network that is asked of photos it was trained on repeats the wrong labels."""
    rows = golden.predictions(roots[road] / "model")
    true = [Path(row["file_name"]).name.partition("-")[0] for row in rows]
    right = [row["predicted"] == label for row, label in zip(rows, true, strict=True)]
    repeated = [
        row["predicted"] == row["label"] for row, label in zip(rows, true, strict=True) if row["label"] != label
    ]
    assert sum(right) >= 0.7 * len(right)
    assert len(repeated) >= 2
    assert sum(repeated) <= 0.5 * len(repeated)


@pytest.mark.parametrize("road", golden.ROADS)
def test_the_same_photos_are_twins(road: str, found: dict[str, Any]) -> None:
    assert found["twins"] == KNOWN[road]["twins"]


@pytest.mark.parametrize("road", golden.ROADS)
def test_the_model_means_the_same(road: str, found: dict[str, Any]) -> None:
    known, now = dict(KNOWN[road]["model"]), dict(found["model"])
    before, after = known.pop("attributes"), now.pop("attributes")
    assert now == known
    assert [one["name"] for one in after] == [one["name"] for one in before]
    for one, two in zip(before, after, strict=True):
        assert {key: two[key] for key in two if key not in ROOM} == {key: one[key] for key in one if key not in ROOM}
        for key in ROOM.keys() & one.keys():
            room = ROOM[key] * (one[key] if key == "temperature" else 1)
            assert _near(one[key], two[key], room), (two["name"], key, one[key], two[key])


@pytest.mark.parametrize("road", golden.ROADS)
def test_the_folder_has_the_same_files(road: str, found: dict[str, Any]) -> None:
    assert found["files"] == KNOWN[road]["files"]


@pytest.mark.parametrize("road", FROZEN)
def test_the_catalog_is_hashed_alike(road: str, found: dict[str, Any], roots: dict[str, Path]) -> None:
    """The hash itself is of drawn photos, of which each processor may have others."""
    folder = roots[road] / "model"
    assert golden.read(folder)["info"]["catalog"] == golden.catalog_hash(golden.predictions(folder))


@pytest.mark.parametrize("road", FROZEN)
def test_the_figures_have_the_same_names(road: str, found: dict[str, Any]) -> None:
    assert found["metrics"] == KNOWN[road]["metrics"]


@pytest.mark.parametrize("road", FROZEN)
def test_new_photos_are_scored_alike(road: str, found: dict[str, Any]) -> None:
    known, now = KNOWN[road]["evaluate"], found["evaluate"]
    assert (now["files"], now["structure"]) == (known["files"], known["structure"])
    assert list(now["scores"]) == list(known["scores"])
    for name, (*counts, accuracy) in known["scores"].items():
        assert now["scores"][name][:-1] == counts, name
        # One photo may turn.
        assert _near(accuracy, now["scores"][name][-1], 1.01 / counts[0]), name


@pytest.mark.parametrize("road", FROZEN)
@pytest.mark.parametrize("verb", ["classify", "check"])
def test_new_photos_are_answered_alike(road: str, verb: str, found: dict[str, Any]) -> None:
    """A p-value counts photos, so it goes in steps, and one row in twenty may be on the other side of a limit."""
    known, now = KNOWN[road][verb], found[verb]
    assert now[0] == known[0]
    assert [row[0] for row in now] == [row[0] for row in known]
    room = {number: 0.08 for number, name in enumerate(known[0]) if name == "p_value"}
    other = [
        (one, two)
        for one, two in zip(known, now, strict=True)
        if not all(_near(*pair, room.get(number, NEAR)) for number, pair in enumerate(zip(one, two, strict=True)))
    ]
    assert len(other) <= len(known) // 20, other

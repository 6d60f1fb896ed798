"""Hiding a combination uses no photo of it, and counts what can be counted; on made-up embeddings."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from made_up import learned

from goodsight.backbones.backbone import Backbone, Block
from goodsight.catalog.rows import Attribute, Catalog, Row
from goodsight.embedding.photoset import PhotoSet, to_train
from goodsight.embedding.table import Table
from goodsight.heads import kinds, ridge, search
from goodsight.heads.examples import Examples
from goodsight.heads.head import Setting
from goodsight.heads.scaler import Scaler
from goodsight.measuring.combinations import Combinations, Hidden, measure
from goodsight.photos.resize import Resize
from goodsight.report import template
from goodsight.training import cells
from goodsight.training.cells import beside, numbers

WIDTH = 48
COLOURS, KINDS = ("black", "blue", "red"), ("dress", "jeans", "shirt")
GRID = list(product(COLOURS, KINDS))
TINY = Backbone("tiny", Path("network.onnx"), "0" * 64, Resize(32), (Block("features", WIDTH, 1.0),))
ATTRIBUTES = (Attribute("colour"), Attribute("kind"), Attribute("new", tag=True))
Labels = tuple[str, ...]
SETTINGS = [setting for setting in search.BESIDE_OTHERS if not setting.view]


def _sets(
    labels: Sequence[Labels], *, whole: bool, splits: Sequence[str] = (), twins: Sequence[int] = ()
) -> tuple[PhotoSet, ...]:
    """Photos of which the embedding tells colour and kind each for itself or, if ``whole``, the combination only.

    ``twins`` are numbers of photos that are the same, byte for byte.
    """
    rng = np.random.default_rng(0)
    centres = {text: rng.normal(0, 2, WIDTH) for text in [*GRID, *COLOURS, *KINDS, "silver", "hat", ""]}
    vectors = np.stack(
        [centres[one[:2]] if whole else centres[one[0]] + centres[one[1]] for one in labels]
    ) + rng.normal(0, 0.3, (len(labels), WIDTH))
    rows = []
    for i, one in enumerate(labels):
        every = (*one, "yes" if i % 3 else "no")[:3]
        rows.append(Row(f"{i}.jpg", Path(f"{i}.jpg"), every, splits[i] if splits else ""))
    digests = tuple(hashlib.sha256(b"twin" if i in twins else f"{i}".encode()).hexdigest() for i in range(len(rows)))
    thumbnails = rng.integers(0, 255, (len(rows), 256), dtype=np.uint8)
    table = Table(tuple(rows), digests, vectors.astype(np.float32), thumbnails, ())
    return to_train(Catalog("photos", tuple(rows), ATTRIBUTES), table)


def _measured(labels: Sequence[Labels], **more: object) -> Combinations:
    sets = _sets(labels, **more)  # type: ignore[arg-type]
    found = measure(learned(sets, TINY))
    assert found is not None
    return found


def test_what_is_learned_of_each_label_carries_over_to_a_hidden_combination() -> None:
    found = _measured(GRID * 12, whole=False)
    assert found.attributes == ("colour", "kind")
    assert found.trained == Counter(dict.fromkeys(GRID, 12))
    assert {each.labels for each in found.hidden} == set(GRID)
    assert {each.photos for each in found.hidden} == {12}
    assert found.seen > 0.98
    assert found.all_right > 0.9
    assert min(found.right) > 0.95


def test_a_hidden_combination_is_not_learned_from() -> None:
    """What tells only the combination is of no use once it is hidden, however well it does out-of-fold."""
    found = _measured(GRID * 12, whole=True)
    assert found.seen > 0.98
    assert found.all_right < 0.45  # chance is one in nine, of nine draws
    assert max(found.right) < 0.8


@pytest.mark.parametrize("whole", [False, True])
def test_a_copy_of_a_hidden_combination_is_not_learned_from(whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "WITH_COPIES", search.WITH_COPIES[:1])
    sets = _sets(GRID * 13, whole=whole, splits=["test"] * 9 + ["train"] * 108)
    every = learned(sets, TINY, grey=sets[0].table.vectors[9:])
    examples = [each.fitted.examples for each in every]
    assert [each and each.grey is not None for each in examples] == [True, True, False]  # the last is a tag
    found = measure(every)
    assert found is not None
    assert found.seen > 0.98
    assert found.all_right < 0.45 if whole else found.all_right > 0.9


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: f"{setting.kind}-{setting.aside}")
def test_no_head_guesses_a_combination_from_where_the_others_are_not(setting: Setting) -> None:
    colour, kind, _ = _sets(GRID * 12, whole=True)
    found = numbers([colour, kind])
    assert found is not None
    vectors = colour.table.vectors
    scaler = Scaler.fit(vectors, TINY.blocks)
    right = []
    for each, other in ((colour, kind), (kind, colour)):
        scores = kinds.train(setting, scaler, Examples(vectors, each.labels, found, other.labels))[1]
        right.append(scores.argmax(axis=1) == each.labels)
    assert np.all(right, axis=0).mean() < 0.45


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: f"{setting.kind}-{setting.aside}")
def test_hiding_is_training_without_its_photos(setting: Setting) -> None:
    colour, kind, _ = sets = _sets(GRID * 8, whole=False)
    found = numbers(sets)
    assert found is not None
    vectors = colour.table.vectors
    examples, scaler = Examples(vectors, colour.labels, found, kind.labels), Scaler.fit(vectors, TINY.blocks)
    scores = kinds.train(setting, scaler, examples)[1]
    for one in range(9):
        rest = found != one
        # The mean of the others only; heads are trained with the penalty that they have with all photos.
        own = replace(scaler, mean=vectors[rest].mean(axis=0), bound=np.inf * scaler.bound)
        refit, _ = kinds.train(setting, own, examples.take(np.flatnonzero(rest)))
        expected = refit(vectors[~rest])
        assert (scores[~rest].argmax(axis=1) == expected.argmax(axis=1)).all()
        assert np.corrcoef(scores[~rest].ravel(), expected.ravel())[0, 1] > 0.98


def test_where_groups_are_known_a_hidden_combination_is_not_known_by_its_seller() -> None:
    """The embedding shows the seller and nothing else, and a seller has one colour of every kind."""
    draw, sellers = np.random.default_rng(7), np.arange(360) % 3 + 3 * (np.arange(360) // 36)
    labels = [(COLOURS[seller % 3], KINDS[i // 3 % 3]) for i, seller in enumerate(sellers.tolist())]
    grounds = 3 * draw.standard_normal((30, WIDTH))
    vectors = (grounds[sellers] + 0.3 * draw.standard_normal((360, WIDTH))).astype(np.float32)
    found = []
    for named in (False, True):
        rows = tuple(
            Row(f"{i}.jpg", Path(f"{i}.jpg"), (*one, "yes" if i % 3 else "no"), group=f"s{seller}" if named else "")
            for i, (one, seller) in enumerate(zip(labels, sellers.tolist(), strict=True))
        )
        thumbnails = draw.integers(0, 255, (360, 256), dtype=np.uint8)
        digests = tuple(hashlib.sha256(row.file_name.encode()).hexdigest() for row in rows)
        sets = to_train(Catalog("photos", rows, ATTRIBUTES), Table(rows, digests, vectors, thumbnails, ()))
        measured = measure(learned(sets, TINY))
        assert measured is not None
        assert {each.labels for each in measured.hidden} == set(GRID)
        found.append(measured.right[0])
    assert found[0] > 0.9
    assert found[1] < 0.6


def test_a_label_of_one_combination_only_cannot_be_hidden() -> None:
    lone = [("silver", "jeans"), ("red", "hat"), ("silver", "jeans")] * 4
    found = _measured([*GRID * 8, *lone], whole=False)
    assert found.trained["silver", "jeans"] == 8
    assert found.trained["red", "hat"] == 4
    assert {each.labels for each in found.hidden} == set(GRID)
    diagonal = _measured([("black", "dress"), ("blue", "jeans"), ("red", "shirt")] * 8, whole=False)
    assert diagonal.hidden == ()
    assert diagonal.seen > 0.9
    told = json.loads(json.dumps(diagonal.to_json(), allow_nan=False))
    assert (told["hidden_all_right"], told["hidden_right"]) == (None, {"colour": None, "kind": None})
    page = template.environment().get_template("combinations.html")
    assert "None can be hidden: each has a label that comes in no other." in page.render(
        f=SimpleNamespace(combinations=diagonal), table=None, heads=None, shown=50
    )


def test_what_lies_beside_an_attribute_are_the_labels_of_the_others() -> None:
    labels = [*GRID * 4, ("silver", "hat"), ("red", ""), ("silver", "hat")]
    sets = _sets(labels, whole=False)
    found, every = beside(sets, 0), numbers(sets)
    assert found is not None
    assert every is not None
    assert every[36:].tolist() == [9, -1, 9]
    kinds = [kind for _, kind in labels]
    assert len({*zip(kinds, found.tolist(), strict=True)}) == len({*kinds}) == len({*found.tolist()})
    assert beside(sets, 2) is None  # a tag
    # Each label comes in one combination only: there is nothing to hide.
    assert beside(_sets([("black", "dress"), ("blue", "jeans")] * 4, whole=False), 0) is None


def test_a_twin_with_another_combination_does_not_count() -> None:
    labels = GRID * 6
    twins = (0, 1)  # black dress and black jeans
    found = {each.labels: each.photos for each in _measured(labels, whole=False, twins=twins).hidden}
    assert found == dict.fromkeys(GRID, 6) | {("black", "dress"): 5, ("black", "jeans"): 5}
    same = {each.labels: each.photos for each in _measured(labels, whole=False, twins=(0, 9)).hidden}
    assert same == dict.fromkeys(GRID, 6)


def test_photos_that_lack_a_label_and_those_of_a_test_are_of_no_combination() -> None:
    labels = [*GRID * 6, ("black", ""), ("", "jeans"), *GRID]
    found = _measured(labels, whole=False, splits=[*["train"] * 56, *["test"] * 9])
    assert found.trained == Counter(dict.fromkeys(GRID, 6))
    assert {each.photos for each in found.hidden} == {6}


def test_without_a_photo_of_two_labels_there_are_no_combinations() -> None:
    sets = _sets([("black", ""), ("blue", ""), ("", "jeans"), ("", "dress")] * 6, whole=False)
    assert numbers(sets) is None
    assert measure(learned(sets, TINY)) is None
    assert numbers(sets[:1]) is None
    assert numbers(sets[1:]) is None  # a kind and a tag


def test_of_very_many_photos_a_part_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = _sets(GRID * 12, whole=False)
    every = learned(sets, TINY)
    monkeypatch.setattr(ridge, "EXACT", 60)
    found = measure(every)
    assert found is not None
    assert sum(each.photos for each in found.hidden) == 60
    assert sum(found.trained.values()) == 108
    assert found.all_right > 0.8
    monkeypatch.setattr(cells, "MOST", 4)
    most = measure(every)
    assert most is not None
    assert len(most.hidden) == 4


def test_the_json_says_all() -> None:
    hidden = (Hidden(("red", "jeans"), 3, (2 / 3, 1.0), 2 / 3), Hidden(("red", "dress"), 1, (1.0, 1.0), 1.0))
    found = Combinations(("colour", "kind"), Counter({("red", "jeans"): 3, ("red", "dress"): 1}), hidden, 0.75)
    assert found.all_right == pytest.approx(5 / 6)
    assert found.right == pytest.approx((5 / 6, 1.0))
    assert json.loads(json.dumps(found.to_json(), allow_nan=False)) == {
        "attributes": ["colour", "kind"],
        "trained": [["red", "dress", 1], ["red", "jeans", 3]],
        "seen_all_right": 0.75,
        "hidden_all_right": 0.83333,
        "hidden_right": {"colour": 0.83333, "kind": 1.0},
        "hidden": [
            {"labels": ["red", "jeans"], "photos": 3, "right": {"colour": 0.66667, "kind": 1.0}, "all_right": 0.66667},
            {"labels": ["red", "dress"], "photos": 1, "right": {"colour": 1.0, "kind": 1.0}, "all_right": 1.0},
        ],
    }

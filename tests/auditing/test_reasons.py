"""Every photo has a reason in words, and words that say as much as its chance does."""

from pathlib import Path

import numpy as np
import pytest

from goodsight.auditing import reasons
from goodsight.auditing.findings import Finding
from goodsight.auditing.labels import Doubts
from goodsight.catalog.rows import Row

ROWS = [Row(f"{i}.jpg", Path(f"{i}.jpg"), ("hat",)) for i in range(4)]
WRONG = Finding(ROWS[0], "mislabelled", 0.1, "looks like shoes (100%)", "relabel", "shoes")
TWIN = Finding(ROWS[0], "near twin", 0.1, "same as 1.jpg", "drop", other=ROWS[1])


def test_each_photo_has_its_place_in_words() -> None:
    labels = ["hat"] * 6 + ["bag", ""]
    said = reasons.places(
        labels, np.array([0.5, 0.8, 0.71, 0.66, 0.7, 0.6, 1, 1]), np.array([0.7, 0.73, 0.8, 0.8, 0.9, 0.9, 0.7, 0.73])
    )
    assert said == [
        "unusual for hat: likeness 0.50, usual is 0.68",
        "a little unlike the others: likeness 0.73, usual is 0.77",
        "usual for hat: likeness 0.71",
        "a little unusual for hat: likeness 0.66, usual is 0.68",
        "usual for hat: likeness 0.70",
        "unusual for hat: likeness 0.60, usual is 0.68",
        "unlike the others: likeness 0.70, usual is 0.77",
        "a little unlike the others: likeness 0.73, usual is 0.77",
    ]


def test_where_there_are_too_few_photos_the_reason_says_so() -> None:
    one = np.ones(2)
    said = reasons.places(["bag", ""], one, one)
    assert said == ["too few photos of bag to compare it with", "too few photos to compare it with"]


def test_a_photo_like_its_label_can_be_unlike_the_others() -> None:
    said = reasons.places(["hat"] * 3, np.array([0.8, 0.8, 0.8]), np.array([0.4, 0.7, 0.7]))
    assert said[0] == "unlike the others: likeness 0.40, usual is 0.70"


def test_photos_without_labels_are_unlike_or_like_the_others() -> None:
    said = reasons.places([""] * 3, np.array([0.5, 0.8, 0.8]), np.array([0.5, 0.7, 0.8]))
    assert said == [
        "unlike the others: likeness 0.50, usual is 0.70",
        "like the others: likeness 0.70",
        "like the others: likeness 0.80",
    ]


def test_a_finding_that_explains_the_chance_is_the_reason() -> None:
    assert reasons.reasons(0.9, [WRONG], "unusual for hat") == ("mislabelled: looks like shoes (100%)",)
    assert reasons.reasons(0.1, [TWIN], "usual for hat") == ("near twin: same as 1.jpg",)


def test_a_finding_that_does_not_explain_the_chance_is_not_the_only_reason() -> None:
    assert reasons.reasons(0.3, [TWIN], "unusual for hat") == ("near twin: same as 1.jpg", "unusual for hat")


def test_where_nothing_was_found_the_place_is_the_reason() -> None:
    assert reasons.reasons(0.01, [], "usual for hat") == ("usual for hat",)


def test_a_label_that_is_hardly_doubted_is_perhaps_wrong_and_no_share_of_hundred_stands_there() -> None:
    assert reasons.reasons(0.3, [WRONG], "") == ("perhaps mislabelled: looks like shoes",)


@pytest.mark.parametrize("name", ["barn", ""])
def test_off_topic_is_what_is_foreign_with_more_than_half_a_chance(name: str) -> None:
    (found,) = reasons.off_topic(
        ROWS, np.array([0.7, 0.4, 0.7, 0.7]), np.array([0.1, 0.6, 0.5, 0.0]), ["", name, "", ""]
    )
    assert found.row is ROWS[1]
    assert found.score == pytest.approx(0.4)
    assert found.evidence == (name and f"looks like: {name}; ") + "likeness 0.40, usual is 0.70"


def test_of_twins_the_smaller_or_the_later_goes_once() -> None:
    area, exact, near = np.array([4, 9, 9, 9]), np.array([[0, 1], [0, 2]]), np.array([[2, 3]])
    first, second = reasons.copies(ROWS, area, exact, near, {(2, 3): 0.93})
    assert (first.row, first.other, first.suggestion) == (ROWS[0], ROWS[1], "drop")
    assert (second.row, second.other) == (ROWS[3], ROWS[2])
    assert second.evidence == "same as 2.jpg, detail correlates by 0.93"
    assert second.score == pytest.approx(0.07)


def test_both_of_two_twins_with_different_labels_are_told() -> None:
    said = ["hat", "bag", "hat", ""]
    pairs = np.array([[0, 1], [0, 2], [2, 3]])
    found = list(reasons.conflicts(ROWS, said, pairs, np.array([1, 0, 1, 2]), "type"))
    assert [(f.row, f.evidence) for f in found] == [
        (ROWS[0], "type: 1.jpg is labelled bag"),
        (ROWS[1], "type: 0.jpg is labelled hat"),
    ]


def test_a_doubted_label_comes_with_the_other_one() -> None:
    doubts = Doubts(
        np.array([0.9, 0.6, 0.4, 0.9]), np.array([1, 1, 1, 0]), np.array([0.97, 0.6, 0.9, 0.9]), np.zeros(4, bool), 0.1
    )
    found = list(reasons.mislabelled(ROWS, ["hat"] * 4, doubts, ["hat", "shoes"], ""))
    assert [(f.row, f.label, f.evidence) for f in found] == [
        (ROWS[0], "shoes", "looks like shoes (97%)"),
        (ROWS[1], "shoes", "looks like shoes (60%)"),
    ]


def test_what_is_less_usual_by_less_than_two_digits_show_is_usual() -> None:
    said = reasons.places(["hat"] * 3, np.array([0.699, 0.701, 0.702]), np.array([0.8, 0.8, 0.801]))
    assert said == ["usual for hat: likeness 0.70"] * 3
    assert reasons.places(["hat"], np.array([0.999]), np.array([0.9])) == ["usual for hat: likeness 1.00"]

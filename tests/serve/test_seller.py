"""Any name is a seller; what no database keeps is not."""

import pytest

from goodsight.serve.problems import Problem
from goodsight.serve.seller import MOST, seller_from


@pytest.mark.parametrize(
    "name",
    [
        "",
        "0",
        "4711-a",
        "Ünï & søn",
        "=1+1",
        "\u0634\u0631\u06a9\u062a\u200c\u0645\u0627",
        "two\u00a0words",
        "x" * MOST,
    ],
)
def test_a_name_stays_as_it_is(name: str) -> None:
    assert seller_from(name) == seller_from(f" {name}\r\n") == name


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x" * (MOST + 1), "has 201 characters; at most 200 are kept"),
        ("a\0b", r"'a\x00b': has '\x00' in it; send an id or a name on one line"),
        ("two\nlines", r"has '\n' in it"),
        ("half \ud83d of a pair", r"has '\ud83d' in it"),
    ],
)
def test_what_is_no_seller_is_told(text: str, why: str) -> None:
    with pytest.raises(Problem, match=r"^422: here '") as told:
        seller_from(text, "here")
    assert why in told.value.detail
    told.value.detail.encode()

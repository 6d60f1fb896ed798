"""What no database keeps is found in any text."""

import sys
import unicodedata

import pytest
from pydantic import TypeAdapter, ValidationError

from goodsight.serve.texts import Id, Line, Lines, strange


def test_what_is_strange_is_said_in_ascii() -> None:
    assert strange("Ünï & søn \U0001f45c") == ""
    assert strange("a\0b\x1bc\ud800") == r"'\x00' '\x1b' '\ud800'"


def test_each_control_and_half_a_letter_is_strange_and_nothing_else() -> None:
    every = map(chr, range(sys.maxunicode + 1))
    assert [c for c in every if bool(strange(c)) != (unicodedata.category(c) in ("Cc", "Cs"))] == []
    assert strange("\n\0", "\n") == r"'\x00'"


@pytest.mark.parametrize("text", ["\0", "a\x85", "\x7f", "\ud800", "a\u2028b\x01"])
def test_controls_are_refused_everywhere(text: str) -> None:
    for kind in (Id, Line, Lines):
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(text)


@pytest.mark.parametrize("text", ["", "a b", "a/b", "a\n", "x" * 65, "ä", "'; DROP TABLE checks; --"])
def test_an_id_is_letters_digits_and_dashes(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Id).validate_python(text)
    assert TypeAdapter(Id).validate_python("0f-A_9") == "0f-A_9"


def test_a_note_may_have_lines() -> None:
    assert TypeAdapter(Lines).validate_python("one\r\n\ttwo") == "one\r\n\ttwo"
    with pytest.raises(ValidationError):
        TypeAdapter(Line).validate_python("one\ntwo")

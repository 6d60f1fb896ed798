"""Small HTML tables in which everything is text, and data frames of whichever library is there."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

from goodsight import display
from goodsight.errors import GoodsightError

RECORDS: list[dict[str, Any]] = [
    {"file_name": "a\udce9.jpg", "chance": 0.123456789},
    {"file_name": "b.jpg", "chance": None, "more": "x"},
]


def test_everything_in_a_table_is_text() -> None:
    html = display.table(
        [dict[str, Any]({"<b>": "<script>", "n": float("nan")})], title="a<br>\nb", pictures=['"><script>']
    )
    assert "<script" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html
    assert html.startswith("<p>a&lt;br&gt;<br>b</p>")
    assert ">nan<" not in html


def test_figures_are_short_and_what_is_not_there_is_empty() -> None:
    html = display.table(RECORDS)
    assert ">0.1235<" in html
    assert ">None<" not in html
    assert html.count("<th ") == 3
    assert html.count("<td ") == 6
    assert "a\\udce9.jpg" in html
    html.encode("utf-8")


def test_a_long_table_says_how_much_more_there_is() -> None:
    html = display.table([{"n": number} for number in range(display.MOST + 3)])
    assert html.count("<tr>") == display.MOST + 1
    assert "and 3 more rows" in html


def _only(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[tuple[str, Any]]:
    """Only these libraries are there, and tell what they are given."""
    made: list[tuple[str, Any]] = []
    for name in names:
        module = ModuleType(name)
        module.DataFrame = lambda rows, name=name, **_: made.append((name, rows))  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(display, "find_spec", lambda name: ModuleSpec(name, None) if name in names else None)
    return made


@pytest.mark.parametrize(
    ("there", "used"), [(("pandas",), "pandas"), (("polars",), "polars"), (("pandas", "polars"), "pandas")]
)
def test_a_data_frame_is_made_by_what_is_installed(
    monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], used: str
) -> None:
    made = _only(monkeypatch, *there)
    display.frame(RECORDS)
    assert made == [(used, [{"file_name": "a\\udce9.jpg", "chance": 0.123456789}, RECORDS[1]])]


def test_without_either_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    _only(monkeypatch)
    with pytest.raises(GoodsightError, match="pandas or Polars; install one of them: pip install pandas"):
        display.frame(RECORDS)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_the_real_libraries_take_what_they_are_given(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    pytest.importorskip(library, reason=f"needs {library}, which is in the extra `dev`")
    monkeypatch.setattr(display, "find_spec", lambda name: ModuleSpec(name, None) if name == library else None)
    found = display.frame(RECORDS)
    assert type(found).__module__.partition(".")[0] == library
    assert list(found["file_name"]) == ["a\\udce9.jpg", "b.jpg"]
    assert found.shape[0] == 2

"""A bar is drawn where somebody can see it, and nowhere else."""

import io
import sys

import pytest

import goodsight
from goodsight import progress
from goodsight.flow.work import Work, drawn


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error is a terminal; no fixture, as pytest puts its own in place before each test's body."""
    shown = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", shown)
    return shown


@drawn
def _embed(*, work: Work = Work()) -> str:  # noqa: B008
    for done in range(4):
        work.progress("embed", done, 3)
    return "done"


def test_a_verb_draws_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _terminal(monkeypatch)
    assert _embed() == "done"
    assert "embed" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()


def test_a_verb_is_silent_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _terminal(monkeypatch)
    _embed(work=Work(progress=goodsight.quiet))
    assert terminal.getvalue() == ""


def test_a_verb_tells_whom_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _terminal(monkeypatch)
    told: list[tuple[str, int]] = []
    _embed(work=Work(progress=lambda step, done, total, note="", /: told.append((step, done))))
    assert told == [("embed", done) for done in range(4)]
    assert terminal.getvalue() == ""


def test_a_verb_is_silent_where_nobody_watches(capfd: pytest.CaptureFixture[str]) -> None:
    _embed()
    assert capfd.readouterr() == ("", "")


def test_a_bar_in_a_bar_does_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _terminal(monkeypatch)
    with progress.bar():
        assert _embed() == "done"
    assert "3/3" in terminal.getvalue()


@pytest.mark.parametrize(("widgets", "can"), [(True, True), (False, False)])
def test_a_notebook_needs_its_widgets(monkeypatch: pytest.MonkeyPatch, widgets: bool, can: bool) -> None:
    from rich.console import Console

    monkeypatch.setattr(progress, "find_spec", lambda name: object() if widgets and name == "ipywidgets" else None)
    assert progress._can_draw(Console(force_jupyter=True, file=io.StringIO())) is can


def test_a_command_prints_a_line_for_each_step_where_no_bar_can_move(capfd: pytest.CaptureFixture[str]) -> None:
    with progress.bar() as told:
        told("embed [x] :smile:", 0, 3)
        told("embed [x] :smile:", 3, 3, "loss 0.100")
        told("write the report", 0, 0)
    assert capfd.readouterr().err.splitlines() == [
        "embed [x] :smile: (3) ...",
        "embed [x] :smile:: loss 0.100",
        "write the report ...",
    ]

"""Names, help, exit codes, completion, and what errors look like."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from goodsight import __version__
from goodsight.cli import app, terminal
from goodsight.flow.training import Training

Run = Callable[..., tuple[int, str, str]]
ROOT: Any = typer.main.get_command(app.app)
COMMANDS = sorted(ROOT.commands)


def test_there_are_these_verbs() -> None:
    first = "audit block cache check classify collect compare embed evaluate export forecast"
    rest = "inspect ledger overview policy promote reviews serve set sightings split token train"
    assert f"{first} {rest}".split() == COMMANDS


def _walk(command: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that lead to it, groups too."""
    yield names, command
    for name, below in getattr(command, "commands", {}).items():
        yield from _walk(below, *names, name)


EVERY = dict(_walk(ROOT))


@pytest.mark.parametrize("names", EVERY, ids=" ".join)
def test_help_names_all_parameters_and_ends_in_an_example(names: tuple[str, ...], run: Run) -> None:
    code, out, _ = run(*names, "--help")
    assert code == 0
    for parameter in [p for p in EVERY[names].params if not getattr(p, "hidden", False)]:
        assert parameter.help or parameter.name == "help", f"{names} {parameter.name} has no help"
        for option in parameter.opts if parameter.param_type_name == "option" else ():
            assert option in out
    if names:
        assert out.rstrip().splitlines()[-1].strip().startswith(f"goodsight {' '.join(names)} ")


@pytest.mark.parametrize("names", [names for names in EVERY if names], ids=" ".join)
def test_an_option_takes_two_lines_of_a_narrow_terminal(
    names: tuple[str, ...], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 80)
    _, out, _ = run(*names, "--help")
    assert max(map(len, out.splitlines())) == 80
    count = 0
    for line in out.splitlines():
        begins = re.match(r"│ ([* ] {1,4})?[-a-zA-Z]", line)
        count = 1 if begins else count + 1 if line.startswith("│") else 0
        assert count <= 2, f"{names}: {line}"


def test_the_examples_can_be_read_as_commands() -> None:
    for names, command in EVERY.items():
        for line in (command.epilog or "").splitlines():
            if line.startswith("goodsight "):
                _parse(line.split(">>")[0].split()[1:])
            else:
                assert line in ("", "Example:", "Examples:"), names


def _parse(words: list[str]) -> None:
    command = ROOT
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context("goodsight", words)


def test_the_help_of_train_is_in_panels(run: Run) -> None:
    _, out, _ = run("train", "--help")
    panels = re.findall(r"^╭─ (\w+) ─", out, re.MULTILINE)
    assert panels == ["Arguments", "Options", "Photos", "Labels", "Verdicts", "Network", "Speed", "Output"]
    assert out.count("goodsight train photos/") + out.count("goodsight train list.csv") == 2


def test_help_is_quick() -> None:
    code = "import resource, sys; from goodsight.cli import app\n"
    code += "sys.argv = ['goodsight', '--help']\ntry:\n    app.main()\nexcept SystemExit:\n    pass\n"
    code += "heavy = {'numpy', 'torch', 'openvino', 'PIL', 'fastapi', 'scipy'} & set(sys.modules)\n"
    code += "print(sorted(heavy), resource.getrusage(resource.RUSAGE_SELF).ru_utime)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy, seconds = done.stdout.splitlines()[-1].rsplit(" ", 1)
    assert heavy == "[]"
    # 0.14 s where it was written; a slower machine may take its time.
    assert float(seconds) < 1


def test_a_shell_completes_commands_and_options() -> None:
    def ask(typed: str) -> set[str]:
        words = {"_GOODSIGHT_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
        code = "import sys; sys.argv = ['goodsight']; from goodsight.cli import app; app.main()"
        done = subprocess.run([sys.executable, "-c", code], env=os.environ | words, capture_output=True, text=True)
        return set(done.stdout.split())

    assert ask("goodsight ") == set(COMMANDS)
    assert ask("goodsight train --no") == {"--no-cache", "--none", "--none-class", "--none-recall"}


def test_no_arguments_show_the_help(run: Run) -> None:
    _, out, err = run()
    assert "Usage" in out + err


def test_the_module_is_the_command_line() -> None:
    ended = subprocess.run([sys.executable, "-m", "goodsight", "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout == f"goodsight {__version__}\n"


def test_an_unknown_option_is_exit_code_2(run: Run, photos: Path) -> None:
    code, _, err = run("train", photos, "--out", "x", "--colour", "red")
    assert code == 2
    assert "--colour" in err


def test_an_interrupt_is_said(run: Run, trained: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("goodsight.flow.upkeep.inspect", interrupted)
    code, _, err = run("inspect", trained.folder)
    assert code == 130
    assert "interrupted" in err


@pytest.mark.parametrize(
    ("message", "command", "said"),
    [
        ("`precision` 1.5: must be between", "train", "--precision 1.5: must be between"),
        ("name it with `none_class`", "train", "name it with --none-class"),
        ("`views` 2: not for `network` brands", "train", "--views 2: not for --network brands"),
        ("`label` '../x'", "collect", "--class '../x'"),
        ("`label` and `attributes`", "train", "--label and --attributes"),
        ("give others with `test`", "promote", "give others with --photos"),
        ("`test` 0.9", "split", "--test 0.9"),
        ("choose another `out`", "ledger", "choose another --out"),
        ("`store` x", "reviews", "--store x"),
        ("train it with `network` brands", "sightings", "train it with --network brands"),
        ("make it with `goodsight train`", "inspect", "make it with `goodsight train`"),
        ("`pip install 'goodsight[serve]'`", "serve", "`pip install 'goodsight[serve]'`"),
        ("`unheard_of`, `split` and `model`", "train", "`unheard_of`, `split` and `model`"),
        ("a\\1 `out`", "", "a\\1 --out"),
    ],
)
def test_parameters_are_printed_as_options(
    message: str, command: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "OPTIONS", app.options_of(ROOT, command))
    assert terminal.as_typed(message) == said


def test_errors_are_said_as_the_command_has_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "urls.csv").write_text("url\nhttp://127.0.0.1/1.jpg\n", encoding="utf-8")
    code, _, err = run("collect", tmp_path / "urls.csv", "--class", "../x", "--out", tmp_path / "out")
    assert code == 2
    assert err.startswith("goodsight: --class: the label '../x' cannot be")
    code, out, _ = run("collect", tmp_path / "urls.csv", "--class", "mug", "--out", tmp_path / "out")
    assert code == 0
    assert "a loopback address; allow it with --allow-private" in out
    code, _, err = run("train", tmp_path, "--class", "mug", "--out", tmp_path / "out")
    assert code == 2
    assert "--class" in err


def test_errors_of_the_library_name_parameters_that_are_options() -> None:
    known = {p.name for command in EVERY.values() for p in command.params if p.param_type_name == "option"}
    said = {
        (path.name, word)
        for path in (Path(app.__file__).parents[1]).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise)
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
        for word in re.findall(r"`(\w+)`", part.value)
    }
    assert len(said) > 20
    assert {(name, word) for name, word in said if word not in known} == set()

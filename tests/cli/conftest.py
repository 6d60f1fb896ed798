"""What the tests of the command line share: a shell, and a folder of photos."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from goodsight.cli import app

Sound = dict[str, list[Path]]
Lay = Callable[[Path, Mapping[str, Sequence[Path]]], Path]
Answer = tuple[int, str, str]
Run = Callable[..., Answer]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command as a shell would, and gives exit code, stdout and stderr."""

    def call(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["goodsight", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            app.main()
        said = capsys.readouterr()
        return int(stop.value.code or 0), said.out, said.err

    return call


@pytest.fixture
def photos(sound: Sound, truncated: list[Path], lay: Lay, tmp_path: Path) -> Path:
    """Four good photos and a bad one, in two folders."""
    return lay(tmp_path / "photos", {"a/deep": sound["bag"][:2], "b": sound["mug"][:2] + truncated[:1]})

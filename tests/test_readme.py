"""The README's commands and code run as they stand, in a folder laid out as it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import drawn
import numpy as np

README = Path(__file__).parents[1] / "README.md"


def test_the_commands_and_the_code_run(drawn_photos: Path, planted: list[drawn.Planted], tmp_path: Path) -> None:
    assert planted
    for name in ("photos", "more-photos"):
        shutil.copytree(drawn_photos, tmp_path / name)
    (tmp_path / "photos" / "mug").rename(tmp_path / "photos" / "phone")
    (tmp_path / "more-photos" / "mug").rename(tmp_path / "more-photos" / "phone")
    (tmp_path / "new").mkdir()
    drawn.draw("lamp", np.random.default_rng(5)).save(tmp_path / "new" / "1.jpg")
    drawn.draw("mug", np.random.default_rng(6)).save(tmp_path / "ad.jpg")
    text = README.read_text(encoding="utf-8")
    commands = re.findall(r"^goodsight (.+)$", text, re.MULTILINE)
    verbs = [command.split()[0] for command in commands]
    assert " ".join(verbs) == "audit train evaluate forecast classify check inspect train split serve"
    # The service goes on until it is stopped: tests/serve has its own.
    (tmp_path / "ledger.csv").write_text("file_name,sha256,decision,label,reason,reviewer,time\n", encoding="utf-8")
    for command in commands[:-1]:
        done = _run(tmp_path, "-m", "goodsight", *command.split())
        assert done.returncode in ({0, 1} if command.startswith("check") else {0}), done.stderr
    assert (tmp_path / "results.csv").exists()
    (code,) = re.findall(r"```python\n(.+?)```", text, re.DOTALL)
    done = _run(tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Estimate(value=")


def _run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=os.environ, capture_output=True, text=True)

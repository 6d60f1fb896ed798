"""What is said of installing is true of the package."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_extra_that_is_named_is_there() -> None:
    told = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile"]
    told += [*(ROOT / "docs").glob("*.md"), *(ROOT / "src").rglob("*.py")]
    named = {
        extra
        for path in told
        for extras in re.findall(r"(?:goodsight|\.)\[([a-z,]+)\]['\"`]", path.read_text(encoding="utf-8"))
        for extra in extras.split(",")
    }
    assert named == set(PROJECT["optional-dependencies"])

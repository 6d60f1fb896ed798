"""What is said of installing, releasing and running in a container is true of the package."""

import re
import tomllib
from pathlib import Path

import typer
import yaml

from goodsight.about import __version__
from goodsight.cli import app
from goodsight.serve import kserve

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
COMPOSED = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
IMAGE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_every_extra_that_is_named_is_there() -> None:
    told = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile", ROOT / "Dockerfile"]
    told += [*(ROOT / "docs").glob("*.md"), *(ROOT / "src").rglob("*.py")]
    named = {
        extra
        for path in told
        for extras in re.findall(r"(?:goodsight|\.)\[([a-z,]+)\]['\"`]", path.read_text(encoding="utf-8"))
        for extra in extras.split(",")
    }
    assert named == set(PROJECT["optional-dependencies"])


def test_the_version_has_its_changes() -> None:
    newest = re.search(r"^## (\S+) \(.+\)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest
    assert newest[1] == __version__
    assert "version" not in PROJECT


def test_the_notices_go_with_the_package() -> None:
    assert PROJECT["license-files"] == ["LICENSE", "NOTICE"]
    assert all((ROOT / name).is_file() for name in PROJECT["license-files"])


def test_the_container_runs_the_service_with_options_that_it_has() -> None:
    commands = typer.main.get_command(app.app).commands  # type: ignore[attr-defined]
    options = {name for parameter in commands["serve"].params for name in parameter.opts}
    (alone,) = re.findall(r"^CMD (\[.+\])$", IMAGE, re.MULTILINE)
    for command in (COMPOSED["services"]["goodsight"]["command"], yaml.safe_load(alone)):
        assert command[0] == "serve"
        used = {word.partition("=")[0] for word in command if word.startswith("--")}
        assert {"--data", "--tokens", "--host"} <= used <= options


def test_the_container_may_do_little() -> None:
    service = COMPOSED["services"]["goodsight"]
    (user,) = re.findall(r"^USER (\d+)$", IMAGE, re.MULTILINE)
    assert int(user) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    (asked,) = re.findall(r"http://127\.0\.0\.1:8000(/\S+)'", IMAGE)
    assert asked in {route.path for route in kserve.router.routes}  # type: ignore[attr-defined]

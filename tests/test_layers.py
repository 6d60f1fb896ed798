"""Imports go down only, between folders and inside them, lazy ones too; and the map in CONTRIBUTING says the same."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import goodsight

ROOT = Path(goodsight.__file__).parent
CONTRIBUTING = Path(__file__).parents[1] / "CONTRIBUTING.md"
ORDER = (
    {"__main__"},
    {"cli"},
    {"serve"},
    {"flow"},
    {"cluster"},
    {"report"},
    {"measuring"},
    {"exporting"},
    {"model"},
    {"training"},
    {"auditing"},
    {"heads"},
    {"embedding"},
    {"backbones"},
    {"catalog", "store", "collecting"},
    {"photos"},
    {"files"},
    {"display"},
    {"arrays", "errors", "progress", "about"},
)
"""From the top down; folders of one level do not know each other."""
LEVEL = {room: number for number, rooms in enumerate(reversed(ORDER)) for room in rooms}
MODULES = {
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
    if path != ROOT / "__init__.py"
}


def _imports(path: Path) -> Iterator[str]:
    """Every module of ours that a file imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (
                name.name.removeprefix("goodsight.") for name in node.names if name.name.startswith("goodsight.")
            )
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            source, names = node.module or "", [name.name for name in node.names]
            if source.partition(".")[0] == "goodsight":
                folder = source.removeprefix("goodsight").removeprefix(".")
                for name in names:
                    inner = f"{folder}.{name}".lstrip(".")
                    yield inner if inner in MODULES else folder


ARROWS = {name: {other for other in _imports(path) if other} - {name} for name, path in MODULES.items()}


def _room(module: str) -> str:
    return module.partition(".")[0]


def test_every_module_has_its_level() -> None:
    assert {_room(module) for module in MODULES} == set(LEVEL)


def test_imports_go_down_only() -> None:
    upward = [
        f"{module} imports {other}"
        for module, others in ARROWS.items()
        for other in sorted(others)
        if _room(other) != _room(module) and LEVEL[_room(other)] >= LEVEL[_room(module)]
    ]
    assert upward == []


def test_there_is_no_circle() -> None:
    """Not even through an import inside a function: what knows each other cannot be read one after the other."""
    left = {module: set(others) for module, others in ARROWS.items()}
    while ready := {module for module, others in left.items() if not others & left.keys()}:
        left = {module: others for module, others in left.items() if module not in ready}
    assert left == {}


def test_the_root_shows_the_way_and_nothing_else() -> None:
    code = {path.stem for path in ROOT.glob("*.py")}
    assert code == {"__init__", "__main__", "about", "arrays", "display", "errors", "files", "progress"}


def test_the_map_in_contributing_is_this_one() -> None:
    table = re.findall(r"^\| (`[^|]+`) \|", CONTRIBUTING.read_text(encoding="utf-8"), re.MULTILINE)
    levels = [{name.strip("` /") for name in row.split(",")} for row in table]
    assert levels == [rooms for rooms in ORDER if rooms != {"__main__"}]

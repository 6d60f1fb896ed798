import ast
from pathlib import Path

import goodsight

ROOT = Path(goodsight.__file__).parent
LEVELS = (
    {"errors", "progress"},
    {"photos", "files", "boxes"},
    {"catalog", "engine", "backbones", "calibrate"},
    {"embed", "ledger", "heads", "folds", "twins", "offtopic", "metrics", "nones", "store"},
    {"photoset", "model", "promotion", "robustness", "training"},
    {"testset", "learning"},
    {"verdicts", "evidence", "spoiling", "gain", "prepared", "auditing"},
    {"result", "output", "combinations", "posts"},
    {"report", "collecting"},
    {"flow", "serve"},
    {"terminal"},
    {"cli"},
)
LEVEL = {room: number for number, rooms in enumerate(LEVELS) for room in rooms}
DOORS = {"__init__", "__main__"}


def _room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def _imported(path: Path) -> set[str]:
    """The rooms that a module imports, wherever in the module it does so."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            rooms |= {a.name.split(".")[1] for a in node.names if a.name.startswith("goodsight.")}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            parts = (node.module or "").split(".")
            if parts == ["goodsight"]:
                rooms |= {a.name for a in node.names if not a.name.startswith("__")}
            elif parts[0] == "goodsight":
                rooms.add(parts[1])
    return rooms


def test_every_module_has_its_level() -> None:
    assert {_room(path) for path in ROOT.rglob("*.py")} - DOORS == set(LEVEL)


def test_imports_go_down_only() -> None:
    upward = [
        f"{path.relative_to(ROOT)} (level {LEVEL[room]}) imports {other} (level {LEVEL[other]})"
        for path in sorted(ROOT.rglob("*.py"))
        if (room := _room(path)) not in DOORS
        for other in sorted(_imported(path) - {room})
        if LEVEL[other] >= LEVEL[room]
    ]
    assert upward == []

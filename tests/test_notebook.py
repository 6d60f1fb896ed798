"""The notebook of the examples runs from top to bottom, and what its cells show is short or a table."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[1] / "examples" / "notebook.ipynb"


def _run(source: str, names: dict[str, Any]) -> Any:
    """Run a cell; the value of its last line, as a notebook shows it."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, str(NOTEBOOK), "exec"), names)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), names)


def test_every_cell_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    cells = [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = {
        type(value).__name__: value for cell in cells if (value := _run("".join(cell["source"]), names)) is not None
    }
    assert list(shown) == ["Audit", "Training", "Ready", "Check", "Predictions"]
    assert all(len(repr(value)) < 600 for value in shown.values())
    path, data, picture, array, bad = shown["Predictions"]
    assert (path.label, path.probability) == (data.label, data.probability)
    assert (picture.label, picture.probability) == (array.label, array.probability)
    assert bad.problem.startswith("not a picture")
    assert shown["Predictions"]._repr_html_().count("<img") == 4
    assert shown["Check"].declared == "lamp"
    said = capsys.readouterr().out
    assert "photos, 10 planted faults" in said
    assert "float32" in said

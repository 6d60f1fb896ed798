from pathlib import Path

import pytest
import typer

from goodsight.cli import app

DOCS = Path(__file__).parent.parent / "docs"
COMMANDS = typer.main.get_command(app.app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_a_page_that_names_each_option(command: str) -> None:
    page = (DOCS / f"{command}.md").read_text(encoding="utf-8")
    below = getattr(COMMANDS[command], "commands", {"": COMMANDS[command]}).values()
    options = [o for c in below for p in c.params if p.param_type_name == "option" and not p.hidden for o in p.opts]
    assert [option for option in options if option not in page and option != "--help"] == []

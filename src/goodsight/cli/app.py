"""The command line: every command by its name, errors as one line, exit codes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from goodsight.about import __version__
from goodsight.cli import answers, models, photos, service
from goodsight.errors import GoodsightError

app = typer.Typer(
    help="Turn a folder of product photos into a classifier that can be trusted, and check new photos with it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
ledgers = typer.Typer(help="What people decided about photos, as files.", no_args_is_help=True)
reviews = typer.Typer(help="What people decided in the review queue.", no_args_is_help=True)


def _add(group: typer.Typer, name: str, command: Callable[..., None], *examples: str) -> None:
    """Put a command under its name, with examples at the end of its help."""
    head = "Examples:" if len(examples) > 1 else "Example:"
    group.command(name, epilog="\n\n".join((head, *(f"goodsight {example}" for example in examples))))(command)


_add(app, "collect", photos.collect, "collect urls.csv --out photos/")
_add(app, "audit", photos.audit, "audit photos/ --out audit/")
_add(app, "split", photos.split, "split photos/ --out prepared/ --test 0.2")
_add(
    app,
    "train",
    models.train,
    "train photos/ --out model/",
    "train list.csv --label colour,type --out model/",
)
_add(app, "evaluate", models.evaluate, "evaluate model/ more-photos/ --out report/")
_add(app, "classify", answers.classify, "classify model/ new/ --out results.csv")
_add(app, "check", answers.check, "check model/ ad.jpg --declared phone")
_add(app, "sightings", answers.sightings, "sightings brands/ posts.jsonl --out sightings.csv")
_add(app, "inspect", models.inspect, "inspect model/")
_add(app, "promote", models.promote, "promote candidate/ --over model/")
_add(app, "serve", service.serve, "serve model/ --data data/")
_add(app, "token", service.token, "token --name shop --role check >> tokens.toml")
app.add_typer(ledgers, name="ledger", epilog="Example:\n\ngoodsight ledger merge ann.csv bob.csv --out both.csv")
_add(ledgers, "merge", photos.merge_ledgers, "ledger merge ann.csv bob.csv --out both.csv")
app.add_typer(reviews, name="reviews", epilog="Example:\n\ngoodsight reviews export --out corrections/")
_add(reviews, "export", service.export, "reviews export --out corrections/")


def _version(value: bool) -> None:
    if value:
        print(f"goodsight {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line: an error that Goodsight raises on purpose is one line and exit code 2."""
    try:
        app()
    except SystemExit as end:
        if end.code == 130:
            print("goodsight: interrupted; run the same command to go on, finished photos are kept", file=sys.stderr)
        raise
    except GoodsightError as error:
        print(f"goodsight: {as_typed(str(error), sys.argv[1:])}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)


def as_typed(message: str, arguments: list[str]) -> str:
    """A message of the library with options in the place of parameters: ``--none-class`` for `` `none_class` ``.

    Args:
        message: names parameters in backquotes.
        arguments: that the command line was given: an option of this command goes before one of another.

    """
    root: Any = typer.main.get_command(app)
    known = _options(root)
    for argument in arguments:
        if argument not in getattr(root, "commands", {}):
            break
        root = root.commands[argument]
    known |= _options(root)
    return re.sub(r"`(\w+)`", lambda found: known.get(found[1], found[0]), message)


def _options(command: Any) -> dict[str, str]:
    """The first name of each option of a command and of those below it, by its parameter."""
    found = {p.name: p.opts[0] for p in command.params if p.param_type_name == "option"}
    for other in getattr(command, "commands", {}).values():
        found |= _options(other)
    return found

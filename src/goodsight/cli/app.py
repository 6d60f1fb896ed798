"""The command line: every command by its name, errors as one line, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from goodsight.about import __version__
from goodsight.cli import answers, kept, models, photos, policies, service, terminal, upkeep
from goodsight.errors import GoodsightError

app = typer.Typer(
    help="Turn a folder of product photos into a classifier that can be trusted, and check new photos with it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
ledgers = typer.Typer(help="What people decided about photos, as files.", no_args_is_help=True)
policy = typer.Typer(help="What is promised and done, by model and category.", no_args_is_help=True)
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
_add(app, "forecast", models.forecast, "forecast model/ new/")
_add(app, "classify", answers.classify, "classify model/ new/ --out results.csv")
_add(app, "embed", answers.embed, "embed photos/ --out vectors/")
_add(app, "check", answers.check, "check model/ ad.jpg --declared phone")
_add(app, "sightings", answers.sightings, "sightings brands/ posts.jsonl --out sightings.csv")
_add(app, "inspect", upkeep.inspect, "inspect model/")
_add(app, "set", upkeep.set_precision, "set model/ --precision 0.98")
_add(app, "compare", upkeep.compare, "compare model/ candidate/ --out comparison/")
_add(app, "promote", upkeep.promote, "promote candidate/ --over model/")
_add(app, "overview", upkeep.overview, "overview models/")
_add(
    app,
    "export",
    models.export,
    "export model/ --to onnx --out model.onnx",
    "export model/ --to web --out page/",
)
_add(app, "cache", kept.cache, "cache", "cache --prune --older 90d")
_add(app, "serve", service.serve, "serve model/ --data data/")
_add(app, "token", service.token, "token --name shop --role check >> tokens.toml")
_add(app, "block", service.block, "block stolen.jpg --reason 'reported by its owner'", "block --remove 7")
app.add_typer(ledgers, name="ledger", epilog="Example:\n\ngoodsight ledger merge ann.csv bob.csv --out both.csv")
_add(ledgers, "merge", photos.merge_ledgers, "ledger merge ann.csv bob.csv --out both.csv")
app.add_typer(policy, name="policy", epilog="Example:\n\ngoodsight policy test policy.toml model/ photos/")
_add(policy, "test", policies.try_out, "policy test policy.toml model/ photos/")
app.add_typer(reviews, name="reviews", epilog="Example:\n\ngoodsight reviews export --out corrections/")
_add(reviews, "export", service.export, "reviews export --out corrections/")


def _version(value: bool) -> None:
    if value:
        print(f"goodsight {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    terminal.OPTIONS.update(options_of(context.command, context.invoked_subcommand))


def main() -> None:
    """Run the command line: an error that Goodsight raises on purpose is one line and exit code 2."""
    try:
        app()
    except SystemExit as end:
        if end.code == 130:
            print("goodsight: interrupted; run the same command to go on, finished photos are kept", file=sys.stderr)
        raise
    except GoodsightError as error:
        print(f"goodsight: {terminal.as_typed(str(error))}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)


def options_of(command: Any, running: str | None = None) -> dict[str, str]:
    """The option of each parameter, of a command and those below it; the running one goes before others."""
    found = {p.name: p.opts[0] for p in command.params if p.param_type_name == "option"}
    below = getattr(command, "commands", {})
    for name in sorted(below, key=lambda name: name == running):
        found |= options_of(below[name])
    return found

"""The command that tries policies before a service runs with them: policy test."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goodsight.cli import options, terminal
from goodsight.progress import bar

if TYPE_CHECKING:
    from goodsight.flow.policies import Outcome, PoliciesTest


def try_out(
    policy: Annotated[Path, typer.Argument(help="The file of policies.")],
    model: Annotated[str, typer.Argument(help="A model folder, or name=folder as in serve.")],
    photos: options.Labelled,
    *,
    label: options.Label = None,
    attributes: options.Attributes = None,
    tags: options.Tags = "",
    group: options.Group = "",
    cache: options.Cache = True,
) -> None:
    """Say what policies do with labelled photos: exit code 0, or 1 where a wanted precision is missed."""
    import goodsight

    ((name, folder),) = options.models([model]).items()
    said = options.labels(label, attributes, tags, group=group)
    with bar() as progress:
        work = goodsight.Work(cache=cache, progress=progress)
        found = goodsight.policy_test(policy, folder, photos, name=name, labels=said, work=work)
    show(found)
    raise typer.Exit(1 if found.missed else 0)


def show(found: PoliciesTest) -> None:
    """Print what becomes of the answers of each category, then whether each policy keeps what it wants."""
    several = len({each.attribute for each in found.categories}) > 1
    for each in found.categories:
        name = f"{each.attribute}: {each.category}" if several else each.category
        print(f"{name}: {each.n} answers")
        print(f"  {f'policy {each.policy}' if each.policy else 'no policy'}: {_said(each.now)}")
        print(f"  the model alone: {_said(each.own)}")
    for total in found.policies:
        name = f"{total.policy}, {total.attribute}" if several else total.policy
        print(f"policy {name}: of {total.n} answers {_said(total.now)}")
        if total.precision is not None and total.now.accepted:
            kept = "missed" if total.missed else "kept"
            print(f"policy {name}: wanted precision {total.precision:g}, is {1 - total.now.error.value:.4f}: {kept}")
    if found.copies:
        print(f"left out: {found.copies} copies of training photos")
    terminal.print_left_out("bad photos", found.bad)


def _said(found: Outcome) -> str:
    error = found.error
    wrong = "" if math.isnan(error.value) else f" with error {error.value:.4f} [{error.low:.4f}, {error.high:.4f}]"
    each = f"{found.accepted} accepted{wrong}, {found.refused} refused"
    return f"decided alone {found.accepted + found.refused} ({each}), to review {found.review}"

"""The command that shows and prunes the embedding cache."""

from __future__ import annotations

import re
import time
from typing import Annotated

import typer

from goodsight.errors import GoodsightError

_DAYS = {"h": 1 / 24, "d": 1.0, "w": 7.0}
_BYTES = {"MB": 1e6, "GB": 1e9, "TB": 1e12}


def cache(
    networks: Annotated[
        list[str] | None, typer.Argument(help="Only these, by the name that is shown; else all.", show_default=False)
    ] = None,
    *,
    prune: Annotated[bool, typer.Option("--prune", help="Remove embeddings; they are made again when needed.")] = False,
    older: Annotated[str, typer.Option(metavar="AGE", help="Remove what was not used for so long: 90d, 12h, 8w.")] = "",
    at_most: Annotated[
        str, typer.Option(metavar="SIZE", help="Remove the least recently used until so much is left: 10GB.")
    ] = "",
) -> None:
    """Show where embeddings are kept, and of which networks, or remove some of them."""
    from goodsight.embedding import kept
    from goodsight.embedding.cache import embeddings_folder

    if not prune and (older or at_most):
        raise GoodsightError("`older` and `at_most` say what to remove: give `prune` as well")
    if prune:
        removed = kept.prune(
            networks or (),
            older=_number("older", older, _DAYS, "90d, 12h or 8w") if older else None,
            at_most=_number("at_most", at_most, _BYTES, "500MB, 10GB or 1TB") if at_most else None,
        )
        for each in removed:
            print(f"removed {each.network}: {each.photos} photos, {_size(each.size)}", end="")
            print(f"; {each.busy} files are being written to and stay" if each.busy else "")
        print("" if removed else "nothing to remove", end="" if removed else "\n")
    print(f"cache: {embeddings_folder()}")
    shown = [one for one in kept.kept() if not networks or one.network in networks or one.folder.name in networks]
    for one in shown:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.used))
        print(f"  {one.network}: {one.photos} photos, {_size(one.size)}, last used {used}", end="")
        print(f"  ({f'{one.details}, ' if one.details else ''}{one.folder.name})")
    if not shown:
        print("  no embeddings")


def _number(option: str, text: str, units: dict[str, float], examples: str) -> float:
    """A number with a unit.

    Raises:
        GoodsightError: it is none.

    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([A-Za-z]+)", text.strip())
    unit = next((size for name, size in units.items() if found and found[2].lower() == name.lower()), None)
    if found is None or unit is None:
        raise GoodsightError(f"`{option}` {text}: must be a number and a unit, as {examples}")
    return float(found[1]) * unit


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"

"""The errors that Goodsight raises on purpose, and checks that raise them.

A message names a parameter in backquotes; the command line, which turns each error into one line and an exit code,
writes it as the option that it knows (``precision`` is ``--precision`` there).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GoodsightError(Exception):
    """Bad usage or input: the message names the file or option, what is wrong and what to do (exit code 2)."""


class CatalogError(GoodsightError):
    """The photos or their labels cannot be read as a catalog."""


class LedgerError(GoodsightError):
    """A ledger cannot be read, or does not fit the photos."""


class ModelError(GoodsightError):
    """A model folder is damaged, edited, too new, or answers differently on this machine."""


class EngineError(GoodsightError):
    """A network cannot be made or run on this machine."""


class FolderExistsError(GoodsightError):
    """The output folder is there already and ``force`` was not set."""


class StoreError(GoodsightError):
    """The service's database cannot be opened or written."""


class NotFoundError(GoodsightError):
    """The store has no such entry."""


class ConflictError(GoodsightError):
    """Somebody else was first, or it was done already."""


def require_between(low: float, high: float, **parameters: float) -> None:
    """Refuse numbers that are not between two others, both excluded.

    Raises:
        GoodsightError: the message names the parameter.

    """
    for name, value in parameters.items():
        if not low < value < high:
            raise GoodsightError(f"`{name}` {value:g}: must be between {low:g} and {high:g}, both excluded")


def require_at_least(low: float, **parameters: float) -> None:
    """Refuse numbers that are too small, or no numbers.

    Raises:
        GoodsightError: the message names the parameter.

    """
    for name, value in parameters.items():
        if not value >= low:
            raise GoodsightError(f"`{name}` {value:g}: must be {low:g} or more")


def did_you_mean(value: str, allowed: Iterable[str]) -> str:
    """The nearest allowed value as a sentence that can be appended to an error, or nothing."""
    near = difflib.get_close_matches(value, list(allowed), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""

"""The errors that Goodsight raises on purpose. The command line turns each into one line and an exit code."""

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
    """The output folder is there already and ``--force`` was not given."""


class StoreError(GoodsightError):
    """The service's database cannot be opened or written."""


class NotFoundError(GoodsightError):
    """The store has no such entry."""


class ConflictError(GoodsightError):
    """Somebody else was first, or it was done already."""


def did_you_mean(value: str, allowed: Iterable[str]) -> str:
    """The nearest allowed value as a sentence that can be appended to an error, or nothing."""
    near = difflib.get_close_matches(value, list(allowed), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""

"""Goodsight turns a folder of product photos into a classifier that can be trusted, and checks new photos with it.

The verbs of the command line are the functions of this package: :func:`collect`, :func:`audit`, :func:`train`,
:func:`evaluate`, :func:`classify`, :func:`check`, :func:`sightings`, :func:`inspect`, :func:`promote` and
:func:`split`; :func:`load` keeps a model ready for many calls. They are imported on first use, so ``import goodsight``
costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from goodsight.about import __version__

if TYPE_CHECKING:
    from goodsight.flow.answers import check, classify, load
    from goodsight.flow.audits import audit
    from goodsight.flow.collection import collect
    from goodsight.flow.evaluation import evaluate
    from goodsight.flow.feed import sightings
    from goodsight.flow.splits import split
    from goodsight.flow.training import train
    from goodsight.flow.upkeep import inspect, promote

__all__ = [
    "__version__",
    "audit",
    "check",
    "classify",
    "collect",
    "evaluate",
    "inspect",
    "load",
    "promote",
    "sightings",
    "split",
    "train",
]

_HOME = {
    "audit": "audits",
    "check": "answers",
    "classify": "answers",
    "collect": "collection",
    "evaluate": "evaluation",
    "inspect": "upkeep",
    "load": "answers",
    "promote": "upkeep",
    "sightings": "feed",
    "split": "splits",
    "train": "training",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"goodsight.flow.{_HOME[name]}"), name)
    raise AttributeError(f"module 'goodsight' has no attribute {name!r}")

"""Goodsight turns a folder of product photos into a classifier that can be trusted, and checks new photos with it.

The verbs of the command line are the functions of this package: :func:`collect`, :func:`audit`, :func:`train`,
:func:`evaluate`, :func:`classify`, :func:`check`, :func:`sightings`, :func:`inspect`, :func:`promote` and
:func:`split`. They are imported on first use, so ``import goodsight`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goodsight.flow import audit, check, classify, collect, evaluate, inspect, promote, sightings, split, train

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "audit",
    "check",
    "classify",
    "collect",
    "evaluate",
    "inspect",
    "promote",
    "sightings",
    "split",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from goodsight import flow

        return getattr(flow, name)
    raise AttributeError(f"module 'goodsight' has no attribute {name!r}")

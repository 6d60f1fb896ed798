"""Goodsight turns a folder of product photos into a classifier that can be trusted, and checks new photos with it.

The verbs of the command line are the functions of this package: :func:`collect`, :func:`audit`, :func:`train`,
:func:`evaluate`, :func:`forecast`, :func:`classify`, :func:`embed`, :func:`check`, :func:`sightings`, :func:`inspect`,
:func:`compare`, :func:`promote`, :func:`export`, :func:`split` and :func:`overview`; :func:`set_precision` is ``set``,
:func:`policy_test` is ``policy test``, and :func:`load` keeps a model ready for many photos in any form. Their options
are a few records that check themselves: :class:`Labels`, :class:`Recipe`, :class:`Wishes`, :class:`Work` and
:class:`Limits`, and :class:`Source` and :class:`Manners` for the web. All are imported on first use, so
``import goodsight`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from goodsight.about import __version__

if TYPE_CHECKING:
    from goodsight.catalog.labels import Labels
    from goodsight.collecting.crawl import Source
    from goodsight.collecting.terms import Manners
    from goodsight.errors import GoodsightError
    from goodsight.flow.answers import check, classify
    from goodsight.flow.audits import audit
    from goodsight.flow.collection import collect
    from goodsight.flow.comparing import compare
    from goodsight.flow.evaluation import evaluate
    from goodsight.flow.export import export
    from goodsight.flow.feed import sightings
    from goodsight.flow.forecast import forecast
    from goodsight.flow.overview import overview
    from goodsight.flow.policies import policy_test
    from goodsight.flow.ready import load
    from goodsight.flow.sharded import classify_shards, embed
    from goodsight.flow.splits import split
    from goodsight.flow.thresholds import set_precision
    from goodsight.flow.training import train
    from goodsight.flow.upkeep import inspect, promote
    from goodsight.flow.work import Work
    from goodsight.photos.limits import Limits
    from goodsight.progress import quiet
    from goodsight.training.recipe import Recipe
    from goodsight.training.wishes import Wishes

__all__ = [
    "GoodsightError",
    "Labels",
    "Limits",
    "Manners",
    "Recipe",
    "Source",
    "Wishes",
    "Work",
    "__version__",
    "audit",
    "check",
    "classify",
    "classify_shards",
    "collect",
    "compare",
    "embed",
    "evaluate",
    "export",
    "forecast",
    "inspect",
    "load",
    "overview",
    "policy_test",
    "promote",
    "quiet",
    "set_precision",
    "sightings",
    "split",
    "train",
]

_HOME = {
    "GoodsightError": "errors",
    "Labels": "catalog.labels",
    "Limits": "photos.limits",
    "Manners": "collecting.terms",
    "Recipe": "training.recipe",
    "Source": "collecting.crawl",
    "Wishes": "training.wishes",
    "Work": "flow.work",
    "audit": "flow.audits",
    "check": "flow.answers",
    "classify": "flow.answers",
    "classify_shards": "flow.sharded",
    "collect": "flow.collection",
    "compare": "flow.comparing",
    "embed": "flow.sharded",
    "evaluate": "flow.evaluation",
    "export": "flow.export",
    "forecast": "flow.forecast",
    "inspect": "flow.upkeep",
    "load": "flow.ready",
    "overview": "flow.overview",
    "policy_test": "flow.policies",
    "promote": "flow.upkeep",
    "quiet": "progress",
    "set_precision": "flow.thresholds",
    "sightings": "flow.feed",
    "split": "flow.splits",
    "train": "flow.training",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"goodsight.{_HOME[name]}"), name)
    raise AttributeError(f"module 'goodsight' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

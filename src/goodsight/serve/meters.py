"""What ``/metrics`` says, for Prometheus; and drift: are today's photos still like the training photos?

With several processes behind one port, whichever is asked answers for all of them: each keeps its counters in files of
a folder that they share, as prometheus_client does it where ``PROMETHEUS_MULTIPROC_DIR`` names one.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

__all__ = ["CONTENT_TYPE_LATEST", "Meters"]
_RECENT = 1000
_ENOUGH = 50


class Meters:
    """Counters of one service.

    Args:
        depth: gives the number of photos in work.
        waiting: gives the length of the review queue.

    """

    def __init__(self, depth: Callable[[], float], waiting: Callable[[], float]) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "goodsight_requests", "Requests answered", ["method", "route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "goodsight_request_seconds",
            "Seconds from a request's head to its answer",
            ["route"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )
        self._batches = Histogram(
            "goodsight_batch_photos", "Photos per batch", ["model"], buckets=(1, 2, 4, 8, 12, 16), registry=registry
        )
        self._verdicts = Counter("goodsight_verdicts", "Answers by verdict", ["model", "verdict"], registry=registry)
        self._on_topic = Histogram(
            "goodsight_on_topic_p_value",
            "On-topic p-value of each photo; low is off-topic",
            ["model"],
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1),
            registry=registry,
        )
        self._drift = Gauge(
            "goodsight_drift",
            f"Largest gap between the on-topic p-values of the last {_RECENT} photos and even spread: 0 none, 1 all",
            ["model"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._photos = Gauge(
            "goodsight_queue_photos",
            "Photos accepted and not yet answered",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._depth, self._waiting = depth, waiting
        self._recent: dict[str, deque[float]] = {}
        self._answers = 0

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        self._photos.set(self._depth())

    def batch(self, model: str, size: int) -> None:
        """Count a batch."""
        self._batches.labels(model).observe(size)

    def answer(self, model: str, verdict: str, on_topic: float) -> None:
        """Count an answer."""
        self._verdicts.labels(model, verdict).inc()
        self._on_topic.labels(model).observe(on_topic)
        recent = self._recent.setdefault(model, deque(maxlen=_RECENT))
        recent.append(on_topic)
        self._answers += 1
        if self._answers % _ENOUGH == 0:  # another process may be the one that is asked
            self._drift.labels(model).set(drift(list(recent)))

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        self._photos.set(self._depth())
        registry = self._registry
        if several := "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        for model, recent in self._recent.items():
            if len(recent) >= _ENOUGH or not several:  # the largest of all processes would be no number
                self._drift.labels(model).set(drift(list(recent)))
        waiting = CollectorRegistry()
        waiting.register(_Waiting(self._waiting))
        return generate_latest(registry) + generate_latest(waiting)


class _Waiting:
    """The length of the review queue, which is the same for all processes: no gauge, as these would be added up."""

    def __init__(self, waiting: Callable[[], float]) -> None:
        self._waiting = waiting

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One figure."""
        yield GaugeMetricFamily("goodsight_reviews_waiting", "Photos that wait for a person", self._waiting())


def drift(p_values: list[float]) -> float:
    """The Kolmogorov-Smirnov distance of conformal p-values to the even spread that they have without drift.

    Returns:
        0 to 1; NaN for fewer than 50 photos.

    """
    if len(p_values) < _ENOUGH:
        return math.nan
    ordered = np.sort(p_values)
    steps = np.arange(len(ordered) + 1) / len(ordered)
    return float(max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max()))

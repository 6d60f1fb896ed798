"""What is prepared in threads goes through the engine and comes out in order; what is on the way is bounded."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from goodsight.arrays import Array, Pixels
from goodsight.backbones.engine import Engine

RUNNING = 4
"""Batches in the engine."""
AHEAD = 3
"""Items in work for each thread: some wait for the engine, which must never wait for them."""
Item = TypeVar("Item")
Prepared = TypeVar("Prepared")


def pump(
    items: Iterable[Item],
    prepare: Callable[[Item], Prepared],
    pixels: Callable[[Prepared], Pixels | None],
    engine: Engine,
    ahead: int = AHEAD,
) -> Iterator[tuple[Prepared, Array | None]]:
    """Every item as it was prepared, with what the engine made of its pixels, in the order of the items.

    Args:
        items: read lazily.
        prepare: runs in threads, for several items at once.
        pixels: of a prepared item, uint8 RGB (n, side, side, 3), for one batch; None when the engine is not needed.
        engine: runs the network; it may answer to others meanwhile.
        ahead: items in work for each thread; fewer where each is large.

    """
    workers = max(2, os.cpu_count() or 2)
    remaining = iter(items)
    with ThreadPoolExecutor(workers, thread_name_prefix="goodsight-decode") as pool:
        preparing: deque[Future[Prepared]] = deque()
        running: deque[tuple[Prepared, Future[Array] | None]] = deque()

        def feed() -> None:
            while len(preparing) < ahead * workers:
                for item in remaining:
                    preparing.append(pool.submit(prepare, item))
                    break
                else:
                    return

        feed()
        while preparing or running:
            while preparing and len(running) < RUNNING:
                prepared = preparing.popleft().result()
                given = pixels(prepared)
                running.append((prepared, None if given is None else engine.submit(given)))
                feed()
            prepared, future = running.popleft()
            yield prepared, None if future is None else future.result()

"""Shards answered by this process, one after the other."""

from __future__ import annotations

from goodsight.cluster.jobs import Answer
from goodsight.cluster.queue import Queue
from goodsight.errors import GoodsightError


def work(answer: Answer, queue: Queue) -> None:
    """Answer all that waits.

    Raises:
        GoodsightError: storage or catalog cannot be used.

    """
    while (shard := queue.take()) is not None:
        try:
            done = answer(shard)
        except (GoodsightError, KeyboardInterrupt):
            raise
        except Exception as error:  # whatever a shard dies of, it must not take the others with it
            queue.failing(shard, f"{type(error).__name__}: {error}")
        else:
            queue.answered(done)

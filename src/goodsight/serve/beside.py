"""What goes on beside the requests: models are swapped, photos expire, and processes that share a store keep up."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from goodsight.serve.service import Service

logger = logging.getLogger("goodsight.serve")
_TIDY = 3600.0
_SECOND = 1.0
"""Seconds after which a process tells the others, and knows what they keep."""


async def run(service: Service) -> None:
    """All of it, until cancelled."""
    jobs = (_tidy(service), _settle(service), _remember(service), _tell(service))
    await asyncio.gather(service.models.watch(), *jobs)


async def _tidy(service: Service) -> None:
    """Delete old photos, and give up old messages that nobody is to hear."""
    days = service.settings.keep_days
    while True:
        try:
            count = await asyncio.to_thread(service.store.expire, time.time() - days * 86400)
            logger.info("%d photos older than %g days deleted", count, days)
            await asyncio.to_thread(service.webhooks.forget)
        except Exception:  # a database that is away for a while: the next round will do it
            logger.exception("old photos and messages could not be deleted; trying again in %g s", _TIDY)
        await asyncio.sleep(_TIDY)


async def _settle(service: Service) -> None:
    """Other processes that answer the same tokens are told how much was asked, and tell."""
    away = _Away("the limits of tokens are not shared")
    while service.store.shared.across_machines or service.settings.workers > 1:
        await asyncio.sleep(_SECOND)
        with away:
            await asyncio.to_thread(service.access.settle, service.store.shared)


async def _remember(service: Service) -> None:
    """Learn which photos other processes keep."""
    away = _Away("photos that other processes keep are not known again")
    while service.memory is not None:
        await asyncio.sleep(_SECOND)
        with away:
            await asyncio.to_thread(service.memory.refresh)


async def _tell(service: Service) -> None:
    """Send what is due to webhooks, to each address in a thread of its own: a slow one holds up no other."""
    if urls := service.webhooks.urls:
        pool = ThreadPoolExecutor(len(urls), "goodsight-webhook")
        try:
            await asyncio.gather(*(_tell_one(service, url, pool) for url in urls))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


async def _tell_one(service: Service, url: str, pool: ThreadPoolExecutor) -> None:
    away = _Away(f"webhook {url}: nothing is sent")
    send = partial(service.webhooks.send, url)
    while True:
        await asyncio.sleep(_SECOND)
        with away:
            while await asyncio.get_running_loop().run_in_executor(pool, send):
                pass


class _Away:
    """A database that is away for a while is said once, and all goes on by itself until it is back."""

    def __init__(self, said: str) -> None:
        self._said, self._away = said, False

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if error is not None and not isinstance(error, Exception):
            return False  # we are told to stop
        if error is not None and not self._away:
            logger.warning("%s until the store answers: %s", self._said, error)
        self._away = error is not None
        return self._away

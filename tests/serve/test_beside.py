"""What goes on beside the requests goes on for each by itself."""

import asyncio
import threading
from types import SimpleNamespace

import pytest

from goodsight.serve import beside


def test_a_slow_address_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, slow = threading.Event(), []

    def send(url: str) -> bool:
        if url == "quick":
            heard.set()
        else:
            slow.append(heard.wait(10))
        return False

    async def until_heard() -> None:
        job = asyncio.create_task(beside._tell(service))  # type: ignore[arg-type]
        while not slow:
            await asyncio.sleep(0.01)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

    monkeypatch.setattr(beside, "_SECOND", 0.01)
    service = SimpleNamespace(webhooks=SimpleNamespace(urls=("slow", "quick"), send=send))
    asyncio.run(until_heard())
    assert slow[0]

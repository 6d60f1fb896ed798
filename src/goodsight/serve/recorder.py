"""Answers reach the store before the client: one thread writes all that came meanwhile in one transaction."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import SimpleQueue

from goodsight.errors import StoreError
from goodsight.store import Checked, Imprint, Store

logger = logging.getLogger("goodsight.serve")
_MOST = 128
Entry = tuple[Sequence[Checked], bytes, Imprint | None, Future[None]]


class Recorder:
    """Keeps answers and their photos.

    Args:
        store: where.
        kept: called when some are there, before those who wait hear of it.

    """

    def __init__(self, store: Store, kept: Callable[[], None] = lambda: None) -> None:
        self._store, self._kept = store, kept
        self._entries: SimpleQueue[Entry | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="goodsight-store", daemon=True)
        self._thread.start()

    async def keep(self, answers: Sequence[Checked], data: bytes, imprint: Imprint | None = None) -> None:
        """Return when the answers about a photo, one at least, the photo, and what it is known by, are in the store.

        Raises:
            StoreError: they could not be written.

        """
        done: Future[None] = Future()
        self._entries.put((answers, data, imprint, done))
        await asyncio.shield(asyncio.wrap_future(done))

    def close(self) -> None:
        """Write what is left, then stop."""
        self._entries.put(None)
        self._thread.join()

    def _write(self) -> None:
        more = True
        while more and (entry := self._entries.get()) is not None:
            entries = [entry]
            while len(entries) < _MOST and not self._entries.empty():
                following = self._entries.get()
                if following is None:
                    more = False
                    break
                entries.append(following)
            self._commit(entries)

    def _commit(self, entries: list[Entry]) -> None:
        try:
            photos = {answers[0].sha256: data for answers, data, *_ in entries}
            made = [imprint for _, _, imprint, _ in entries if imprint is not None]
            self._store.keep_photos(photos)
            self._store.add_checks([checked for answers, *_ in entries for checked in answers], made)
            # An older copy may just have expired, file and all.
            self._store.keep_photos({sha256: photos[sha256] for sha256 in self._store.lacking(photos)})
        except Exception as error:  # a full disk, a lost database: those who wait must hear of it
            for *_, done in entries:
                told = StoreError(f"answers could not be kept: {error}")
                told.__cause__ = error
                done.set_exception(told)
        else:
            self._tell()
            for *_, done in entries:
                done.set_result(None)

    def _tell(self) -> None:
        try:
            self._kept()
        except Exception:  # the answers are kept, whatever is not learnt from them
            logger.exception("what was kept could not be read again")

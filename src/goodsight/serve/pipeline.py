"""One photo's way through the service: bytes, a decoding process, a batch, the engine, a prediction. All of it bounded.

A batch is what came within a few milliseconds, so a lone photo hardly waits and a crowd shares the network's work.
"""

from __future__ import annotations

import asyncio
import io
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np
from PIL import Image

from goodsight.arrays import Array, Half, Pixels
from goodsight.backbones.naming import Named
from goodsight.catalog.rows import Row
from goodsight.model import evidence, verdicts
from goodsight.model.record import LoadedModel
from goodsight.model.verdicts import Prediction
from goodsight.photos import words
from goodsight.serve import traces
from goodsight.serve.decoders import Decoders

BATCH = 16
WAIT = 0.003
PLACES = 2
GRID = 28
"""Values along the longer side of a map: more than the network has places, so that a page can stretch it smoothly."""

_NAMELESS = Row("", Path())


@dataclass(frozen=True)
class Looked:
    """A photo that was looked at: what the model says, the embedding (width,), and the square that it was given."""

    prediction: Prediction
    vector: Half
    pixels: Pixels


Item = tuple[Pixels, Named | None, "Future[Looked]"]


@dataclass(frozen=True)
class Shown:
    """Where a class is seen in an upright photo.

    Attributes:
        evidence: rows from the top, 0 to 1.
        box: left, top, right and bottom in fractions of the photo; None when the network gives no box.

    """

    evidence: list[list[float]]
    box: list[float] | None


class Pipeline:
    """Predictions of photos for one model.

    Args:
        loaded: the model and its engine.
        decoders: shared by all models.
        observe: told the size of every batch.

    """

    def __init__(
        self, loaded: LoadedModel, decoders: Decoders, observe: Callable[[int], None] = lambda _: None
    ) -> None:
        self.loaded = loaded
        self._decoders, self._observe = decoders, observe
        self._naming = loaded.model.backbone.naming
        # Threads start with the first photo that they read: a model that reads no words has none.
        self._readers = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="goodsight-words")
        self._items: SimpleQueue[Item | None] = SimpleQueue()
        self._running: SimpleQueue[tuple[list[Item], Future[Array]] | None] = SimpleQueue()
        # While so many batches are on their way the next one waits and grows, instead of being one more small one.
        self._places = threading.Semaphore(PLACES)
        self._threads = [
            threading.Thread(target=self._gather, name="goodsight-batch", daemon=True),
            threading.Thread(target=self._answer, name="goodsight-answer", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def warm_up(self) -> None:
        """Run every batch size once: the first run of a size is slower."""
        resize = self.loaded.model.backbone.resize
        for size in range(1, BATCH + 1):
            self.loaded.engine.submit(np.zeros((size, resize.size, resize.size, 3), np.uint8)).result()
        if evidence.gives(self.loaded.engine):
            self.loaded.engine.explained(np.zeros((1, resize.size, resize.size, 3), np.uint8))
        if self._naming:
            self._readers.submit(words.read, np.zeros((words.READ_AT.size, words.READ_AT.size, 3), np.uint8)).result()

    async def predict(self, data: bytes, client: str = "") -> Prediction:
        """What the model says of a photo of somebody's.

        Raises:
            BadPhoto: the photo cannot be used.
            BusyError: it is an expensive one, and there are enough of them.
            DecodeTimeoutError: it took too long to decode.

        """
        return (await self.look(data, client)).prediction

    async def look(self, data: bytes, client: str = "") -> Looked:
        """As :meth:`predict`, with what the model saw."""
        resize = self.loaded.model.backbone.resize
        with traces.span("decode"):
            pixels = await asyncio.wrap_future(self._decoders.pixels(data, resize, client))
            named = await self._named(data, client)
        answer: Future[Looked] = Future()
        with traces.span("embed"):
            self._items.put((pixels, named, answer))
            return await asyncio.wrap_future(answer)

    async def _named(self, data: bytes, client: str) -> Named | None:
        """What a photo's words name, for a model that reads them."""
        if not self._naming:
            return None
        pixels = await asyncio.wrap_future(self._decoders.pixels(data, words.READ_AT, client))
        return self._naming.named(await asyncio.wrap_future(self._readers.submit(words.read, pixels)))

    async def explain(
        self, data: bytes, prediction: Prediction, numbers: Sequence[int], client: str = ""
    ) -> list[Shown]:
        """Where a photo's most likely class of some attributes, by number, is seen; nothing when the network is silent.

        Beside the batches, so that nobody who only wants an answer waits for it.

        Raises:
            BadPhoto: the photo cannot be used.
            BusyError: it is an expensive one, and there are enough of them.
            DecodeTimeoutError: it took too long to decode.

        """
        if not evidence.gives(self.loaded.engine):
            return []
        resize = self.loaded.model.backbone.resize
        pixels = await asyncio.wrap_future(self._decoders.pixels(data, resize, client))
        upright = await asyncio.wrap_future(self._decoders.picture(data, resize.size, client))
        return [await asyncio.to_thread(self._show, pixels, upright, prediction, number) for number in numbers]

    def _show(self, pixels: Pixels, upright: bytes, prediction: Prediction, number: int) -> Shown:
        model, judge = self.loaded.model, self.loaded.model.judges[number]
        chosen, resize = judge.classes.index(prediction.answers[number].label), model.backbone.resize
        engine, none = self.loaded.engine, judge.none_number
        found = evidence.maps(model.backbone, engine, pixels[None], judge.head, [chosen], none)[0]
        with Image.open(io.BytesIO(upright)) as picture:
            width, height = picture.size
        scale = GRID / max(width, height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        rows = [[round(float(value), 3) for value in row] for row in evidence.on_photo(found, resize, size)]
        if prediction.place is None:
            return Shown(rows, None)
        box = zip(resize.in_pixels(prediction.place, width, height), (width, height) * 2, strict=True)
        return Shown(rows, [round(at / length, 4) for at, length in box])

    def close(self) -> None:
        """Answer what was accepted, then stop."""
        self._items.put(None)
        for thread in self._threads:
            thread.join()
        self._readers.shutdown()
        self.loaded.engine.close()

    def _gather(self) -> None:
        """Photos become batches, and batches go to the engine, until None comes."""
        more = True
        while more and (first := self._items.get()) is not None:
            self._places.acquire()
            batch = [first]
            until = time.monotonic() + WAIT
            with suppress(Empty):
                while more and len(batch) < BATCH:
                    item = self._items.get(timeout=max(0, until - time.monotonic()))
                    more = item is not None
                    if item is not None:
                        batch.append(item)
            self._observe(len(batch))
            self._running.put((batch, self._submit([pixels for pixels, _, _ in batch])))
        self._running.put(None)

    def _submit(self, pixels: list[Pixels]) -> Future[Array]:
        try:
            return self.loaded.engine.submit(np.stack(pixels))
        except Exception as error:  # whatever it is, those who wait must hear of it
            failed: Future[Array] = Future()
            failed.set_exception(error)
            return failed

    def _answer(self) -> None:
        """Embeddings become predictions, in the order of the batches, until None comes."""
        while (running := self._running.get()) is not None:
            batch, future = running
            try:
                vectors = future.result().astype(np.float16)
                vectors = self.loaded.model.backbone.worded(vectors, [named for _, named, _ in batch])
                found = verdicts.answers(self.loaded.model, [_NAMELESS] * len(batch), vectors)
            except Exception as error:  # likewise
                for *_, answer in batch:
                    if answer.set_running_or_notify_cancel():
                        answer.set_exception(error)
            else:
                for (pixels, _, answer), prediction, vector in zip(batch, found, vectors, strict=True):
                    if answer.set_running_or_notify_cancel():
                        answer.set_result(Looked(prediction, vector, pixels))
            self._places.release()

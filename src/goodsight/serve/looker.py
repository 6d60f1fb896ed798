"""What a photo is known again by, whatever model looked at it: always the sketch of one and the same network.

A model that was trained on top of that network has embedded the photo already; for any other the network runs again.
"""

from __future__ import annotations

import asyncio
import threading

import numpy as np

from goodsight.arrays import Half, Pixels
from goodsight.auditing import repeats
from goodsight.backbones import by_name
from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import Engine, start
from goodsight.serve.decoders import Decoders
from goodsight.serve.pipeline import Looked
from goodsight.store import Imprint


class Looker:
    """Makes imprints; the engine starts with the first photo that needs it.

    Args:
        decoders: that decode photos for a network other than the model's; None where pixels are given.

    """

    def __init__(self, decoders: Decoders | None = None) -> None:
        self.backbone = by_name.load()
        self._decoders = decoders
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    async def of_answer(
        self, data: bytes, sha256: str, backbone: Backbone, looked: Looked, client: str = ""
    ) -> Imprint:
        """The imprint of a client's photo that a model with some network has looked at.

        Raises:
            BadPhoto: the photo cannot be decoded any more.
            BusyError: it is an expensive one, and there are enough of them.
            DecodeTimeoutError: it took too long to decode.

        """
        if backbone.sha256 == self.backbone.sha256 and backbone.resize == self.backbone.resize:
            return await asyncio.to_thread(self._imprint, sha256, looked.pixels, looked.vector)
        assert self._decoders is not None
        pixels = await asyncio.wrap_future(self._decoders.pixels(data, self.backbone.resize, client))
        return await asyncio.to_thread(self.of_pixels, sha256, pixels)

    def of_pixels(self, sha256: str, pixels: Pixels) -> Imprint:
        """The imprint of a photo as the square (size, size, 3) that the network is given."""
        with self._lock:
            self._engine = self._engine or start(self.backbone.network)
        vector = self._engine.submit(pixels[None]).result()[0].astype(np.float16)
        return self._imprint(sha256, pixels, vector)

    def close(self) -> None:
        """Free the engine."""
        if self._engine is not None:
            self._engine.close()

    def _imprint(self, sha256: str, pixels: Pixels, vector: Half) -> Imprint:
        return Imprint(sha256, repeats.sketch(vector, self.backbone), repeats.picture(pixels))

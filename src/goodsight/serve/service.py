"""What the endpoints share: the models, the store, who may ask, how much is in work; and the life of all that."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from goodsight.errors import GoodsightError
from goodsight.model import verdicts
from goodsight.model.verdicts import Check, Prediction
from goodsight.photos.limits import WHOLE, BadPhoto, Limits
from goodsight.serve import problems, traces
from goodsight.serve.access import Access, Client, Token
from goodsight.serve.decoders import Decoders, DecodeTimeoutError
from goodsight.serve.looker import Looker
from goodsight.serve.memory import Memories, Memory, Sighting
from goodsight.serve.meters import Meters
from goodsight.serve.models import Models, Served
from goodsight.serve.pipeline import Looked, Shown
from goodsight.serve.problems import Problem
from goodsight.serve.proxy import Proxy
from goodsight.serve.recorder import Recorder
from goodsight.serve.seller import Post
from goodsight.serve.webhooks import Webhook, Webhooks
from goodsight.store import Checked, Imprint, Store

logger = logging.getLogger("goodsight.serve")
_TIDY = 3600.0
_POLL = 1.0
"""Seconds after which a process knows what the others keep."""


@dataclass(frozen=True)
class Settings:
    """How a service runs.

    Attributes:
        models: model folders by name; the first is the default.
        data: the folder for kept photos, the default database and the key of the session cookies.
        store: a database URL; '' for SQLite in ``data``.
        tokens: who may ask; empty lets everybody in.
        hosts: host names that the service answers to; empty for all.
        keep_days: days that photos are kept.
        most_photos: photos in work at once; more are refused with 503.
        decode_seconds: for one photo.
        body_seconds: for an upload to arrive.
        limits: on bytes and pixels of a photo; 64 megapixels for JPEG too, as a request has little time.
        secure_cookie: send the session cookie over HTTPS only.
        seen: compare photos with those that were checked before, and with the blocked ones.
        webhooks: who is told of decisions and exchanged models.
        proxy: a reverse proxy that says who asks; None for none.

    """

    models: Mapping[str, Path]
    data: Path
    store: str = ""
    tokens: tuple[Token, ...] = ()
    hosts: tuple[str, ...] = ()
    keep_days: float = 30.0
    most_photos: int = 96
    decode_seconds: float = 10.0
    body_seconds: float = 30.0
    limits: Limits = field(default_factory=lambda: Limits(max_pixels=WHOLE))
    secure_cookie: bool = False
    seen: bool = True
    webhooks: tuple[Webhook, ...] = ()
    proxy: Proxy | None = None


class Service:
    """All that is behind the endpoints. Making one loads the models and opens the store.

    Raises:
        ModelError: a model folder cannot be trusted.
        StoreError: the store cannot be opened.

    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.access = Access(settings.tokens, settings.proxy)
        self.in_work = 0
        self.meters = Meters(lambda: self.in_work, lambda: self.store.queue.waiting())
        self.decoders = Decoders((os.cpu_count() or 2) + 1, settings.limits, settings.decode_seconds)
        try:
            # In this order, so that a model that is refused leaves no database behind.
            self.models = Models(settings.models, self.decoders, self.meters.batch)
            self.store = Store.open(settings.store, settings.data)
        except GoodsightError:
            self.decoders.close()
            raise
        self.models.swapped = self._swapped
        self.webhooks = Webhooks(settings.webhooks, self.store)
        self.looker = Looker(self.decoders)
        self.memory = Memory(self.store.imprints) if settings.seen else None
        self.recorder = Recorder(self.store, (lambda: None) if self.memory is None else self.memory.refresh)

    async def run(self) -> None:
        """What goes on beside the requests, until cancelled: new models are swapped in, old photos deleted."""
        await asyncio.gather(self.models.watch(), self._tidy(), self._remember(), self._tell())

    def _swapped(self, name: str, model_id: str) -> None:
        try:
            self.store.log.add("service", "swapped", name, model_id)
            self.webhooks.tell("model.swapped", model=name, model_id=model_id)
        except SQLAlchemyError:  # the new model answers, whether it is noted or not
            logger.exception("model %s: its change could not be noted", name)

    async def _tell(self) -> None:
        """Send what is due to webhooks."""
        while self.settings.webhooks:
            await asyncio.sleep(_POLL)
            try:
                while await asyncio.to_thread(self.webhooks.send):
                    pass
            except Exception:  # a database that is away for a while
                logger.exception("webhooks could not be sent; trying again in %g s", _POLL)

    async def _remember(self) -> None:
        """Learn what other processes keep."""
        while self.memory is not None:
            await asyncio.sleep(_POLL)
            try:
                await asyncio.to_thread(self.memory.refresh)
            except Exception:  # a database that is away for a while
                logger.exception("what others keep could not be read; trying again in %g s", _POLL)

    async def _tidy(self) -> None:
        while True:
            try:
                count = await asyncio.to_thread(self.store.expire, time.time() - self.settings.keep_days * 86400)
                logger.info("%d photos older than %g days deleted", count, self.settings.keep_days)
            except Exception:  # a database that is away for a while: the next round will do it
                logger.exception("old photos could not be deleted; trying again in %g s", _TIDY)
            await asyncio.sleep(_TIDY)

    def close(self) -> None:
        """Finish what was accepted and stop."""
        self.decoders.close()
        self.models.close()
        self.recorder.close()
        self.looker.close()
        self.store.close()

    def full(self) -> str:
        """Why no photo can be taken now; '' when one can."""
        busy = self.in_work >= self.settings.most_photos
        return f"{self.in_work} photos are in work already; try again in a second" if busy else ""

    @contextmanager
    def use(self, model: str, photos: int = 1) -> Iterator[Served]:
        """A model to answer some photos with, which count as in work meanwhile.

        Raises:
            Problem: 404 for an unknown model, 503 when there is too much in work.

        """
        if reason := self.full():
            raise problems.busy(reason)
        if model and model not in self.models.names():
            raise Problem(404, f"model {model[:100]!r}: the models are {', '.join(self.models.names())}")
        self.in_work += photos
        try:
            with self.models.use(model) as served:
                yield served
        finally:
            self.in_work -= photos

    async def look(self, served: Served, data: bytes) -> Looked:
        """What a model sees in a photo and says of it.

        Raises:
            Problem: 413, 415 or 422: the photo cannot be used.

        """
        try:
            return await served.pipeline.look(data)
        except BadPhoto as bad:
            raise problems.of_photo(bad) from bad
        except DecodeTimeoutError as error:
            raise Problem(422, f"image: {error}; send a simpler photo") from error

    async def check(
        self, served: Served, data: bytes, declared: str, client: Client, post: Post
    ) -> tuple[Checked, Prediction, tuple[Sighting, ...]]:
        """Check a photo against what was declared and keep the answer; the earlier checks of the same photo.

        Raises:
            Problem: 422 for an unknown class, and as :meth:`look`.

        """
        if declared not in served.judge.classes:
            said = ", ".join(served.judge.classes)
            raise Problem(422, f"ad_category {declared[:100]!r}: the classes of {served.name} are {said}")
        looked = await self.look(served, data)
        answer = verdicts.compare(served.model, served.judge, served.answer(looked.prediction), declared)
        return await self._keep(served, data, looked, answer, client, post)

    async def explain(self, served: Served, data: bytes, prediction: Prediction) -> Shown | None:
        """Where a photo's most likely class is seen, see :meth:`Pipeline.explain`; None where that cannot be said."""
        try:
            return await served.pipeline.explain(data, prediction, served.number)
        except (BadPhoto, DecodeTimeoutError):
            # It was decoded a moment ago, in a quieter one: the answer stands without.
            return None

    async def classify(
        self, served: Served, data: bytes, client: Client, post: Post
    ) -> tuple[Checked, Prediction, tuple[Sighting, ...]]:
        """Label a photo and keep the answer; the earlier checks of the same photo.

        Raises:
            Problem: as :meth:`look`.

        """
        return await self._keep(served, data, await self.look(served, data), None, client, post)

    async def _recall(
        self, served: Served, data: bytes, sha256: str, looked: Looked
    ) -> tuple[Imprint | None, Memories]:
        """What is known of a photo, and what it will be known by."""
        if self.memory is None:
            return None, Memories()
        try:
            imprint = await self.looker.of_answer(data, sha256, served.model.backbone, looked)
        except (BadPhoto, DecodeTimeoutError):  # it was decoded a moment ago, in a quieter one
            return None, Memories()
        with traces.span("recall"):
            known = await asyncio.to_thread(self.memory.recall, imprint)
        return replace(imprint, of=known.of), known

    async def search(self, served: Served, data: bytes) -> list[Sighting]:
        """The checks whose photos are most like one.

        Raises:
            Problem: 404 where nothing is remembered, and as :meth:`look`.

        """
        if self.memory is None:
            raise Problem(404, "this service runs with --no-seen, so it does not know photos again")
        looked = await self.look(served, data)
        sha256 = hashlib.sha256(data).hexdigest()
        imprint = await self.looker.of_answer(data, sha256, served.model.backbone, looked)
        return await asyncio.to_thread(self.memory.search, imprint)

    async def _keep(
        self, served: Served, data: bytes, looked: Looked, check: Check | None, client: Client, post: Post
    ) -> tuple[Checked, Prediction, tuple[Sighting, ...]]:
        prediction, sha256 = looked.prediction, hashlib.sha256(data).hexdigest()
        imprint, known = await self._recall(served, data, sha256, looked)
        answer = served.answer(prediction)
        checked = Checked(
            id=uuid.uuid4().hex,
            time=time.time(),
            model=served.name,
            model_id=served.model_id,
            sha256=sha256,
            declared=check.declared if check else "",
            label=answer.label if check else answer.given or "-",
            probability=answer.probability,
            p_value=check.p_value if check else 1.0,
            verdict="blocked" if known.blocked else check.verdict if check else answer.verdict,
            reason=known.blocked or (check.reason if check else answer.reason),
            probabilities=dict(zip(served.judge.classes, answer.probabilities.tolist(), strict=True)),
            client=client.name,
            seller=post.seller,
            ad=post.ad,
        )
        with traces.span("answer"):
            await self.recorder.keep(checked, data, imprint)
        self.meters.answer(served.name, checked.verdict, prediction.on_topic)
        return checked, prediction, known.seen

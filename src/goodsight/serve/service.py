"""What the endpoints share: the models, the store, who may ask, how much is in work; and the life of all that."""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from goodsight.errors import GoodsightError
from goodsight.model.policy import Policies
from goodsight.photos.limits import WHOLE, BadPhoto, Limits
from goodsight.serve import problems, traces
from goodsight.serve.access import Access, Client, Token
from goodsight.serve.allowance import Allowance, BusyError
from goodsight.serve.answered import Answered, Asking, digest, of
from goodsight.serve.connections import Bounds
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
from goodsight.store import Imprint, Store

logger = logging.getLogger("goodsight.serve")
_SHARE = 3
_QUICK = 2**20
"""Bytes that are hashed faster than a thread is found for them."""


@dataclass(frozen=True)
class Settings:
    """How a service runs.

    Attributes:
        models: model folders by name; the first is the default.
        data: the folder for kept photos, the default database and the key of the session cookies.
        store: a database URL; '' for SQLite in ``data``.
        workers: how many processes of this machine share the work; the limits on it are for all of them together.
        kept: where photos are kept: a folder or an address; '' for ``photos`` in ``data``.
        tokens: who may ask; empty lets everybody in.
        hosts: host names that the service answers to; empty for all.
        keep_days: days that photos are kept.
        most_photos: photos in work at once; more are refused with 503.
        decode_seconds: for one photo.
        dear_seconds: of decoding expensive photos, for each token and minute.
        body_seconds: for an upload to arrive.
        bounds: on connections.
        limits: on bytes and pixels of a photo; 64 megapixels for JPEG too, as a request has little time.
        secure_cookie: send the session cookie over HTTPS only.
        seen: compare photos with those that were checked before, and with the blocked ones.
        webhooks: who is told of decisions and exchanged models.
        proxy: a reverse proxy that says who asks; None for none.
        policies: what is promised and done where the models' own way is not wanted; None for everywhere.

    """

    models: Mapping[str, Path]
    data: Path
    store: str = ""
    kept: str = ""
    workers: int = 1
    tokens: tuple[Token, ...] = ()
    hosts: tuple[str, ...] = ()
    keep_days: float = 30.0
    most_photos: int = 96
    decode_seconds: float = 10.0
    dear_seconds: float = 30.0
    body_seconds: float = 30.0
    bounds: Bounds = field(default_factory=Bounds)
    limits: Limits = field(default_factory=lambda: Limits(max_pixels=WHOLE))
    secure_cookie: bool = False
    seen: bool = True
    webhooks: tuple[Webhook, ...] = ()
    proxy: Proxy | None = None
    policies: Policies | None = None


class Service:
    """All that is behind the endpoints. Making one loads the models and opens the store.

    Raises:
        ModelError: a model folder cannot be trusted.
        GoodsightError: a policy does not fit the models.
        StoreError: the store cannot be opened.

    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        if settings.policies:
            settings.policies.require_known(settings.models)
        self.access = Access(settings.tokens, settings.proxy)
        self.in_work = 0
        self._held: Counter[str] = Counter()
        self.meters = Meters(lambda: self.in_work, lambda: self.store.queue.waiting())
        # The limits are for the machine; each of its processes has its part.
        self.most_photos = math.ceil(settings.most_photos / settings.workers)
        shared = len(settings.tokens) > 1
        allowance = Allowance(max(1, self.most_photos // 8), settings.dear_seconds / settings.workers, shared=shared)
        decoders = math.ceil(((os.cpu_count() or 2) + 1) / settings.workers)
        self.decoders = Decoders(decoders, settings.limits, settings.decode_seconds, allowance)
        try:
            # In this order, so that a model that is refused leaves no database behind.
            self.models = Models(settings.models, self.decoders, self.meters.batch, settings.policies)
            self.store = Store.open(settings.store, settings.data, settings.kept)
        except GoodsightError:
            self.decoders.close()
            raise
        self.models.swapped = self._swapped
        self.webhooks = Webhooks(settings.webhooks, self.store)
        self.looker = Looker(self.decoders)
        self.memory = Memory(self.store.imprints) if settings.seen else None
        self.recorder = Recorder(self.store, (lambda: None) if self.memory is None else self.memory.refresh)

    def _swapped(self, name: str, model_id: str) -> None:
        try:
            self.store.log.add("service", "swapped", name, model_id)
            self.webhooks.tell("model.swapped", model=name, model_id=model_id)
        except SQLAlchemyError:  # the new model answers, whether it is noted or not
            logger.exception("model %s: its change could not be noted", name)

    def close(self) -> None:
        """Finish what was accepted and stop."""
        self.decoders.close()
        self.models.close()
        self.recorder.close()
        self.looker.close()
        self.store.close()

    def full(self, client: str = "") -> str:
        """Why no photo of a client's can be taken now; '' when one can.

        Where several clients may ask, each may have three times what is free: a single one three quarters of all, so
        that there is always room for one more (Choudhury and Hahne, Dynamic queue length thresholds, 1998).
        """
        free = self.most_photos - self.in_work
        if free <= 0:
            return f"{self.in_work} photos are in work already; try again in a second"
        if len(self.settings.tokens) > 1 and self._held[client] >= _SHARE * free:
            return f"{self._held[client]} photos of yours are in work already; try again in a second"
        return ""

    @contextmanager
    def use(self, model: str, photos: int = 1, client: str = "") -> Iterator[Served]:
        """A model to answer some photos of a client's with, which count as in work meanwhile.

        Raises:
            Problem: 404 for an unknown model, 503 when there is too much in work.

        """
        if reason := self.full(client):
            raise problems.busy(reason)
        if model and model not in self.models.names():
            raise Problem(404, f"model {model[:100]!r}: the models are {', '.join(self.models.names())}")
        self.in_work += photos
        self._held[client] += photos
        try:
            with self.models.use(model) as served:
                yield served
        finally:
            self.in_work -= photos
            self._held[client] -= photos

    async def look(self, served: Served, data: bytes, client: Client) -> Looked:
        """What a model sees in a client's photo and says of it.

        Raises:
            Problem: 413, 415 or 422: the photo cannot be used; 429 or 503: not now, as it is an expensive one.

        """
        with _as_problems():
            return await served.pipeline.look(data, client.name)

    async def check(
        self, served: Served, data: bytes, declared: Mapping[str, str], client: Client, post: Post
    ) -> Answered:
        """Check a photo, posted somewhere, against what was declared and keep the answers.

        ``declared`` has a class for some attributes, which :func:`goodsight.serve.declared.declared` has looked at.

        Raises:
            Problem: as :meth:`look`.

        """
        looked = await self.look(served, data, client)
        judges = [judge for judge in served.model.judges if served.attribute(judge) in declared]
        said = {judge.attribute.name: declared[served.attribute(judge)] for judge in judges}
        return await self._keep(served, data, looked, said, client, post)

    async def explain(self, served: Served, data: bytes, answered: Answered, client: Client) -> dict[str, Shown]:
        """Where a photo's most likely classes are seen, by attribute, see :meth:`Pipeline.explain`.

        Nothing of a tag beside other attributes, each of which takes a while; nothing at all where it cannot be said.
        """
        judges = served.model.judges
        wanted = {
            served.attribute(judge): number
            for number, judge in enumerate(judges)
            if not (served.several and judge.attribute.tag)
            and any(one.attribute == served.attribute(judge) for one in answered.checked)
        }
        try:
            shown = await served.pipeline.explain(data, answered.prediction, list(wanted.values()), client.name)
        except (BadPhoto, DecodeTimeoutError, BusyError):
            # It was decoded a moment ago, in a quieter one: the answer stands without.
            return {}
        return dict(zip(wanted, shown, strict=False))

    async def classify(self, served: Served, data: bytes, client: Client, post: Post) -> Answered:
        """Label a photo, posted somewhere, and keep the answers.

        Raises:
            Problem: as :meth:`look`.

        """
        return await self._keep(served, data, await self.look(served, data, client), None, client, post)

    async def search(self, served: Served, data: bytes, client: Client) -> list[Sighting]:
        """The checks whose photos are most like one.

        Raises:
            Problem: 404 where nothing is remembered, and as :meth:`look`.

        """
        if self.memory is None:
            raise Problem(404, "this service runs with --no-seen, so it does not know photos again")
        looked = await self.look(served, data, client)
        with _as_problems():
            imprint = await self.looker.of_answer(data, await _digest(data), served.model.backbone, looked, client.name)
        return await asyncio.to_thread(self.memory.search, imprint)

    async def _recall(
        self, served: Served, data: bytes, sha256: str, looked: Looked, client: Client
    ) -> tuple[Imprint | None, Memories]:
        """What is known of a photo, and what it will be known by."""
        if self.memory is None:
            return None, Memories()
        # A photo that cannot be decoded for this is not answered at all: else it would get past the blocked ones.
        with _as_problems():
            imprint = await self.looker.of_answer(data, sha256, served.model.backbone, looked, client.name)
        with traces.span("recall"):
            known = await asyncio.to_thread(self.memory.recall, imprint)
        return replace(imprint, of=known.of), known

    async def _keep(
        self,
        served: Served,
        data: bytes,
        looked: Looked,
        declared: Mapping[str, str] | None,
        client: Client,
        post: Post,
    ) -> Answered:
        sha256 = await _digest(data)
        imprint, known = await self._recall(served, data, sha256, looked, client)
        ruled = served.version.rules.ruled(looked.prediction, declared)
        answered = of(served, sha256, looked.prediction, ruled, Asking(client.name, post), known)
        with traces.span("answer"):
            await self.recorder.keep(answered.checked, data, imprint)
        self.meters.answer(served.name, answered.verdict, looked.prediction.on_topic)
        return answered


async def _digest(data: bytes) -> str:
    return await asyncio.to_thread(digest, data) if len(data) > _QUICK else digest(data)


@contextmanager
def _as_problems() -> Iterator[None]:
    """What a photo that cannot be used, or not now, is answered with."""
    try:
        yield
    except BusyError as error:
        raise problems.of_busy(error) from error
    except BadPhoto as bad:
        raise problems.of_photo(bad) from bad
    except DecodeTimeoutError as error:
        raise Problem(422, f"image: {error}; send a simpler photo") from error

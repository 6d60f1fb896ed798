"""Models by name, each with its pipeline; a folder that changes on disk is tried and swapped in while serving."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from goodsight.backbones.backbone import file_sha256
from goodsight.errors import GoodsightError, ModelError
from goodsight.model import folder as model_folder
from goodsight.model.policy import Policies
from goodsight.model.record import Judge, LoadedModel, Model
from goodsight.model.rules import Rules, fit
from goodsight.serve.decoders import Decoders
from goodsight.serve.pipeline import Pipeline

logger = logging.getLogger("goodsight.serve")
LOOK = 2.0
"""Seconds between two looks at the folders."""


@dataclass
class Version:
    """One version of a model folder: its network and judges, and what they are held to; ``users`` requests use it."""

    model_id: str
    pipeline: Pipeline
    rules: Rules
    loaded: float = field(default_factory=time.time)
    users: int = 0

    @property
    def model(self) -> Model:
        """Its judges and what they share."""
        return self.pipeline.loaded.model


@dataclass(frozen=True)
class Served:
    """A version of a model, under its name in the service."""

    name: str
    version: Version

    @property
    def model_id(self) -> str:
        """Of the version."""
        return self.version.model_id

    @property
    def pipeline(self) -> Pipeline:
        """Of the version: one network for all attributes."""
        return self.version.pipeline

    @property
    def model(self) -> Model:
        """The judges and what they share."""
        return self.version.model

    @property
    def several(self) -> bool:
        """Whether it answers for several attributes: then each answer says for which."""
        return len(self.model.judges) > 1

    def attribute(self, judge: Judge) -> str:
        """What an answer of a judge is called: its attribute, or '' where there are no others."""
        return judge.attribute.name if self.several else ""

    def judge(self, attribute: str) -> Judge | None:
        """What answers for an attribute, as :meth:`attribute` calls it; None where nothing does (any more)."""
        return next((judge for judge in self.model.judges if self.attribute(judge) == attribute), None)

    def classes(self) -> dict[str, list[str]]:
        """The classes that can be declared of each attribute; that a photo shows no brand is no category of an ad."""
        return {self.attribute(j): [c for c in j.classes if c != j.none] for j in self.model.judges}


class Models:
    """The models that a service answers with.

    Args:
        folders: model folders by name; the first is the default.
        decoders: shared by all.
        observe: told the model's name and the size of every batch.
        policies: what is promised and done instead of the models' own way.

    Raises:
        ModelError: a folder cannot be trusted.
        GoodsightError: a policy does not fit its model.

    """

    def __init__(
        self,
        folders: Mapping[str, Path],
        decoders: Decoders,
        observe: Callable[[str, int], None] = lambda *_: None,
        policies: Policies | None = None,
    ) -> None:
        self._folders = dict(folders)
        self._decoders, self._observe, self._policies = decoders, observe, policies
        self.swapped: Callable[[str, str], None] = lambda *_: None
        """Told the name and the new id of a model that took over."""
        self._seen = {name: _model_id(folder) for name, folder in self._folders.items()}
        self._refused: dict[str, str] = {}
        self._wanted: dict[str, list[str]] = {}
        self._versions = {name: self._load(name) for name in self._folders}

    def names(self) -> list[str]:
        """Names in the order given."""
        return list(self._folders)

    def all(self) -> list[Served]:
        """What is served now."""
        return [Served(name, self._versions[name]) for name in self._folders]

    def refused(self, name: str) -> str | None:
        """Why a newer version of a model on disk is not served; None where there is none."""
        return self._refused.get(name)

    @contextmanager
    def use(self, name: str) -> Iterator[Served]:
        """The version that is served now; it stays until the block ends, whatever is swapped in meanwhile.

        Raises:
            KeyError: there is no such model.

        """
        name = name or next(iter(self._folders))
        served = Served(name, self._versions[name])
        served.version.users += 1
        try:
            yield served
        finally:
            served.version.users -= 1

    async def watch(self) -> None:
        """Look at the folders again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            for name, folder in self._folders.items():
                found = _model_id(folder)
                if found and found != self._seen[name]:
                    self._seen[name] = found
                    await self._swap(name)

    async def _swap(self, name: str) -> None:
        try:
            new = await asyncio.to_thread(self._load, name)
        except Exception as error:  # whatever is wrong with the new version, the old one must go on
            self._refused[name] = str(error) if isinstance(error, GoodsightError) else repr(error)
            logger.error("model %s: the new version is refused, the old one goes on: %s", name, self._refused[name])
            return
        old, self._versions[name] = self._versions[name], new
        self._refused.pop(name, None)
        logger.info("model %s: now %s", name, new.model_id[:12])
        await asyncio.to_thread(self.swapped, name, new.model_id)
        while old.users:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(old.pipeline.close)

    def _load(self, name: str) -> Version:
        """The version of a folder that is on disk now; it answers for what was answered for from the start.

        Raises:
            ModelError: it cannot be trusted, or lacks an attribute.
            GoodsightError: a policy does not fit it.

        """
        model_id = _model_id(self._folders[name])
        loaded = model_folder.load(self._folders[name])
        try:
            self._require(name, loaded)
            rules = fit(self._policies, name, loaded) if self._policies else Rules(loaded.model)
        except GoodsightError:
            loaded.engine.close()
            raise
        pipeline = Pipeline(loaded, self._decoders, lambda size: self._observe(name, size))
        pipeline.warm_up()
        return Version(model_id, pipeline, rules)

    def _require(self, name: str, loaded: LoadedModel) -> None:
        """A client that was written for a model must understand its next version: its attributes are all there.

        What the only attribute is called does not matter, as its answers do not say it.
        """
        there = [attribute.name for attribute in loaded.model.attributes]
        wanted = self._wanted.setdefault(name, there)
        if len(wanted) == 1 and len(there) > 1:
            raise ModelError(f"{loaded.folder}: does not answer for one attribute only")
        if len(wanted) > 1 and (lacking := [attribute for attribute in wanted if attribute not in there]):
            raise ModelError(f"{loaded.folder}: does not answer for {lacking[0]!r} any more")

    def close(self) -> None:
        """Answer what was accepted, then stop."""
        for version in self._versions.values():
            version.pipeline.close()


def _model_id(folder: Path) -> str:
    """The sha256 of ``model.json``, '' while the folder is being exchanged."""
    try:
        return file_sha256(folder / "model.json")
    except OSError:
        return ""

"""Models by name, each with its pipeline; a folder that changes on disk is tried and swapped in while serving."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from goodsight.backbones.backbone import file_sha256
from goodsight.errors import GoodsightError, ModelError
from goodsight.model import folder as model_folder
from goodsight.model.record import Judge, Model
from goodsight.model.verdicts import Answer, Prediction
from goodsight.serve.decoders import Decoders
from goodsight.serve.pipeline import Pipeline

logger = logging.getLogger("goodsight.serve")
_NAME = re.compile(r"[\w.-]+")
LOOK = 2.0
"""Seconds between two looks at the folders."""


@dataclass
class Version:
    """One version of a model folder: its network and judges, in use by ``users`` requests."""

    model_id: str
    pipeline: Pipeline
    loaded: float = field(default_factory=time.time)
    users: int = 0

    @property
    def model(self) -> Model:
        """Its judges and what they share."""
        return self.pipeline.loaded.model


@dataclass(frozen=True)
class Served:
    """One attribute of a version, under its name in the service."""

    name: str
    number: int
    version: Version

    @property
    def model_id(self) -> str:
        """Of the version."""
        return self.version.model_id

    @property
    def pipeline(self) -> Pipeline:
        """Of the version: attributes of one folder share its network."""
        return self.version.pipeline

    @property
    def model(self) -> Model:
        """What the judges share."""
        return self.version.model

    @property
    def judge(self) -> Judge:
        """What answers for the attribute."""
        return self.model.judges[self.number]

    def answer(self, prediction: Prediction) -> Answer:
        """What a prediction says of the attribute."""
        return prediction.answers[self.number]


class Models:
    """The models that a service answers with.

    Args:
        folders: model folders by name; the first is the default. A folder with several attributes is served as one
            model for each, called ``NAME.ATTRIBUTE``, over one network.
        decoders: shared by all.
        observe: told the model's name and the size of every batch.

    Raises:
        ModelError: a folder cannot be trusted.

    """

    def __init__(
        self, folders: Mapping[str, Path], decoders: Decoders, observe: Callable[[str, int], None] = lambda *_: None
    ) -> None:
        places = list(_places(folders))
        self._places = dict(places)
        if len(self._places) < len(places):
            said = ", ".join(name for name, _ in places)
            raise ModelError(f"two models have the same name ({said}); name them otherwise")
        self._folders = dict(folders)
        self._decoders, self._observe = decoders, observe
        self.swapped: Callable[[str, str], None] = lambda *_: None
        """Told the name and the new id of a model that took over."""
        self._seen = {name: _model_id(folder) for name, folder in self._folders.items()}
        self._refused: dict[str, str] = {}
        self._versions = {name: self._load(name) for name in self._folders}

    def names(self) -> list[str]:
        """Names in the order given."""
        return list(self._places)

    def all(self) -> list[Served]:
        """What is served now."""
        return [self._served(name) for name in self._places]

    def refused(self, name: str) -> str | None:
        """Why a newer version of a model on disk is not served; None where there is none."""
        return self._refused.get(self._places[name][0])

    def _served(self, name: str) -> Served:
        folder, attribute = self._places[name]
        version = self._versions[folder]
        number = next((n for n, a in enumerate(version.model.attributes) if a.name == attribute), 0)
        return Served(name, number, version)

    @contextmanager
    def use(self, name: str) -> Iterator[Served]:
        """The version that is served now; it stays until the block ends, whatever is swapped in meanwhile.

        Raises:
            KeyError: there is no such model.

        """
        served = self._served(name or next(iter(self._places)))
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

        """
        model_id = _model_id(self._folders[name])
        loaded = model_folder.load(self._folders[name])
        wanted = [attribute for folder, attribute in self._places.values() if folder == name and attribute]
        there = [attribute.name for attribute in loaded.model.attributes]
        lacking = [attribute for attribute in wanted if attribute not in there]
        if lacking or (not wanted and len(there) > 1):
            loaded.engine.close()
            said = f"{lacking[0]!r} any more" if lacking else "one attribute only"
            raise ModelError(f"{loaded.folder}: does not answer for {said}")
        pipeline = Pipeline(loaded, self._decoders, lambda size: self._observe(name, size))
        pipeline.warm_up()
        return Version(model_id, pipeline)

    def close(self) -> None:
        """Answer what was accepted, then stop."""
        for version in self._versions.values():
            version.pipeline.close()


def _places(folders: Mapping[str, Path]) -> Iterator[tuple[str, tuple[str, str]]]:
    """The folder's name and the attribute that each name stands for, '' for the only one, whatever that is called."""
    for name, folder in folders.items():
        names = [attribute.name for attribute in model_folder.read(folder)[0].attributes]
        for attribute in names:
            if len(names) > 1 and not _NAME.fullmatch(attribute):
                raise ModelError(
                    f"{folder}: the attribute {attribute!r} cannot be a part of an address; train it again with a name "
                    "of letters, digits, '.', '_' and '-'"
                )
            yield (f"{name}.{attribute}", (name, attribute)) if len(names) > 1 else (name, (name, ""))


def _model_id(folder: Path) -> str:
    """The sha256 of ``model.json``, '' while the folder is being exchanged."""
    try:
        return file_sha256(folder / "model.json")
    except OSError:
        return ""

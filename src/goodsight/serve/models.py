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
from goodsight.model.record import Model
from goodsight.serve.decoders import Decoders
from goodsight.serve.pipeline import Pipeline

logger = logging.getLogger("goodsight.serve")
_NAME = re.compile(r"[\w.-]+")
LOOK = 2.0
"""Seconds between two looks at the folders."""


@dataclass
class Served:
    """One version of a model, in use by ``users`` requests."""

    name: str
    model_id: str
    pipeline: Pipeline
    loaded: float = field(default_factory=time.time)
    users: int = 0

    @property
    def model(self) -> Model:
        """Its classes, thresholds and heads."""
        return self.pipeline.loaded.model


class Models:
    """The models that a service answers with.

    Args:
        folders: model folders by name; the first is the default. A folder with several attributes is served as one
            model for each, called ``NAME.ATTRIBUTE``.
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
            raise ModelError(f"`model`: two models have the same name ({said}); name them otherwise")
        self._folders = {name: folder for name, (folder, _) in self._places.items()}
        self._decoders, self._observe = decoders, observe
        self._seen = {name: _model_id(folder) for name, folder in self._folders.items()}
        self.refused: dict[str, str] = {}
        self._served = {name: self._load(name) for name in self._folders}

    def names(self) -> list[str]:
        """Names in the order given."""
        return list(self._served)

    def all(self) -> list[Served]:
        """What is served now."""
        return list(self._served.values())

    @contextmanager
    def use(self, name: str) -> Iterator[Served]:
        """The version that is served now; it stays until the block ends, whatever is swapped in meanwhile.

        Raises:
            KeyError: there is no such model.

        """
        served = self._served[name or next(iter(self._served))]
        served.users += 1
        try:
            yield served
        finally:
            served.users -= 1

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
            self.refused[name] = str(error) if isinstance(error, GoodsightError) else repr(error)
            logger.error("model %s: the new version is refused, the old one goes on: %s", name, self.refused[name])
            return
        old, self._served[name] = self._served[name], new
        self.refused.pop(name, None)
        logger.info("model %s: now %s", name, new.model_id[:12])
        while old.users:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(old.pipeline.close)

    def _load(self, name: str) -> Served:
        model_id = _model_id(self._folders[name])
        loaded, attribute = model_folder.load(self._folders[name]), self._places[name][1]
        loaded = loaded.only(attribute or loaded.model.attribute.name)
        pipeline = Pipeline(loaded, self._decoders, lambda size: self._observe(name, size))
        pipeline.warm_up()
        return Served(name, model_id, pipeline)

    def close(self) -> None:
        """Answer what was accepted, then stop."""
        for served in self._served.values():
            served.pipeline.close()


def _places(folders: Mapping[str, Path]) -> Iterator[tuple[str, tuple[Path, str]]]:
    """The folder and the attribute that each name stands for, '' for the only one, whatever that is called."""
    for name, folder in folders.items():
        names = [model.attribute.name for model in model_folder.read(folder)[0]]
        for attribute in names:
            if len(names) > 1 and not _NAME.fullmatch(attribute):
                raise ModelError(
                    f"{folder}: the attribute {attribute!r} cannot be a part of an address; train it again with a name "
                    "of letters, digits, '.', '_' and '-'"
                )
            yield (f"{name}.{attribute}", (folder, attribute)) if len(names) > 1 else (name, (folder, ""))


def _model_id(folder: Path) -> str:
    """The sha256 of ``model.json``, '' while the folder is being exchanged."""
    try:
        return file_sha256(folder / "model.json")
    except OSError:
        return ""

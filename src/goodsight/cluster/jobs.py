"""What is asked of a shard: labels or embeddings. A job is small and can be sent; what it needs travels beside it.

A machine is given the files of a model or a network once, and :meth:`Job.start` reads them there: a hash that is
another, or canary photos that are answered otherwise, are an error there. The answers come from the functions that all
other ways to an answer call: :func:`goodsight.model.verdicts.predict` and
:meth:`goodsight.embedding.embedder.Embedder.stream`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from goodsight.about import __version__
from goodsight.backbones.backbone import Backbone, file_sha256
from goodsight.cluster import vectors
from goodsight.cluster.queue import Answered, require_in_reach
from goodsight.cluster.shards import Shard
from goodsight.embedding.embedder import Embedder
from goodsight.errors import ModelError
from goodsight.model import folder as model_folder
from goodsight.model import verdicts
from goodsight.model.record import LoadedModel
from goodsight.photos.limits import Limits
from goodsight.report import parquet

NETWORK = "network.onnx"
Answer = Callable[[Shard], Answered]
"""Answers one shard."""


class Job(Protocol):
    """What is asked, and how a machine answers it."""

    @property
    def step(self) -> str:
        """What progress calls it."""

    @property
    def asked(self) -> Mapping[str, Any]:
        """All that an answer depends on, for the manifest."""

    @property
    def sha256(self) -> str:
        """What names the files that it needs."""

    def start(self, folder: Path) -> Answer:
        """Make ready, from a folder with the files that it needs, or from the only one.

        Raises:
            ModelError: they are not those that were sent, or this machine answers otherwise.

        """


def files(folder: Path) -> dict[str, bytes]:
    """A model folder as it is sent: what inference needs, without reports."""
    _, record = model_folder.read(folder)
    names = (*record["sha256"], "model.json", "SHA256")
    return {name: (folder / name).read_bytes() for name in names}


@dataclass(frozen=True)
class Classifying:
    """Labels by a model.

    Attributes:
        sha256: of its ``model.json``, which has those of its other files.
        top: how many labels to add to each row.
        cached: use and fill the embedding cache of the machine.

    """

    sha256: str
    top: int = 0
    cached: bool = True
    step: str = "classify"

    @property
    def asked(self) -> Mapping[str, Any]:
        """The model and the columns."""
        return {"verb": "classify", "model": self.sha256, "top": self.top, "version": __version__}

    def start(self, folder: Path) -> Answer:
        """The model, verified and its canaries tried."""
        _require(folder / "model.json", self.sha256)
        loaded = model_folder.load(folder)
        return lambda shard: self.answer(loaded, shard)

    def answer(self, loaded: LoadedModel, shard: Shard) -> Answered:
        """The shard's predictions as a file."""
        embedder = loaded.embedder(cached=self.cached)
        said = list(verdicts.predict(loaded.model, embedder, shard.rows, total=len(shard.rows)))
        require_in_reach(shard, [each.problem for each in said])
        data = parquet.as_bytes(said, loaded.model.judges, self.top)
        return Answered(shard.name, len(said), sum(bool(each.problem) for each in said), data)


@dataclass(frozen=True)
class Embedding:
    """Embeddings by a network.

    Attributes:
        backbone: as :meth:`Backbone.to_json` has it.
        limits: on bytes and pixels of a photo.
        cached: use and fill the embedding cache of the machine.

    """

    backbone: Mapping[str, Any]
    limits: Limits
    cached: bool = True
    step: str = "embed"

    @property
    def asked(self) -> Mapping[str, Any]:
        """The network and the limits."""
        limits = [self.limits.max_bytes, self.limits.max_pixels]
        return {"verb": "embed", "network": self.sha256, "limits": limits, "version": __version__}

    @property
    def sha256(self) -> str:
        """Of the network's file."""
        return str(self.backbone["sha256"])

    def start(self, folder: Path) -> Answer:
        """The network, verified, with an engine that runs it."""
        network = folder if folder.is_file() else folder / NETWORK
        _require(network, self.sha256)
        embedder = Embedder(Backbone.from_json(dict(self.backbone), network), limits=self.limits, cached=self.cached)
        return lambda shard: self.answer(embedder, shard)

    @staticmethod
    def answer(embedder: Embedder, shard: Shard) -> Answered:
        """The shard's embeddings as a file."""
        photos = list(embedder.stream(shard.rows, total=len(shard.rows)))
        require_in_reach(shard, [str(photo.bad or "") for photo in photos])
        data = vectors.as_bytes(photos, embedder.backbone.width)
        return Answered(shard.name, len(photos), sum(photo.bad is not None for photo in photos), data)


def _require(path: Path, sha256: str) -> None:
    if not path.is_file() or file_sha256(path) != sha256:
        raise ModelError(f"{path}: is not the file that was sent: its sha256 is another")

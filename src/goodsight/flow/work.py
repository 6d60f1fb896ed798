"""What the verbs carry: how the work is done, steps that several of them take, and the clock."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from goodsight.arrays import Bools
from goodsight.backbones.backbone import Backbone
from goodsight.catalog.rows import Row
from goodsight.cluster.afar import Afar
from goodsight.cluster.run import SHARD, Where
from goodsight.embedding.embedder import Embedder
from goodsight.embedding.table import Table
from goodsight.embedding.twins import Fingerprints, Twins
from goodsight.errors import CatalogError, GoodsightError
from goodsight.heads.scaler import sketched
from goodsight.model import folder as model_folder
from goodsight.model.record import LoadedModel, Model
from goodsight.photos import places
from goodsight.photos.limits import DEFAULT_LIMITS, Limits
from goodsight.photos.places import Member, Source
from goodsight.progress import Progress, usual, watched

if TYPE_CHECKING:
    from goodsight.measuring.measured import Measured

Sources = str | Path | Sequence[str | Path]
Parameters = ParamSpec("Parameters")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Work:
    """How the work is done; nothing of it changes what comes out.

    Attributes:
        limits: on bytes and pixels of a photo.
        cache: use and fill the embedding cache, so that an interrupted run goes on where it was.
        force: replace what is there.
        resume: go on with the training of a network that was cut off.
        on: who embeds or labels photos: ``ray`` for the cluster of this machine, ``ray://HOST:10001`` for another; ''
            for this process.
        workers: how many work there; 0 for one on each machine.
        shard: photos that are handed out at once.
        progress: told about every step; else there is a bar on a terminal and in a notebook, and silence elsewhere.
            :func:`goodsight.quiet` for silence everywhere.

    """

    limits: Limits = DEFAULT_LIMITS
    cache: bool = True
    force: bool = False
    resume: bool = False
    on: str = ""
    workers: int = 0
    shard: int = SHARD
    progress: Progress = usual

    def __post_init__(self) -> None:
        self.where  # noqa: B018 - it refuses what cannot be

    @property
    def where(self) -> Where:
        """By whom photos are worked through.

        Raises:
            GoodsightError: there can be no such cluster, or Ray is not installed.

        """
        return Where(self.on, self.shard, self.workers)

    def embedder(self, backbone: Backbone) -> Embedder:
        """A network with all that it needs; to be closed."""
        if self.on:
            return Afar(backbone, self.where, limits=self.limits, cached=self.cache, progress=self.progress)
        return Embedder(backbone, limits=self.limits, cached=self.cache, progress=self.progress)


USUAL = Work()
"""Nothing is replaced, and a bar is drawn where somebody can see it."""


def drawn(verb: Callable[Parameters, Made]) -> Callable[Parameters, Made]:
    """A verb with a parameter ``work``, that draws a bar while it works unless another progress is asked for."""

    @wraps(verb)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Made:
        work = kwargs.get("work", USUAL)
        if not isinstance(work, Work):
            return verb(*args, **kwargs)
        with watched(work.progress) as progress:
            kwargs["work"] = replace(work, progress=progress)
            return verb(*args, **kwargs)

    return run


@contextmanager
def opened(model: str | Path | LoadedModel) -> Iterator[LoadedModel]:
    """A verified model with its engine; the engine of one that is loaded here is closed in the end.

    Raises:
        ModelError: the model folder cannot be trusted.

    """
    if isinstance(model, LoadedModel):
        yield model
        return
    loaded = model_folder.load(Path(model))
    try:
        yield loaded
    finally:
        loaded.engine.close()


def require_usable(said: object, table: Table) -> None:
    """Some photo can be used.

    Raises:
        CatalogError: none can.

    """
    if not table.rows:
        raise CatalogError(f"{said}: none of {len(table.bad)} photos can be used; the first: {table.bad[0][1]}")


def leaks(model: Model, table: Table) -> tuple[Twins, Bools]:
    """The twins among some photos, and which of them have a twin among the model's training photos (n,)."""
    mine = Fingerprints(table.sha256, table.thumbnails, sketched(model.scaler, table.filed))
    return mine.twins(model.alike_pixels), model.training.copies(mine, model.alike_pixels)


def write_report(folder: Path, findings: Measured, clock: Clock, *, card: bool = True) -> None:
    """``report.html`` and ``metrics.json`` and, with ``card``, the model card."""
    from goodsight.report import card as model_card
    from goodsight.report import page

    page.write(folder, replace(findings, timings=clock.laps))
    if card:
        model_card.write(folder, findings)


def paths_of(given: Sources) -> list[Source]:
    """One path or address or several, as a list."""
    return [places.of(path) for path in ([given] if isinstance(given, str | Path) else given)]


def names_of(sources: Sequence[Source]) -> str:
    """What sources are called in a report."""
    return ", ".join(source.resolve().name for source in sources)


def require_apart(out: Path, sources: Sequence[Source], rows: Iterable[Row]) -> None:
    """The folder to make must not lie among the photos, nor hold any of them: it would be read, or they be replaced.

    Raises:
        GoodsightError: it does.

    """
    # Not Path.resolve: it raises on a link that leads to itself, which is only a bad photo.
    folder = Path(os.path.realpath(out))
    here = [source for source in sources if isinstance(source, Path)]
    within = any(source.is_dir() and folder.is_relative_to(os.path.realpath(source)) for source in here)
    photos = (row.path.archive if isinstance(row.path, Member) else row.path for row in rows)
    inside = (Path(os.path.realpath(path)) for path in (*here, *photos) if isinstance(path, Path))
    if within or any(path.is_relative_to(folder) for path in inside):
        raise GoodsightError(f"`out` {out}: lies in the folder of the photos, or they in it; choose one outside it")


class Clock:
    """Seconds of each step, for the report."""

    def __init__(self) -> None:
        self.laps: list[tuple[str, float]] = []
        self._last = time.monotonic()

    def lap(self, step: str) -> None:
        """A step is done: its seconds are those since the one before."""
        now = time.monotonic()
        self.laps.append((step, now - self._last))
        self._last = now

"""Many photos are labelled or embedded by shards, which survive whatever dies: in this process, or on a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

from goodsight.backbones import by_name
from goodsight.backbones.backbone import file_sha256
from goodsight.catalog.read import unlabelled
from goodsight.catalog.rows import Row
from goodsight.cluster import jobs
from goodsight.cluster.jobs import NETWORK, Classifying, Embedding
from goodsight.cluster.run import Sharded, run
from goodsight.cluster.store import Store
from goodsight.errors import GoodsightError, require_at_least
from goodsight.flow.work import USUAL, Work, drawn, paths_of
from goodsight.model import folder as model_folder
from goodsight.photos import places
from goodsight.photos.places import Source
from goodsight.report.parquet import arrow


@drawn
def classify_shards(
    model: str | Path, *photos: str | Path, out: str | Path, top: int = 0, work: Work = USUAL
) -> Sharded:
    """Label photos, however many, as a folder of Parquet files: one for each ``work.shard`` photos.

    Run again, it answers only what is missing. What is held does not grow with the number of photos.

    Args:
        model: a model folder.
        photos: photos, folders (searched recursively), lists with a ``file_name`` column or tars; paths or addresses.
        out: a folder or an address (``s3://shop/answers``).
        top: most likely labels to add to each row.
        work: how the work is done, and by whom.

    Raises:
        ModelError: the model folder cannot be trusted, or no machine answers as it should.
        CatalogError: there is no such photo, folder or list, or no photo in them.
        GoodsightError: ``out`` holds answers to something else, lies among the photos, or cannot be written.

    """
    arrow()
    require_at_least(0, top=top)
    sources, store = paths_of(photos), Store(str(out))
    _require_outside(out, sources)
    folder = Path(model)
    model_folder.read(folder)
    job = Classifying(file_sha256(folder / "model.json"), top, work.cache)
    return run(job, folder, lambda: jobs.files(folder), _rows(sources), store, work.where, work.progress)


@drawn
def embed(*photos: str | Path, out: str | Path, model: str | Path | None = None, work: Work = USUAL) -> Sharded:
    """Embed photos, however many, as a folder of Parquet files: one for each ``work.shard`` photos.

    The columns are ``file_name``, ``sha256``, ``vector`` (float16), ``thumbnail`` and ``problem``; see
    :mod:`goodsight.cluster.vectors`, which reads them back. Run again, it embeds only what is missing.

    Args:
        photos: photos, folders (searched recursively), lists with a ``file_name`` column or tars; paths or addresses.
        out: a folder or an address (``s3://shop/vectors``).
        model: a model folder whose network embeds; None for the default network.
        work: how the work is done, and by whom.

    Raises:
        ModelError: the model folder cannot be trusted, or no machine has the network that it should.
        CatalogError: there is no such photo, folder or list, or no photo in them.
        GoodsightError: ``out`` holds embeddings of something else, lies among the photos, or cannot be written.

    """
    arrow()
    sources, store = paths_of(photos), Store(str(out))
    _require_outside(out, sources)
    if model is None:
        backbone, limits = by_name.load(), work.limits
    else:
        read, _ = model_folder.read(Path(model))
        backbone, limits = read.backbone, read.limits
    job, network = Embedding(backbone.to_json(), limits, work.cache), backbone.network
    files = partial(_sent, network)
    return run(job, network, files, _rows(sources), store, work.where, work.progress)


def _rows(sources: Sequence[Source]) -> Callable[[], Iterator[Row]]:
    """What gives the photos of some sources, each time anew."""
    return lambda: chain.from_iterable(map(unlabelled, sources))


def _require_outside(out: str | Path, sources: Sequence[Source]) -> None:
    """Refuse to write where photos are looked for: the answers would be found among them."""
    place = places.named(str(out))
    within = next((source for source in sources if _lies_in(place, source)), None)
    if within is not None:
        raise GoodsightError(f"`out` {place}: lies in {within}, where the photos are; choose a place outside it")


def _lies_in(place: Source, folder: Source) -> bool:
    """Whether it is a folder, or something in it."""
    if isinstance(place, Path) and isinstance(folder, Path):
        return Path(os.path.realpath(place)).is_relative_to(os.path.realpath(folder))
    if isinstance(place, Path) or isinstance(folder, Path):
        return False
    inner, outer = (places.public(each.url).rstrip("/") + "/" for each in (place, folder))
    return inner.startswith(outer)


def _sent(network: Path) -> dict[str, bytes]:
    return {NETWORK: network.read_bytes()}

"""Many photos are labelled or embedded by shards, which survive whatever dies: in this process, or on a cluster."""

from __future__ import annotations

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
from goodsight.errors import require_at_least
from goodsight.flow.work import USUAL, Work, drawn, paths_of
from goodsight.model import folder as model_folder
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
        GoodsightError: ``out`` holds answers to something else, or cannot be written.

    """
    arrow()
    require_at_least(0, top=top)
    folder = Path(model)
    model_folder.read(folder)
    job = Classifying(file_sha256(folder / "model.json"), top, work.cache)
    return run(job, folder, lambda: jobs.files(folder), _rows(photos), Store(str(out)), work.where, work.progress)


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
        GoodsightError: ``out`` holds embeddings of something else, or cannot be written.

    """
    arrow()
    if model is None:
        backbone, limits = by_name.load(), work.limits
    else:
        read, _ = model_folder.read(Path(model))
        backbone, limits = read.backbone, read.limits
    job, network = Embedding(backbone.to_json(), limits, work.cache), backbone.network
    files = partial(_sent, network)
    return run(job, network, files, _rows(photos), Store(str(out)), work.where, work.progress)


def _rows(photos: Sequence[str | Path]) -> Callable[[], Iterator[Row]]:
    """What gives the photos of some sources, each time anew."""
    sources = paths_of(photos)
    return lambda: chain.from_iterable(map(unlabelled, sources))


def _sent(network: Path) -> dict[str, bytes]:
    return {NETWORK: network.read_bytes()}

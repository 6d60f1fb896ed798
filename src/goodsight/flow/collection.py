"""Photos are fetched from the web into a folder."""

from __future__ import annotations

from pathlib import Path

from goodsight.collecting import crawl
from goodsight.collecting.crawl import Source
from goodsight.collecting.terms import Collected, Manners
from goodsight.progress import Progress, usual, watched

_POLITE = Manners()


def collect(
    source: str | Path | Source, out: str | Path, *, manners: Manners = _POLITE, progress: Progress = usual
) -> Collected:
    """Fetch photos from the web into a folder that :func:`goodsight.train` reads, and go on where an earlier run ended.

    Args:
        source: a CSV with the columns ``url`` and perhaps ``label``; or pages of a site.
        out: the folder, new or filled by an earlier run; nothing in it is overwritten or deleted.
        manners: how to behave towards servers.
        progress: told about pages and photos; else there is a bar on a terminal and in a notebook.

    Raises:
        CatalogError: the list cannot be read, or a label cannot be a folder's name.
        FolderExistsError: ``out`` holds something else.
        GoodsightError: an option cannot be used, or the extra is not installed.

    """
    given = source if isinstance(source, Source) else Source(Path(source))
    with watched(progress) as told:
        return crawl.run(given, Path(out), manners, told)

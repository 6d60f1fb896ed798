"""Photos are fetched from the web into a folder."""

from __future__ import annotations

from pathlib import Path

from goodsight.collecting import crawl, terms
from goodsight.collecting.crawl import Source
from goodsight.collecting.terms import Collected, Manners
from goodsight.photos.limits import DEFAULT_LIMITS, Limits
from goodsight.progress import Progress, quiet


def collect(
    urls: str | Path | None,
    out: str | Path,
    *,
    page: str = "",
    select: str = "",
    pages: str = "",
    label: str = "",
    rate: float = 1.0,
    user_agent: str = terms.USER_AGENT,
    allow_private: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = quiet,
) -> Collected:
    """Fetch photos from the web into a folder that :func:`train` reads, and go on where an earlier run ended.

    Args:
        urls: a CSV with the columns ``url`` and perhaps ``label``; None with ``page``.
        out: the folder, new or filled by an earlier run; nothing in it is overwritten or deleted.
        page: the address of a page that shows photos; ``{page}`` in it is replaced by a number.
        select: a CSS selector of the elements of the page that name photos.
        pages: the numbers for ``{page}`` as ``FIRST:LAST``, both included.
        label: of the photos of the pages, and of the rows that have none.
        rate: requests per second and host.
        user_agent: the name to give to servers.
        allow_private: also fetch from private and loopback addresses.
        limits: on bytes and pixels of a photo.
        progress: told about pages and photos.

    Raises:
        CatalogError: the list cannot be read, or a label cannot be a folder's name.
        FolderExistsError: ``out`` holds something else.
        GoodsightError: an option cannot be used, or the extra is not installed.

    """
    source = Source(None if urls is None else Path(urls), page, select, pages, label)
    return crawl.run(source, Path(out), Manners(rate, user_agent, allow_private, limits), progress)

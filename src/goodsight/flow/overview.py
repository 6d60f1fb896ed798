"""The reports in a folder get a page that links them."""

from __future__ import annotations

from pathlib import Path

from goodsight.errors import GoodsightError


def overview(folder: str | Path) -> Path:
    """Write ``index.html`` into a folder, with a link to each audit, training, evaluation and comparison in it.

    Args:
        folder: whose folders hold reports.

    Returns:
        The page; one that is there is replaced.

    Raises:
        GoodsightError: there is no such folder, no report in it, or an index.html that is somebody else's.

    """
    from goodsight.report import index as page

    home = Path(folder)
    if not home.is_dir():
        raise GoodsightError(f"{home}: there is no such folder")
    found = page.entries(home)
    if not found:
        raise GoodsightError(f"{home}: none of its folders holds a report; make one with `goodsight train`")
    out = home / "index.html"
    if out.exists() and "<title>Reports: " not in out.read_text(encoding="utf-8", errors="replace"):
        raise GoodsightError(f"{out}: was not made by goodsight, and is not replaced; move it away")
    page.write(out, home.resolve().name, found)
    return out

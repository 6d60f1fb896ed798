"""The user's list of addresses, the numbers of pages, and which labels can be folders."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from goodsight.collecting.terms import Wanted
from goodsight.errors import CatalogError, GoodsightError, did_you_mean
from goodsight.files import read_records, read_table

MOST_PAGES = 100_000
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
_LISTS = {"metadata.csv", "metadata.jsonl"}


def read(path: Path, label: str) -> tuple[list[Wanted], list[tuple[str, str]]]:
    """The photos of a CSV with the column ``url`` and perhaps ``label``, and the rows without an address.

    Args:
        path: the list.
        label: for the rows that have none.

    Raises:
        CatalogError: it cannot be read, has no such column, or has a label that cannot be a folder's name.

    """
    wanted: dict[Wanted, None] = {}
    left_out: list[tuple[str, str]] = []
    try:
        _require_url(path, next(read_table(path, errors="strict"), (0, []))[1])
        for number, row in read_records(path, errors="strict"):
            url, own = row["url"].strip(), row.get("label", "").strip()
            if url:
                wanted[Wanted(url, checked_label(own or label, f"{path}: row {number}"))] = None
            else:
                left_out.append((f"{path.name} row {number}", "no address"))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CatalogError(f"{path}: cannot be read as UTF-8 text in rows: {error}") from error
    except OSError as error:
        raise CatalogError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    if not wanted:
        raise CatalogError(f"{path}: no row has an address in its column 'url'")
    return list(wanted), left_out


def _require_url(path: Path, columns: Iterable[str]) -> None:
    columns = list(columns)
    if "url" not in columns:
        raise CatalogError(
            f"{path}: there is no column 'url'; the columns are {', '.join(columns) or 'none'}."
            f"{did_you_mean('url', columns)} Give a CSV with the columns url and label"
        )


def checked_label(label: str, where: str) -> str:
    """A label that can be a folder's name on every system and a harmless cell of a table, composed as Unicode's NFC.

    Raises:
        CatalogError: it cannot.

    """
    label = unicodedata.normalize("NFC", label.strip())
    bad = sorted({c for c in label if c in '/\\:*?"<>|' or not c.isprintable()})
    if bad:
        why = f"has {' '.join(repr(c) for c in bad)} in it"
    elif label[:1] in tuple("=+-@."):
        why = f"begins with {label[0]!r}"
    elif label[-1:] == ".":
        why = "ends with a dot"
    elif len(label.encode()) > 100:
        why = f"is {len(label.encode())} bytes long, the limit is 100"
    elif label.partition(".")[0].strip().lower() in _RESERVED or label.lower() in _LISTS:
        why = "is a name with another meaning"
    else:
        return label
    raise CatalogError(f"{where}: the label {label[:60]!r} cannot be a folder's name: it {why}; rename it")


def require_distinct(labels: Iterable[str]) -> None:
    """Labels that differ in case only would share a folder on some systems, and are a slip on all.

    Raises:
        CatalogError: there are two of these.

    """
    seen: dict[str, str] = {}
    for label in labels:
        other = seen.setdefault(label.casefold(), label)
        if other != label:
            raise CatalogError(f"the labels {other!r} and {label!r} differ in upper and lower case only: use one")


def page_addresses(page: str, pages: str) -> list[str]:
    """The address of each page; ``{page}`` in it becomes each number of ``FIRST:LAST``, both included.

    Raises:
        GoodsightError: one of the two is without the other, or is no range.

    """
    if ("{page}" in page) != bool(pages):
        raise GoodsightError(
            f"`pages` {pages}: needs {{page}} in `page`, where the number goes"
            if pages
            else f"`page` {page}: give the numbers for {{page}} with `pages`, such as 1:70"
        )
    if not pages:
        return [page]
    found = re.fullmatch(r"(\d{1,9}):(\d{1,9})", pages)
    if not found or int(found[1]) > int(found[2]):
        raise GoodsightError(f"`pages` {pages}: give the first and the last number, such as 1:70")
    first, last = int(found[1]), int(found[2])
    if last - first >= MOST_PAGES:
        raise GoodsightError(f"`pages` {pages}: {last - first + 1} pages; at most {MOST_PAGES} at a time")
    return [page.replace("{page}", str(number)) for number in range(first, last + 1)]

"""How results look where somebody works with them: a line or two, a small HTML table in a notebook, a data frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from goodsight.errors import GoodsightError

MOST = 50
"""Rows of a table in a notebook; a line below says how many more there are."""

_CELL = 'style="text-align: left"'


class Tabular:
    """A result that is shown as a line or two, as a small table in a notebook, and becomes a data frame.

    Its class says :meth:`summary` and :meth:`records`; a dataclass must be made with ``repr=False``.
    """

    def summary(self) -> str:
        """What it says, in a line or a few."""
        raise NotImplementedError

    def records(self) -> list[dict[str, Any]]:
        """One flat record for each row of its table."""
        raise NotImplementedError

    def to_dataframe(self) -> Any:
        """Its table as a pandas data frame or, where that is not installed, one of Polars.

        Raises:
            GoodsightError: neither is installed.

        """
        return frame(self.records())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.summary()})"

    def _repr_html_(self) -> str:
        return table(self.records(), title=self.summary())


def few(names: Sequence[str], most: int = 6) -> str:
    """Names in one phrase, however many there are."""
    more = len(names) - most
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:most])} and {more} more"


def frame(records: Sequence[Mapping[str, Any]]) -> Any:
    """Flat records as a pandas data frame or, where that is not installed, one of Polars.

    Raises:
        GoodsightError: neither is installed.

    """
    rows = [{name: _text(value) if isinstance(value, str) else value for name, value in row.items()} for row in records]
    if find_spec("pandas"):
        return import_module("pandas").DataFrame(rows)
    if find_spec("polars"):
        return import_module("polars").DataFrame(rows, infer_schema_length=None)
    raise GoodsightError("a data frame needs pandas or Polars; install one of them: pip install pandas")


def table(records: Sequence[Mapping[str, Any]], *, title: str = "", pictures: Sequence[str] = ()) -> str:
    """Flat records as an HTML table; whatever they say is text there, never markup.

    Args:
        records: of which the first :data:`MOST` are shown.
        title: stands above the table.
        pictures: data URIs for the first column, '' for none; for fewer records than there are, if wanted.

    """
    shown = records[:MOST]
    columns = list(dict.fromkeys(name for record in shown for name in record))
    lines = [f"<p>{'<br>'.join(map(_escaped, title.splitlines()))}</p>"] if title else []
    lines += ["<table>", _row("th", [*[""] * bool(pictures), *map(_escaped, columns)])]
    for number, record in enumerate(shown):
        cells = [_escaped(_figure(record.get(name))) for name in columns]
        uri = pictures[number] if number < len(pictures) else ""
        picture = [f'<img alt="" src="{_escaped(uri)}">' if uri else ""] if pictures else []
        lines.append(_row("td", [*picture, *cells]))
    lines.append("</table>")
    if len(records) > MOST:
        lines.append(f"<p>and {len(records) - MOST} more rows: to_dataframe() has them all</p>")
    return "\n".join(lines)


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag} {_CELL}>{cell}</{tag}>' for cell in cells)}</tr>"


def _figure(value: object) -> str:
    if value is None or value != value:  # NaN alone is not itself
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _escaped(text: str) -> str:
    return escape(_text(text))


def _text(value: str) -> str:
    """A file name that is no text has lone surrogates, which neither a notebook nor a data frame can hold."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")

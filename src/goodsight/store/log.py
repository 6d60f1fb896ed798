"""Who did what, in order. Lines are only ever added; they name things by their ids and hold nothing of a photo."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, select

from goodsight.store.numbers import next_number
from goodsight.store.outbox import News, put
from goodsight.store.tables import log

MOST = 1000
"""Lines that are read at once."""


@dataclass(frozen=True)
class Line:
    """Something that was done.

    Attributes:
        number: its place; it has no gaps but those of what was not done after all.
        time: unix seconds.
        who: the token's name, ``command line`` for an operator's command, or ``service``.
        what: one word, as ``decided`` or ``deleted``.
        about: the id of a check, the name of a model, or what else it was done to.
        detail: what was decided, or why.

    """

    number: int
    time: float
    who: str
    what: str
    about: str
    detail: str


@dataclass(frozen=True)
class Note:
    """What is noted and told of something in the transaction that does it: neither is there without the other.

    Attributes:
        who: as of a :class:`Line`, and so are ``what``, ``about`` and ``detail``.
        news: what others are told, None for nothing.

    """

    who: str
    what: str
    about: str
    detail: str = ""
    news: News | None = None


def write(connection: Connection, note: Note | None) -> None:
    """Note what a transaction does. It comes last there, as nobody else gets a number before it ends."""
    if note is None:
        return
    values = {"time": time.time(), "who": note.who, "what": note.what, "about": note.about, "detail": note.detail}
    connection.execute(insert(log), [{"number": next_number(connection, "log"), **values}])
    if note.news is not None:
        put(connection, note.news)


class Log:
    """The log of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, who: str, what: str, about: str, detail: str = "") -> None:
        """Note what was done; see :class:`Line`."""
        with self._engine.begin() as connection:
            write(connection, Note(who, what, about, detail))

    def lines(self, after: int = 0) -> list[Line]:
        """The lines with a number above ``after``, oldest first, at most 1,000."""
        statement = select(log).where(log.c.number > after).order_by(log.c.number).limit(MOST)
        with self._engine.execution_options(only_reads=True).connect() as connection:
            return [Line(*row) for row in connection.execute(statement)]

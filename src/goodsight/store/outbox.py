"""What is to be told to others, kept until they have heard it: who is killed tells it after the next start."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, insert, select

from goodsight.store.numbers import next_number
from goodsight.store.tables import outbox

LEASE = 60.0
"""Seconds in which who took a message tells how that went; then another process may try."""
_AT_ONCE = 100


@dataclass(frozen=True)
class Message:
    """Something to be told: where, since when, the JSON, and how often that was tried in vain."""

    number: int
    url: str
    time: float
    body: str
    tries: int


@dataclass(frozen=True)
class News:
    """A message, and the addresses that are to hear of it."""

    urls: tuple[str, ...]
    body: str


def put(connection: Connection, news: News) -> None:
    """Keep a message for each of its addresses in the transaction that does what it tells."""
    if not news.urls:
        return
    now = time.time()
    first = next_number(connection, "outbox", len(news.urls))
    rows = [{"number": first + i, "url": url, "time": now, "body": news.body} for i, url in enumerate(news.urls)]
    connection.execute(insert(outbox), [row | {"tries": 0, "due": now} for row in rows])


class Outbox:
    """The outbox of one store. Several processes may take from it; no two take the same message at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, urls: Sequence[str], body: str) -> None:
        """Keep a message for each of some addresses."""
        with self._engine.begin() as connection:
            put(connection, News(tuple(urls), body))

    def take(self, url: str, *, now: float | None = None) -> Message | None:
        """The message that has been due longest at an address, None when there is none.

        Nobody else gets it during the lease.
        """
        now = time.time() if now is None else now
        due = select(outbox).where(outbox.c.url == url, outbox.c.due <= now)
        due = due.order_by(outbox.c.due, outbox.c.number).limit(1)
        with self._engine.begin() as connection:
            row = connection.execute(due.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return None
            same = outbox.c.number == row.number
            connection.execute(outbox.update().where(same).values(due=now + LEASE, tries=row.tries + 1))
            return Message(row.number, row.url, row.time, row.body, row.tries)

    def strays(self, known: Collection[str], before: float) -> list[Message]:
        """Forget messages older than a time (unix seconds) that go to none of some addresses; these are given."""
        old = select(outbox).where(outbox.c.time < before, outbox.c.url.not_in(known)).limit(_AT_ONCE)
        with self._engine.begin() as connection:
            rows = connection.execute(old.with_for_update(skip_locked=True)).all()
            connection.execute(delete(outbox).where(outbox.c.number.in_([row.number for row in rows])))
        return [Message(row.number, row.url, row.time, row.body, row.tries) for row in rows]

    def done(self, number: int) -> None:
        """A message was heard, or is given up."""
        with self._engine.begin() as connection:
            connection.execute(delete(outbox).where(outbox.c.number == number))

    def again(self, number: int, due: float) -> None:
        """Try a message again from a time on (unix seconds)."""
        with self._engine.begin() as connection:
            connection.execute(outbox.update().where(outbox.c.number == number).values(due=due))

    def waiting(self) -> int:
        """How many messages there are."""
        with self._engine.execution_options(only_reads=True).connect() as connection:
            return len(connection.execute(select(outbox.c.number)).all())

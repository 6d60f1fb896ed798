"""Numbers of rows, which give what several processes write an order that all see alike."""

from __future__ import annotations

from sqlalchemy import Connection

from goodsight.store.tables import numbered


def next_number(connection: Connection, which: str, count: int = 1) -> int:
    """The first of so many numbers of a table; nobody else gets one before this transaction ends."""
    counter = numbered.c.name == which
    raised = numbered.update().where(counter).values(last=numbered.c.last + count).returning(numbered.c.last)
    return int(connection.execute(raised).scalar_one()) - count + 1

"""What the processes of one service share beside answers: keys, and how many requests a token has left."""

from __future__ import annotations

import secrets
import time

from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from goodsight.store.tables import allowances
from goodsight.store.tables import secrets as keys


class Shared:
    """Keys and allowances of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.across_machines = engine.dialect.name == "postgresql"

    def secret(self, name: str, first: str = "") -> str:
        """A random key that is the same for all processes, made by whoever asks first.

        Args:
            name: of the key.
            first: what it is, should nobody have asked before; '' for 256 random bits.

        """
        dialect = postgresql if self.across_machines else sqlite
        row = {"name": name, "value": first or secrets.token_urlsafe(32)}
        with self._engine.begin() as connection:
            connection.execute(dialect.insert(keys).on_conflict_do_nothing(), [row])
            return str(connection.execute(select(keys.c.value).where(keys.c.name == name)).scalar_one())

    def take(self, name: str, wanted: float, rate: float, size: float, *, now: float | None = None) -> float:
        """Take some of an allowance that fills steadily (a token bucket), as much as is there; how much was taken.

        Args:
            name: whose it is.
            wanted: how much to take.
            rate: what comes back per second.
            size: the most that it holds, and what it holds at first.
            now: unix seconds; of machines whose clocks differ, the latest counts.

        """
        now = time.time() if now is None else now
        mine = select(allowances).where(allowances.c.name == name).with_for_update()
        dialect = postgresql if self.across_machines else sqlite
        first = {"name": name, "level": size, "since": now}
        with self._engine.begin() as connection:
            row = connection.execute(mine).one_or_none()
            if row is None:
                connection.execute(dialect.insert(allowances).on_conflict_do_nothing(), [first])
                row = connection.execute(mine).one()
            level = min(size, row.level + max(0.0, now - row.since) * rate)
            taken = min(wanted, level) if level >= 1 else 0.0
            left = {"level": level - taken, "since": max(now, row.since)}
            connection.execute(allowances.update().where(allowances.c.name == name).values(left))
        return taken

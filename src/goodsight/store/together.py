"""What the processes of one service share beside answers: keys, and how many requests a token has left."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from goodsight.store.tables import allowances
from goodsight.store.tables import secrets as keys


@dataclass(frozen=True)
class Asked:
    """What was spent of an allowance since the last time, what comes back per second, and the most that it holds."""

    spent: float
    rate: float
    size: float


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

    def settle(self, asked: Mapping[str, Asked], *, now: float | None = None) -> dict[str, float]:
        """Take what was spent from allowances that fill steadily (token buckets); what is left of each.

        Less than nothing is a debt: what processes spent before they heard of each other.

        Args:
            asked: by the name of the allowance.
            now: unix seconds; of machines whose clocks differ, the latest counts.

        """
        now = time.time() if now is None else now
        dialect = postgresql if self.across_machines else sqlite
        spent = sorted(name for name, one in asked.items() if one.spent)
        named = select(allowances).where(allowances.c.name.in_(sorted(asked)))
        with self._engine.begin() as connection:
            if spent:
                new = [{"name": name, "level": asked[name].size, "since": now} for name in spent]
                connection.execute(dialect.insert(allowances).on_conflict_do_nothing(), new)
                # Locked in one order everywhere, so that no two wait for each other.
                mine = select(allowances.c.name).where(allowances.c.name.in_(spent)).order_by(allowances.c.name)
                connection.execute(mine.with_for_update()).all()
            left = {name: one.size for name, one in asked.items()}
            for row in connection.execute(named).all():
                one = asked[row.name]
                level = min(one.size, row.level + max(0.0, now - row.since) * one.rate) - one.spent
                left[row.name] = level
                if one.spent:
                    values = {"level": level, "since": max(now, row.since)}
                    connection.execute(allowances.update().where(allowances.c.name == row.name).values(values))
        return left

"""What is kept of photos to know them again, and of photos that nobody may post. Both go when the photo goes.

Numbers are given inside a transaction that holds the only counter until it is committed: who has seen a number has seen
all that come before it, so that several processes can read what is new by the last number that they know.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Subquery, Table, case, delete, func, insert, select, union_all
from sqlalchemy.dialects import postgresql, sqlite

from goodsight.arrays import Half, Ints, Pixels
from goodsight.errors import NotFoundError
from goodsight.store.log import Note, write
from goodsight.store.numbers import next_number
from goodsight.store.tables import blocked, checks, imprints, repeats

WIDTH, SIDE = 256, 64
"""Numbers of a sketch, and pixels of a side of a picture."""
_AT_ONCE = 20_000
_IN = 500
_EARLIER = 3600.0
"""Seconds, more than a check takes from its time until it is kept."""
_COMPARED = 20
_PAIRS = 20_000
_OF_CLUSTER = 50


@dataclass(frozen=True)
class Imprint:
    """A photo as far as it takes to know it again.

    Attributes:
        sha256: of its bytes.
        sketch: of its embedding, float16 (256,).
        picture: RGB (64, 64, 3).
        of: sha256 of photos that were there before, of which it is a near copy.

    """

    sha256: str
    sketch: Half
    picture: Pixels
    of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Posted:
    """A check whose photo is known: the bytes, and who posted it in which ad when that was said."""

    id: str
    time: float
    sha256: str
    seller: str
    ad: str


@dataclass(frozen=True)
class Blocked:
    """A photo that nobody may post, and why."""

    number: int
    sha256: str
    name: str
    reason: str
    time: float


class Imprints:
    """The imprints of one store: of photos that were checked, and of photos that are blocked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Reads that take no lock: a check that looks for copies does not wait until others' answers are on the disk.
        self._reader = engine.execution_options(only_reads=True)

    def new(self, after: int, which: str = "imprints") -> tuple[Ints, Half]:
        """Numbers (n,) and sketches (n, 256) with a number above ``after``, in order, at most 20,000 at once.

        Args:
            after: the last number that is known.
            which: ``imprints``, or ``blocked`` for photos that nobody may post.

        """
        table = _TABLES[which]
        statement = select(table.c.number, table.c.sketch).where(table.c.number > after)
        with self._reader.connect() as connection:
            rows = connection.execute(statement.order_by(table.c.number).limit(_AT_ONCE)).all()
        sketches = np.frombuffer(b"".join(row.sketch for row in rows), np.float16).reshape(len(rows), WIDTH)
        return np.array([row.number for row in rows], np.int64), sketches

    def numbers(self, which: str = "imprints") -> Ints:
        """All numbers (n,) that are there."""
        table = _TABLES[which]
        with self._reader.connect() as connection:
            return np.fromiter(connection.execute(select(table.c.number)).scalars(), np.int64)

    def take(self, numbers: Iterable[int], which: str = "imprints") -> dict[int, Imprint]:
        """Imprints by their numbers, as far as they are there (any more)."""
        table = _TABLES[which]
        with self._reader.connect() as connection:
            rows = connection.execute(select(table).where(table.c.number.in_(list(numbers)))).all()
        return {row.number: Imprint(row.sha256, np.frombuffer(row.sketch, np.float16), _seen(row)) for row in rows}

    def posted(self, hashes: Sequence[str], most: int) -> list[Posted]:
        """The newest checks of photos with these bytes, newest first; one that has several answers is there once.

        Of a photo that was forgotten there are none, nor, once it is posted again, those of before.
        """
        with self._reader.connect() as connection:
            some = list(hashes) if len(hashes) <= most else _posted_last(connection, hashes, most)
            if not some:
                return []
            # The newest of each by itself, as the index has them: one photo may have been posted without end.
            rows = connection.execute(union_all(*(select(_newest(key, most)) for key in some))).all()
        return sorted((Posted(*row) for row in rows), key=lambda one: one.time, reverse=True)[:most]

    def clusters(self, most: int) -> list[list[Posted]]:
        """Photos that were posted again: their answers, newest first, and those with the newest copy first.

        As near copies, or as the same bytes by another seller or in another ad.

        Args:
            most: clusters; of each at most 50 answers are given.

        """
        pairs = select(repeats.c.sha256, repeats.c["of"]).order_by(repeats.c.time.desc()).limit(_PAIRS)
        with self._reader.connect() as connection:
            found = [tuple(row) for row in connection.execute(pairs)]
        groups = _connected(found)[:most]
        return [self.posted(group, _OF_CLUSTER) for group in groups]

    def block(self, imprint: Imprint, name: str, reason: str, note: Note | None = None) -> None:
        """Nobody may post a photo any more; one that is blocked already gets the new reason. It is noted with it."""
        values = {"name": name, "reason": reason, "time": time.time()}
        with self._engine.begin() as connection:
            same = blocked.c.sha256 == imprint.sha256
            if connection.execute(blocked.update().where(same).values(values)).rowcount == 0:
                (row,) = _rows(connection, "blocked", [imprint])
                connection.execute(insert(blocked), [row | values])
            write(connection, note)

    def unblock(self, number: int, note: Note | None = None) -> None:
        """Take a photo from the list of those that nobody may post. It is noted with it.

        Raises:
            NotFoundError: it is not there.

        """
        with self._engine.begin() as connection:
            if connection.execute(delete(blocked).where(blocked.c.number == number)).rowcount == 0:
                raise NotFoundError(f"`remove` {number}: there is no such number; `goodsight block` lists them")
            write(connection, note)

    def blocked(self) -> list[Blocked]:
        """The photos that nobody may post, in the order in which they were blocked."""
        columns = (blocked.c.number, blocked.c.sha256, blocked.c.name, blocked.c.reason, blocked.c.time)
        with self._reader.connect() as connection:
            return [Blocked(*row) for row in connection.execute(select(*columns).order_by(blocked.c.number))]


def _newest(sha256: str, most: int) -> Subquery:
    """The newest checks of a photo that is not forgotten, with the columns of :class:`Posted`."""
    whole = case((checks.c.part_of != "", checks.c.part_of), else_=checks.c.id).label("whole")
    columns = (whole, checks.c.time, checks.c.sha256, checks.c.seller, checks.c.ad)
    since = select(imprints.c.since).where(imprints.c.sha256 == sha256).scalar_subquery()
    of = select(*columns).where(checks.c.sha256 == sha256, checks.c.time >= since)
    return of.distinct().order_by(checks.c.time.desc()).limit(most).subquery()


def _posted_last(connection: Connection, hashes: Sequence[str], most: int) -> list[str]:
    """Of many photos those that were checked last; the newest checks of all are of these."""
    known = select(checks.c.sha256).where(checks.c.sha256.in_(list(hashes))).group_by(checks.c.sha256)
    return list(connection.execute(known.order_by(func.max(checks.c.time).desc()).limit(most)).scalars())


def add(connection: Connection, made: Sequence[Imprint]) -> None:
    """Keep imprints in a transaction that keeps their answers; of one content one is kept."""
    by_content = {imprint.sha256: imprint for imprint in made}
    known: set[str] = set()
    hashes = sorted(by_content)
    for start in range(0, len(hashes), _IN):
        some = imprints.c.sha256.in_(hashes[start : start + _IN])
        known |= set(connection.execute(select(imprints.c.sha256).where(some)).scalars())
    new = [by_content[key] for key in hashes if key not in known]
    if new:
        dialect = _dialect(connection)
        # Another process may keep the same photo at this moment.
        statement = dialect.insert(imprints).on_conflict_do_nothing(index_elements=["sha256"])
        now = time.time()
        rows = _rows(connection, "imprints", new)
        connection.execute(statement, [row | {"since": now - _EARLIER} for row in rows])
        pairs = [{"sha256": one.sha256, "of": other, "time": now} for one in new for other in one.of]
        if pairs:
            connection.execute(dialect.insert(repeats).on_conflict_do_nothing(), pairs)
    often = {key for key, count in Counter(imprint.sha256 for imprint in made).items() if count > 1}
    _note_again(connection, known | often)


def _note_again(connection: Connection, hashes: Iterable[str]) -> None:
    """Note photos whose bytes were posted again by another seller or in another ad, as copies of themselves."""
    for sha256 in sorted(hashes):
        # The newest are enough, as each check was compared with those before it.
        posted = connection.execute(select(_newest(sha256, _COMPARED))).all()
        if any(len({getattr(one, said) for one in posted} - {""}) > 1 for said in ("seller", "ad")):
            row = {"sha256": sha256, "of": sha256, "time": time.time()}
            connection.execute(_dialect(connection).insert(repeats).on_conflict_do_nothing(), [row])


def _dialect(connection: Connection) -> Any:
    return postgresql if connection.dialect.name == "postgresql" else sqlite


def forget(connection: Connection, hashes: Sequence[str]) -> None:
    """Forget photos, at most 500, in the transaction that deletes them."""
    connection.execute(delete(imprints).where(imprints.c.sha256.in_(hashes)))
    connection.execute(delete(repeats).where(repeats.c.sha256.in_(hashes) | repeats.c["of"].in_(hashes)))


def _connected(pairs: Sequence[Sequence[str]]) -> list[list[str]]:
    """Groups of what pairs connect, in the order in which they first come."""
    group: dict[str, list[str]] = {}
    for one, other in pairs:
        first, second = group.setdefault(one, [one]), group.setdefault(other, [other])
        if first is not second:
            # The fewer go to the more, so that each is moved a few times only, however many there are.
            few, more = sorted((first, second), key=len)
            more += few
            group |= dict.fromkeys(few, more)
    return list({id(members): members for members in group.values()}.values())


_TABLES: dict[str, Table] = {"imprints": imprints, "blocked": blocked}


def _rows(connection: Connection, which: str, made: Sequence[Imprint]) -> list[dict[str, Any]]:
    """Rows with numbers of their own."""
    first = next_number(connection, which, len(made))
    return [
        {
            "number": first + i,
            "sha256": imprint.sha256,
            "sketch": imprint.sketch.astype(np.float16).tobytes(),
            "picture": imprint.picture.tobytes(),
        }
        for i, imprint in enumerate(made)
    ]


def _seen(row: Any) -> Pixels:
    # Not compressed: beside the photo itself it is little, and 16 are read for each check.
    return np.frombuffer(row.picture, np.uint8).reshape(SIDE, SIDE, 3)

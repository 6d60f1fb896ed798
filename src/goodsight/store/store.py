"""Answers, photos, appeals and deletion. An answer that :meth:`Store.add_checks` took is on the disk."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from goodsight.errors import ConflictError, NotFoundError
from goodsight.store import imprints
from goodsight.store.database import open_database
from goodsight.store.imprints import Imprint, Imprints
from goodsight.store.kept import KeptPhotos
from goodsight.store.log import Log
from goodsight.store.outbox import Outbox
from goodsight.store.queue import Checked, ReviewQueue, checked_of
from goodsight.store.tables import checks, decisions, deleted, photos, queue, skips

_DOUBTFUL = {"unsure", "off-topic"}
_DAY = 86400.0


@dataclass(frozen=True)
class Appeal:
    """An answer that was contested, and when."""

    check_id: str
    time: float


class Store:
    """One database and one folder of photos. Safe to use from several threads and processes.

    ``queue`` is the review queue, ``imprints`` is what photos are known again by, ``log``
    says who did what, ``outbox`` what is to be told to others.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._kept = KeptPhotos(folder / "photos")
        self.queue = ReviewQueue(engine)
        self.imprints = Imprints(engine)
        self.log = Log(engine)
        self.outbox = Outbox(engine)

    @classmethod
    def open(cls, url: str, folder: Path) -> Store:
        """Open a store, and bring an older one up to date.

        Args:
            url: of the database; '' for SQLite in the folder.
            folder: for photos; made when it is not there.

        Raises:
            StoreError: the URL is wrong, the database cannot be reached, or it is newer than this version.

        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # strangers' photos are nobody else's business
        return cls(open_database(url, folder), folder)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def keep_photo(self, data: bytes, sha256: str = "") -> str:
        """Keep a photo's bytes, once; the sha256 they are found by, which is worked out when it is not given."""
        return self._kept.put(data, sha256)

    def photo(self, sha256: str) -> bytes | None:
        """A photo's bytes, None when they were deleted."""
        return self._kept.get(sha256)

    def add_checks(self, answered: Sequence[Checked], made: Sequence[Imprint] = ()) -> None:
        """Keep answers in one transaction, durably; those that want a person join the review queue.

        Args:
            answered: the answers.
            made: what their photos are known again by.

        """
        if not answered:
            return
        waiting = [_entry(checked) for checked in answered if checked.verdict in _DOUBTFUL]
        with self._engine.begin() as connection:
            connection.execute(insert(checks), [_record(checked) for checked in answered])
            used = {checked.sha256: checked.time for checked in answered}
            self._touch(connection, [{"sha256": key, "last_used": used[key]} for key in sorted(used)])
            if waiting:
                connection.execute(insert(queue), waiting)
            imprints.add(connection, made)

    def check(self, id: str) -> Checked | None:
        """An answer by its id."""
        with self._engine.connect() as connection:
            row = connection.execute(select(checks).where(checks.c.id == id)).one_or_none()
        return None if row is None else checked_of(row)

    def appeal(self, id: str, by: str, note: str) -> Appeal:
        """Contest an answer: it joins the queue, or moves to its front.

        Raises:
            NotFoundError: there is no such answer.
            ConflictError: it was contested before, or its photo is deleted.

        """
        now = time.time()
        values: dict[str, Any] = {"contested": 1, "note": note, "appealed_by": by, "appealed": now}
        with self._engine.begin() as connection:
            row = connection.execute(select(checks).where(checks.c.id == id)).one_or_none()
            if row is None:
                raise NotFoundError(f"check {id[:64]!r}: there is no such check")
            if connection.execute(select(photos).where(photos.c.sha256 == row.sha256)).one_or_none() is None:
                raise ConflictError(f"check {id}: its photo is deleted, so nobody can look at it")
            entry = connection.execute(select(queue).where(queue.c.check_id == id).with_for_update()).one_or_none()
            if entry is None:
                connection.execute(insert(queue), [_entry(checked_of(row)) | values])
            elif entry.appealed is not None:
                raise ConflictError(f"check {id}: it was contested already")
            else:
                wanted = max(entry.wanted, entry.given + 1)
                connection.execute(queue.update().where(queue.c.check_id == id).values(values | {"wanted": wanted}))
        return Appeal(id, now)

    def delete(self, id: str) -> None:
        """Delete a photo with every answer and decision about it; only ids and the time of deletion are left.

        Raises:
            NotFoundError: there is no such answer.

        """
        now = time.time()
        with self._engine.begin() as connection:
            sha256 = connection.execute(select(checks.c.sha256).where(checks.c.id == id)).scalar_one_or_none()
            if sha256 is None:
                raise NotFoundError(f"check {id[:64]!r}: there is no such check")
            ids = list(connection.execute(select(checks.c.id).where(checks.c.sha256 == sha256)).scalars())
            for table, column in ((queue, "check_id"), (skips, "check_id"), (decisions, "check_id"), (checks, "id")):
                connection.execute(delete(table).where(table.c[column].in_(ids)))
            connection.execute(delete(photos).where(photos.c.sha256 == sha256))
            imprints.forget(connection, [sha256])
            connection.execute(insert(deleted), [{"check_id": one, "time": now} for one in ids])
            # Before the commit: if the file cannot be removed, the rows stay and the deletion can be asked for again.
            self._kept.delete(sha256)

    def expire(self, before: float) -> int:
        """Delete the bytes of photos last used before a time (unix seconds), and their places in the queue.

        Answers and decisions stay, without their photo. Returns the number of photos.
        """
        with self._engine.begin() as connection:
            old = list(connection.execute(select(photos.c.sha256).where(photos.c.last_used < before)).scalars())
            for start in range(0, len(old), 500):
                some = old[start : start + 500]
                ids = select(checks.c.id).where(checks.c.sha256.in_(some))
                connection.execute(delete(queue).where(queue.c.check_id.in_(ids)))
                connection.execute(delete(skips).where(skips.c.check_id.in_(ids)))
                connection.execute(delete(photos).where(photos.c.sha256.in_(some)))
                imprints.forget(connection, some)
                for sha256 in some:
                    self._kept.delete(sha256)
        return len(old)

    def _touch(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        """Note when photos were last used."""
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(photos)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["sha256"], set_={"last_used": statement.excluded.last_used}
            ),
            rows,
        )


def _record(checked: Checked) -> dict[str, Any]:
    return vars(checked) | {"probabilities": json.dumps(dict(checked.probabilities))}


def _entry(checked: Checked) -> dict[str, Any]:
    """A place in the queue: a day's age weighs as much as the whole range of certainty."""
    return {
        "check_id": checked.id,
        "place": checked.time - _DAY * (1 - checked.probability),
        "contested": 0,
        "note": "",
        "appealed_by": "",
        "appealed": None,
        # One photo in about ten, always the same ones, is shown to a second person.
        "wanted": 2 if int(checked.sha256[:2], 16) < 26 else 1,
        "given": 0,
        "claimed_by": "",
        "claimed_until": 0.0,
    }

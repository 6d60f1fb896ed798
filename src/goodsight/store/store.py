"""Answers, photos, appeals and deletion. An answer that :meth:`Store.add_checks` took is on the disk."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Double, Engine, Select, and_, delete, insert, literal, literal_column, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from goodsight.errors import ConflictError, NotFoundError
from goodsight.store import imprints
from goodsight.store.database import open_database
from goodsight.store.imprints import Imprint, Imprints
from goodsight.store.kept import KeptPhotos, Photos
from goodsight.store.log import Log, Note, write
from goodsight.store.outbox import Outbox
from goodsight.store.queue import Checked, ReviewQueue, checked_of
from goodsight.store.shared import SharedPhotos
from goodsight.store.tables import checks, decisions, deleted, photos, queue, skips
from goodsight.store.together import Shared

_DAY = 86400.0
_AT_ONCE = 200


@dataclass(frozen=True)
class Appeal:
    """An answer that was contested, and when."""

    check_id: str
    time: float


class Store:
    """One database and one folder of photos. Safe to use from several threads and processes.

    ``queue`` is the review queue, ``shared`` what processes share beside answers, ``imprints`` is what photos are known
    again by, ``log`` says who did what, ``outbox`` what is to be told to others.
    """

    def __init__(self, engine: Engine, photos: Photos) -> None:
        self._engine = engine
        self._kept = photos
        self.queue = ReviewQueue(engine)
        self.shared = Shared(engine)
        self.imprints = Imprints(engine)
        self.log = Log(engine)
        self.outbox = Outbox(engine)

    @classmethod
    def open(cls, url: str, folder: Path, kept: str = "") -> Store:
        """Open a store, and bring an older one up to date.

        Args:
            url: of the database; '' for SQLite in the folder.
            folder: of the service; made when it is not there.
            kept: where photos are kept: a folder, or an address that fsspec knows; '' for ``photos`` in the folder.

        Raises:
            StoreError: the URL is wrong, the database cannot be reached, or it is newer than this version; or nothing
                can be written to the address of the photos.

        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # strangers' photos are nobody else's business
        return cls(open_database(url, folder), _photos(kept or str(folder / "photos")))

    def close(self) -> None:
        """Give the connections back."""
        self._kept.close()
        self._engine.dispose()

    def keep_photo(self, data: bytes, sha256: str = "") -> str:
        """Keep a photo's bytes, once; the sha256 they are found by, which is worked out when it is not given."""
        sha256 = sha256 or hashlib.sha256(data).hexdigest()
        self._kept.put_all({sha256: data})
        return sha256

    def keep_photos(self, photos: Mapping[str, bytes]) -> None:
        """Keep photos by their sha256; when this returns they are on the disk, and a power cut does not lose them."""
        self._kept.put_all(photos)

    def lacking(self, sha256s: Iterable[str]) -> list[str]:
        """Which photos are not kept (any more)."""
        return [sha256 for sha256 in sha256s if not self._kept.has(sha256)]

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
        waiting = [_entry(checked) for checked in answered if checked.wants_person]
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

    def answers(self, id: str) -> list[Checked]:
        """The answer with an id, or all answers of the check with it; none when there is neither."""
        with self._engine.connect() as connection:
            return [checked_of(row) for row in connection.execute(_of_check(id))]

    def appeal(self, id: str, by: str, note: str, noted: Note | None = None) -> Appeal:
        """Contest an answer: it joins the queue, or moves to its front.

        Of a check with an answer for each of several attributes, all that are no match are contested, or all. ``note``
        is what ``by`` says of it; ``noted`` goes into the log with it.

        Raises:
            NotFoundError: there is no such answer.
            ConflictError: it was contested before, or its photo is deleted.

        """
        now = time.time()
        values: dict[str, Any] = {"contested": 1, "note": note, "appealed_by": by, "appealed": now}
        with self._engine.begin() as connection:
            found = [checked_of(row) for row in connection.execute(_of_check(id))]
            if not found:
                raise NotFoundError(f"check {id[:64]!r}: there is no such check")
            photo = select(photos).where(photos.c.sha256 == found[0].sha256)
            # Locked, so that two who contest it at once come one after the other.
            if connection.execute(photo.with_for_update()).one_or_none() is None:
                raise ConflictError(f"check {id}: its photo is deleted, so nobody can look at it")
            for checked in [one for one in found if one.verdict != "match"] or found:
                _contest(connection, checked, values)
            write(connection, noted)
        return Appeal(id, now)

    def delete(self, id: str, note: Note | None = None) -> None:
        """Delete a photo with every answer and decision about it; only ids and the time of deletion are left.

        It is noted with it.

        Raises:
            NotFoundError: there is no such answer.

        """
        now = time.time()
        with self._engine.begin() as connection:
            found = connection.execute(_of_check(id).limit(1)).one_or_none()
            if found is None:
                raise NotFoundError(f"check {id[:64]!r}: there is no such check")
            key = found.sha256
            # First of all, as whoever keeps an answer about the photo now holds this row, and is waited for.
            connection.execute(delete(photos).where(photos.c.sha256 == key))
            # Never a list of them, as the same bytes may have been posted more often than a statement has places.
            ids = select(checks.c.id).where(checks.c.sha256 == key)
            for table in (queue, skips, decisions):
                connection.execute(delete(table).where(table.c.check_id.in_(ids)))
            gone = select(checks.c.id, literal(now, Double)).where(checks.c.sha256 == key)
            connection.execute(insert(deleted).from_select(["check_id", "time"], gone))
            connection.execute(delete(checks).where(checks.c.sha256 == key))
            imprints.forget(connection, [key])
            write(connection, note)
            # Before the commit: if the file cannot be removed, the rows stay and the deletion can be asked for again.
            self._kept.delete(key)

    def expire(self, before: float) -> int:
        """Delete the bytes of photos last used before a time (unix seconds), and their places in the queue.

        Answers and decisions stay, without their photo. Several processes may do it at once: each takes what no other
        has, some hundred photos at a time. Returns the number of photos.
        """
        count = 0
        while some := self._expire_some(before):
            count += some
        return count

    def _expire_some(self, before: float) -> int:
        old = select(photos.c.sha256).where(photos.c.last_used < before).order_by(photos.c.sha256).limit(_AT_ONCE)
        with self._engine.begin() as connection:
            some = list(connection.execute(old.with_for_update(skip_locked=True)).scalars())
            ids = select(checks.c.id).where(checks.c.sha256.in_(some))
            connection.execute(delete(queue).where(queue.c.check_id.in_(ids)))
            connection.execute(delete(skips).where(skips.c.check_id.in_(ids)))
            connection.execute(delete(photos).where(photos.c.sha256.in_(some)))
            imprints.forget(connection, some)
            for sha256 in some:
                self._kept.delete(sha256)
        return len(some)

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


def _photos(place: str) -> Photos:
    """What keeps photos in a folder, or behind an address."""
    if "://" in place and not place.startswith("file://"):
        return SharedPhotos(place)
    return KeptPhotos(Path(place.removeprefix("file://")))


def _of_check(id: str) -> Select[Any]:
    """The answer with an id, or those of the check with it."""
    # As the index has it: most answers are no part of anything, and are not in it.
    is_part = checks.c.part_of != literal_column("''")
    return select(checks).where(or_(checks.c.id == id, and_(checks.c.part_of == id, is_part)))


def _contest(connection: Connection, checked: Checked, values: dict[str, Any]) -> None:
    """Put one answer into the queue, or to its front."""
    entry = connection.execute(select(queue).where(queue.c.check_id == checked.id).with_for_update()).one_or_none()
    if entry is None:
        connection.execute(insert(queue), [_entry(checked) | values])
    elif entry.appealed is not None:
        raise ConflictError(f"check {checked.id}: it was contested already")
    else:
        wanted = max(entry.wanted, entry.given + 1)
        connection.execute(queue.update().where(queue.c.check_id == checked.id).values(values | {"wanted": wanted}))


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

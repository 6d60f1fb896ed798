"""The review queue: a photo is claimed by one person, decided, and can be taken back. Decisions are only ever added."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, delete, func, insert, or_, select

from goodsight.errors import ConflictError, NotFoundError
from goodsight.store.log import Note, write
from goodsight.store.tables import checks, decisions, queue, skips

LEASE = 300.0
"""Seconds that a claim holds."""
SKIPPED = 3600.0
"""Seconds before a skipped photo comes back to who skipped it."""
_DOUBTFUL = {"unsure", "off-topic"}


@dataclass(frozen=True)
class Checked:
    """One answer that was given.

    Attributes:
        id: a random name.
        time: unix seconds.
        model: the name it was served under.
        model_id: sha256 of its model.json.
        sha256: of the photo's bytes.
        declared: the declared class, '' when nothing was declared.
        label: the most likely class, and ``probability`` its probability.
        p_value: of the declared class; 1 when nothing was declared.
        verdict: match, mismatch, unsure, off-topic, or sure when nothing was declared.
        reason: in words.
        probabilities: of each class.
        client: who asked.
        seller: whose photo it is, '' when nobody said.
        attribute: what was asked about, '' for the only attribute of its model; of a tag the classes are yes and no.
        part_of: the id of the check, where it has an answer for each of several attributes; else ''.
        ad: the ad that it is posted in, '' when nobody said.
        policy: the name of the policy that decided, '' for the model's own way.
        action: what is to be done: accept, refuse or review; '' where only the verdict is known.

    """

    id: str
    time: float
    model: str
    model_id: str
    sha256: str
    declared: str
    label: str
    probability: float
    p_value: float
    verdict: str
    reason: str
    probabilities: Mapping[str, float]
    client: str
    seller: str = ""
    attribute: str = ""
    part_of: str = ""
    ad: str = ""
    policy: str = ""
    action: str = ""

    @property
    def wants_person(self) -> bool:
        """Whether somebody is to look at it, contested or not."""
        return self.action == "review" if self.action else self.verdict in _DOUBTFUL

    @property
    def check_id(self) -> str:
        """The id that the check was answered with."""
        return self.part_of or self.id


@dataclass(frozen=True)
class Review:
    """A claimed photo."""

    checked: Checked
    contested: bool
    note: str
    lease_until: float


@dataclass(frozen=True)
class Decision:
    """What somebody decided about an answer; '' is none of the classes."""

    checked: Checked
    reviewer: str
    decision: str
    time: float


@dataclass(frozen=True)
class QueueStatistics:
    """How long the queue is and how far people agree; None is not measurable.

    ``waiting`` counts the photos that want an opinion, claimed ones as well.
    """

    waiting: int
    contested: int
    claimed: int
    decided: int
    decided_last_day: int
    oldest_seconds: float
    agreement_with_model: float | None
    agreement_between_reviewers: float | None


_OPEN = queue.c.given < queue.c.wanted
_STANDS = decisions.c.undone.is_(None)


class ReviewQueue:
    """The queue of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, reviewer: str, *, now: float | None = None, lease: float = LEASE) -> Review | None:
        """The next photo for a reviewer, None when there is none; nobody else gets it during the lease.

        Contested photos come first, then old and doubtful ones. Who has a photo already gets the same again.
        """
        now = time.time() if now is None else now
        seen = select(decisions.c.check_id).where(decisions.c.reviewer == reviewer, _STANDS)
        skipped = select(skips.c.check_id).where(skips.c.reviewer == reviewer, skips.c.until > now)
        mine = and_(queue.c.claimed_by == reviewer, queue.c.claimed_until > now)
        free = and_(queue.c.claimed_until <= now, queue.c.check_id.not_in(seen), queue.c.check_id.not_in(skipped))
        statement = (
            select(queue)
            .where(_OPEN, or_(mine, free))
            .order_by((queue.c.claimed_by == reviewer).desc(), queue.c.contested.desc(), queue.c.place)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        with self._engine.begin() as connection:
            entry = connection.execute(statement).one_or_none()
            return None if entry is None else _take(connection, entry, reviewer, now + lease)

    def renew(self, id: str, reviewer: str, *, now: float | None = None, lease: float = LEASE) -> float:
        """Keep a claimed photo for another lease from now; unix seconds of its end.

        Raises:
            NotFoundError: it is not in the queue.
            ConflictError: it is not this reviewer's (any more).

        """
        until = (time.time() if now is None else now) + lease
        with self._engine.begin() as connection:
            _claimed(connection, id, reviewer)
            connection.execute(queue.update().where(queue.c.check_id == id).values(claimed_until=until))
        return until

    def release(self, id: str, reviewer: str, *, now: float | None = None) -> None:
        """Leave a claimed photo to others; it comes back to this reviewer after an hour.

        Raises:
            NotFoundError: it is not in the queue.
            ConflictError: it is not this reviewer's.

        """
        now = time.time() if now is None else now
        with self._engine.begin() as connection:
            _claimed(connection, id, reviewer)
            connection.execute(queue.update().where(queue.c.check_id == id).values(claimed_by="", claimed_until=0.0))
            connection.execute(delete(skips).where(skips.c.check_id == id, skips.c.reviewer == reviewer))
            connection.execute(insert(skips), [{"check_id": id, "reviewer": reviewer, "until": now + SKIPPED}])

    def decide(
        self, id: str, reviewer: str, decision: str, note: Note | None = None, *, now: float | None = None
    ) -> Decision:
        """Decide what a claimed photo shows: a class, or '' for none of them. It is noted with it.

        Raises:
            NotFoundError: it is not in the queue.
            ConflictError: it is not this reviewer's (any more).

        """
        now = time.time() if now is None else now
        with self._engine.begin() as connection:
            entry = _claimed(connection, id, reviewer)
            row = {"id": uuid.uuid4().hex, "check_id": id, "reviewer": reviewer, "decision": decision, "time": now}
            connection.execute(insert(decisions), [row | {"undone": None}])
            values = {"given": entry.given + 1, "claimed_by": "", "claimed_until": 0.0}
            connection.execute(queue.update().where(queue.c.check_id == id).values(values))
            checked = checked_of(connection.execute(select(checks).where(checks.c.id == id)).one())
            write(connection, note)
        return Decision(checked, reviewer, decision, now)

    def undo(
        self,
        reviewer: str,
        noted: Callable[[Checked], Note] | None = None,
        *,
        now: float | None = None,
        lease: float = LEASE,
    ) -> Review | None:
        """Take back a reviewer's last decision and claim its photo again; None when there is none to take back.

        Args:
            reviewer: whose decision.
            noted: what is noted with it, by the answer that the decision was about.
            now: unix seconds.
            lease: seconds that the photo is theirs.

        Raises:
            ConflictError: somebody else has the photo meanwhile.

        """
        now = time.time() if now is None else now
        last = (
            select(decisions)
            .where(decisions.c.reviewer == reviewer, _STANDS)
            .where(decisions.c.check_id.in_(select(queue.c.check_id)))
            .order_by(decisions.c.time.desc())
            .limit(1)
        )
        with self._engine.begin() as connection:
            decision = connection.execute(last).one_or_none()
            if decision is None:
                return None
            in_queue = select(queue).where(queue.c.check_id == decision.check_id).with_for_update()
            entry = connection.execute(in_queue).one_or_none()
            taken_back = decisions.update().where(decisions.c.id == decision.id, _STANDS).values(undone=now)
            # Another process may have deleted the photo, or taken back the same decision, before the row was ours.
            if entry is None or not connection.execute(taken_back).rowcount:
                raise ConflictError(f"check {decision.check_id}: your decision was taken back or deleted just now")
            if entry.claimed_by not in {"", reviewer} and entry.claimed_until > now:
                raise ConflictError(f"check {entry.check_id}: {entry.claimed_by} has it now; try again later")
            mine = and_(queue.c.claimed_by == reviewer, queue.c.check_id != entry.check_id)
            connection.execute(queue.update().where(mine).values(claimed_by="", claimed_until=0.0))
            given = queue.update().where(queue.c.check_id == entry.check_id).values(given=entry.given - 1)
            connection.execute(given)
            review = _take(connection, entry, reviewer, now + lease)
            write(connection, noted(review.checked) if noted else None)
            return review

    def waiting(self) -> int:
        """How many photos want an opinion."""
        with self._engine.connect() as connection:
            return _count(connection, _OPEN)

    def statistics(self, *, now: float | None = None) -> QueueStatistics:
        """Lengths and agreement."""
        now = time.time() if now is None else now
        with self._engine.connect() as connection:
            stands = select(func.count()).select_from(decisions).where(_STANDS)
            oldest = (
                select(func.min(checks.c.time)).select_from(queue).join(checks, checks.c.id == queue.c.check_id)
            ).where(_OPEN)
            since = connection.execute(oldest).scalar_one()
            return QueueStatistics(
                waiting=_count(connection, _OPEN),
                contested=_count(connection, _OPEN, queue.c.contested == 1),
                claimed=_count(connection, _OPEN, queue.c.claimed_until > now),
                decided=connection.execute(stands).scalar_one(),
                decided_last_day=connection.execute(stands.where(decisions.c.time > now - 86400)).scalar_one(),
                oldest_seconds=0.0 if since is None else max(0.0, now - since),
                agreement_with_model=_with_model(connection),
                agreement_between_reviewers=_between_reviewers(connection),
            )

    def decisions(self) -> Iterator[Decision]:
        """All decisions that stand, oldest first."""
        statement = select(decisions.c.reviewer, decisions.c.decision, decisions.c.time.label("decided"), checks)
        statement = statement.join(checks, checks.c.id == decisions.c.check_id).where(_STANDS)
        with self._engine.connect() as connection:
            for row in connection.execute(statement.order_by(decisions.c.time)):
                yield Decision(checked_of(row), row.reviewer, row.decision, row.decided)


def checked_of(row: Row[Any]) -> Checked:
    """An answer from a row that has the columns of ``checks``."""
    values = {name: getattr(row, name) for name in Checked.__dataclass_fields__}
    return Checked(**values | {"probabilities": json.loads(values["probabilities"])})


def _take(connection: Connection, entry: Row[Any], reviewer: str, until: float) -> Review:
    values = {"claimed_by": reviewer, "claimed_until": until}
    connection.execute(queue.update().where(queue.c.check_id == entry.check_id).values(values))
    row = connection.execute(select(checks).where(checks.c.id == entry.check_id)).one()
    return Review(checked_of(row), bool(entry.contested), entry.note, until)


def _claimed(connection: Connection, id: str, reviewer: str) -> Row[Any]:
    """The entry of a photo that a reviewer has; an expired claim is still theirs while nobody else took it."""
    entry = connection.execute(select(queue).where(queue.c.check_id == id).with_for_update()).one_or_none()
    if entry is None:
        raise NotFoundError(f"check {id[:64]!r}: not in the review queue")
    if entry.claimed_by != reviewer:
        raise ConflictError(f"check {id}: not yours any more; take the next photo")
    return entry


def _count(connection: Connection, *conditions: Any) -> int:
    return connection.execute(select(func.count()).select_from(queue).where(*conditions)).scalar_one()


def _with_model(connection: Connection) -> float | None:
    """The share of decisions that are the model's label; a photo called off-topic agrees with "none of these"."""
    pairs = select(decisions.c.decision, checks.c.label, checks.c.verdict).join(
        checks, checks.c.id == decisions.c.check_id
    )
    rows = connection.execute(pairs.where(_STANDS)).all()
    agreed = [row.decision == ("" if row.verdict == "off-topic" else row.label) for row in rows]
    return sum(agreed) / len(agreed) if agreed else None


def _between_reviewers(connection: Connection) -> float | None:
    """The share of photos with several opinions on which all are the same."""
    statement = (
        select(func.count(func.distinct(decisions.c.decision)).label("different"))
        .where(_STANDS)
        .group_by(decisions.c.check_id)
        .having(func.count() > 1)
    )
    counts = connection.execute(statement).scalars().all()
    return sum(count == 1 for count in counts) / len(counts) if counts else None

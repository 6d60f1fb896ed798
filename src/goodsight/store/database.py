"""A database URL becomes an engine with the guarantees that the store needs."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from goodsight.errors import StoreError
from goodsight.store.migrations import migrate

_ALIVE = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}
"""A server that vanished without a word is known as gone within half a minute, also by a statement that waits."""
_FULL = "53100"
"""PostgreSQL's disk_full."""


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, is a full disk: of ours, of SQLite's or of PostgreSQL's."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return True
        if getattr(error, "sqlstate", "") == _FULL or getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
            return True
        error = getattr(error, "orig", None) or error.__cause__
    return False


def open_database(url: str, folder: Path) -> Engine:
    """Connect and bring the tables up to date.

    Args:
        url: ``postgresql://...`` or ``sqlite:///...``; '' for ``goodsight.db`` in the folder.
        folder: the data folder.

    Raises:
        StoreError: the URL is wrong, the database cannot be reached, or it is newer than this version.

    """
    try:
        target = make_url(url or f"sqlite:///{(folder / 'goodsight.db').absolute()}")
    except ArgumentError as error:
        raise StoreError("`store`: not a database URL; use postgresql://user:password@host/name") from error
    if target.drivername in {"postgresql", "postgres"}:
        target = target.set(drivername="postgresql+psycopg")
    if target.drivername not in {"postgresql+psycopg", "sqlite"}:
        raise StoreError(f"`store`: {target.drivername} is not supported; use postgresql:// or sqlite:///")
    said = target.render_as_string(hide_password=True)
    if target.drivername == "sqlite":
        engine = create_engine(target, hide_parameters=True, connect_args={"timeout": 30, "check_same_thread": False})
        _make_durable(engine)
    else:
        engine = create_engine(target, hide_parameters=True, pool_size=10, pool_pre_ping=True, connect_args=_ALIVE)
    try:
        migrate(engine)
    except StoreError:
        engine.dispose()
        raise
    except SQLAlchemyError as error:
        engine.dispose()
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise StoreError(f"`store` {said}: {_without(reason, target.password)}") from error
    return engine


def _without(text: str, secret: Any) -> str:
    return text.replace(str(secret), "***") if secret else text


def _make_durable(engine: Engine) -> None:
    """A commit is on the disk when it returns, readers do not block, deleted content is overwritten."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # Taking the write lock at once means that what a transaction read still holds when it writes.
        only_reads = connection.get_execution_options().get("only_reads", False)
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")

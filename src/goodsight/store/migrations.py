"""Changes of the database, in order. Only ever append: a store of last year is brought up step by step."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, Engine, text

from goodsight.errors import StoreError

_LOCK = 7_465_676_573


def _first(run: Callable[[str], None]) -> None:
    run("CREATE TABLE photos (sha256 TEXT PRIMARY KEY, last_used DOUBLE PRECISION NOT NULL)")
    run("CREATE INDEX photos_last_used ON photos (last_used)")
    run(
        "CREATE TABLE checks (id TEXT PRIMARY KEY, time DOUBLE PRECISION NOT NULL, model TEXT NOT NULL, "
        "model_id TEXT NOT NULL, sha256 TEXT NOT NULL, declared TEXT NOT NULL, label TEXT NOT NULL, "
        "probability DOUBLE PRECISION NOT NULL, p_value DOUBLE PRECISION NOT NULL, verdict TEXT NOT NULL, "
        "reason TEXT NOT NULL, probabilities TEXT NOT NULL, client TEXT NOT NULL)"
    )
    run("CREATE INDEX checks_sha256 ON checks (sha256)")
    run(
        "CREATE TABLE queue (check_id TEXT PRIMARY KEY, place DOUBLE PRECISION NOT NULL, contested INTEGER NOT NULL, "
        "note TEXT NOT NULL, appealed_by TEXT NOT NULL, appealed DOUBLE PRECISION, wanted INTEGER NOT NULL, "
        "given INTEGER NOT NULL, claimed_by TEXT NOT NULL, claimed_until DOUBLE PRECISION NOT NULL)"
    )
    run("CREATE INDEX queue_order ON queue (contested DESC, place)")
    run(
        "CREATE TABLE skips (check_id TEXT NOT NULL, reviewer TEXT NOT NULL, until DOUBLE PRECISION NOT NULL, "
        "PRIMARY KEY (check_id, reviewer))"
    )
    run(
        "CREATE TABLE decisions (id TEXT PRIMARY KEY, check_id TEXT NOT NULL, reviewer TEXT NOT NULL, "
        "decision TEXT NOT NULL, time DOUBLE PRECISION NOT NULL, undone DOUBLE PRECISION)"
    )
    run("CREATE INDEX decisions_check ON decisions (check_id)")
    run("CREATE TABLE deleted (check_id TEXT PRIMARY KEY, time DOUBLE PRECISION NOT NULL)")


def _second(run: Callable[[str], None]) -> None:
    run("ALTER TABLE checks ADD COLUMN seller TEXT NOT NULL DEFAULT ''")


def _attributes(run: Callable[[str], None]) -> None:
    """A check of a model of several attributes has an answer for each."""
    run("ALTER TABLE checks ADD COLUMN attribute TEXT NOT NULL DEFAULT ''")
    run("ALTER TABLE checks ADD COLUMN part_of TEXT NOT NULL DEFAULT ''")
    run("CREATE INDEX checks_part_of ON checks (part_of) WHERE part_of <> ''")


def _shared(run: Callable[[str], None]) -> None:
    """What several processes share beside answers: keys, and what is left of a token's requests."""
    run("CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
    run(
        "CREATE TABLE allowances (name TEXT PRIMARY KEY, level DOUBLE PRECISION NOT NULL, "
        "since DOUBLE PRECISION NOT NULL)"
    )


def _seen_before(run: Callable[[str], None]) -> None:
    run("ALTER TABLE checks ADD COLUMN ad TEXT NOT NULL DEFAULT ''")
    run("CREATE TABLE numbered (name TEXT PRIMARY KEY, last BIGINT NOT NULL)")
    run("INSERT INTO numbered (name, last) VALUES ('imprints', 0), ('blocked', 0)")
    # SQLite does not know BYTEA, and keeps bytes as they are in a column of any type.
    columns = "number BIGINT PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, sketch BYTEA NOT NULL, picture BYTEA NOT NULL"
    run(f"CREATE TABLE imprints ({columns})")
    run(
        'CREATE TABLE repeats (sha256 TEXT NOT NULL, "of" TEXT NOT NULL, time DOUBLE PRECISION NOT NULL, '
        'PRIMARY KEY (sha256, "of"))'
    )
    run('CREATE INDEX repeats_of ON repeats ("of")')
    run("CREATE INDEX repeats_time ON repeats (time)")
    run(f"CREATE TABLE blocked ({columns}, name TEXT NOT NULL, reason TEXT NOT NULL, time DOUBLE PRECISION NOT NULL)")


def _log(run: Callable[[str], None]) -> None:
    run("INSERT INTO numbered (name, last) VALUES ('log', 0)")
    run(
        "CREATE TABLE log (number BIGINT PRIMARY KEY, time DOUBLE PRECISION NOT NULL, who TEXT NOT NULL, "
        "what TEXT NOT NULL, about TEXT NOT NULL, detail TEXT NOT NULL)"
    )


def _outbox(run: Callable[[str], None]) -> None:
    run("INSERT INTO numbered (name, last) VALUES ('outbox', 0)")
    run(
        "CREATE TABLE outbox (number BIGINT PRIMARY KEY, url TEXT NOT NULL, time DOUBLE PRECISION NOT NULL, "
        "body TEXT NOT NULL, tries INTEGER NOT NULL, due DOUBLE PRECISION NOT NULL)"
    )
    run("CREATE INDEX outbox_due ON outbox (due)")


def _policies(run: Callable[[str], None]) -> None:
    """Which policy decided an answer, and what is to be done with it; '' for those of before."""
    run("ALTER TABLE checks ADD COLUMN policy TEXT NOT NULL DEFAULT ''")
    run("ALTER TABLE checks ADD COLUMN action TEXT NOT NULL DEFAULT ''")


def _by_time(run: Callable[[str], None]) -> None:
    """The newest answers about a photo are read without the others, also where the same bytes are posted all day."""
    run("CREATE INDEX checks_sha256_time ON checks (sha256, time)")
    run("DROP INDEX checks_sha256")


def _since(run: Callable[[str], None]) -> None:
    """A photo that was forgotten and is posted again is a new one: the checks of before are not named."""
    run("ALTER TABLE imprints ADD COLUMN since DOUBLE PRECISION NOT NULL DEFAULT 0")


MIGRATIONS: tuple[Callable[[Callable[[str], None]], None], ...] = (
    _first,
    _second,
    _attributes,
    _shared,
    _seen_before,
    _log,
    _outbox,
    _policies,
    _by_time,
    _since,
)


def migrate(engine: Engine) -> None:
    """Bring a database up to date; each step and its record are one transaction.

    Raises:
        StoreError: the database was written by a newer version.

    """
    for number, step in enumerate(MIGRATIONS, start=1):
        with engine.begin() as connection:
            version = _version(connection)
            if version > len(MIGRATIONS):
                raise StoreError(
                    f"`store`: the database has schema {version}, newer than this Goodsight knows "
                    f"({len(MIGRATIONS)}); upgrade goodsight"
                )
            if version < number:
                step(lambda statement, on=connection: _run(on, statement))  # type: ignore[misc]
                connection.execute(text("INSERT INTO schema_version (version) VALUES (:v)"), {"v": number})


def _run(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


def _version(connection: Connection) -> int:
    if connection.dialect.name == "postgresql":  # SQLite's write transactions exclude each other by themselves
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    connection.execute(text("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)"))
    return int(connection.execute(text("SELECT COALESCE(MAX(version), 0) FROM schema_version")).scalar_one())

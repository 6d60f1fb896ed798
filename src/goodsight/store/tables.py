"""The tables, for queries. What creates and changes them is in :mod:`goodsight.store.migrations`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

photos = Table(
    "photos",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("last_used", Double),  # unix seconds of its newest check
)
checks = Table(
    "checks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("time", Double),
    Column("model", Text),
    Column("model_id", Text),
    Column("sha256", Text),
    Column("declared", Text),
    Column("label", Text),
    Column("probability", Double),
    Column("p_value", Double),
    Column("verdict", Text),
    Column("reason", Text),
    Column("probabilities", Text),  # a JSON object
    Column("client", Text),
    Column("seller", Text),
    Column("attribute", Text),  # '' for the only one of its model
    Column("part_of", Text),  # id of the check with an answer for each of several attributes; else ''
    Column("ad", Text),
    Column("policy", Text),  # '' for the model's own way
    Column("action", Text),  # accept, refuse or review; '' for answers of before there were policies
)
queue = Table(
    "queue",
    metadata,
    Column("check_id", Text, primary_key=True),
    Column("place", Double),  # low comes first
    Column("contested", Integer),
    Column("note", Text),
    Column("appealed_by", Text),
    Column("appealed", Double),
    Column("wanted", Integer),  # opinions that are asked for
    Column("given", Integer),  # opinions that people gave
    Column("claimed_by", Text),
    Column("claimed_until", Double),
)
skips = Table(
    "skips",
    metadata,
    Column("check_id", Text, primary_key=True),
    Column("reviewer", Text, primary_key=True),
    Column("until", Double),
)
decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("check_id", Text),
    Column("reviewer", Text),
    Column("decision", Text),
    Column("time", Double),
    Column("undone", Double),
)
deleted = Table(
    "deleted",
    metadata,
    Column("check_id", Text, primary_key=True),
    Column("time", Double),
)
secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text),
)
allowances = Table(
    "allowances",
    metadata,
    Column("name", Text, primary_key=True),
    Column("level", Double),  # requests that are left
    Column("since", Double),  # unix seconds when that was so
)
imprints = Table(
    "imprints",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("sha256", Text),
    Column("sketch", LargeBinary),  # float16 (256,)
    Column("picture", LargeBinary),  # uint8 (64, 64, 3)
    Column("since", Double),  # unix seconds from which on checks of it are known: none of before it was forgotten
)
repeats = Table(
    "repeats",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("of", Text, primary_key=True),  # sha256 of a photo that was there before, of which it is a near copy
    Column("time", Double),
)
blocked = Table(
    "blocked",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("sha256", Text),
    Column("sketch", LargeBinary),
    Column("picture", LargeBinary),
    Column("name", Text),
    Column("reason", Text),
    Column("time", Double),
)
log = Table(
    "log",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("time", Double),
    Column("who", Text),
    Column("what", Text),
    Column("about", Text),
    Column("detail", Text),
)
outbox = Table(
    "outbox",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("url", Text),
    Column("time", Double),
    Column("body", Text),  # a JSON object
    Column("tries", Integer),
    Column("due", Double),  # unix seconds from which on it may be tried (again)
)
numbered = Table(
    "numbered",
    metadata,
    Column("name", Text, primary_key=True),  # of a table
    Column("last", BigInteger),  # number that was given in it
)

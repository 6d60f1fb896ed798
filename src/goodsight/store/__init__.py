"""What the service keeps: answers, photos, appeals, and what people decided. SQLite or PostgreSQL, and a folder."""

from goodsight.store.imprints import Blocked, Imprint, Imprints, Posted
from goodsight.store.log import Line, Log, Note
from goodsight.store.outbox import Message, News, Outbox
from goodsight.store.queue import Checked, Decision, QueueStatistics, Review
from goodsight.store.store import Appeal, Store

__all__ = [
    "Appeal",
    "Blocked",
    "Checked",
    "Decision",
    "Imprint",
    "Imprints",
    "Line",
    "Log",
    "Message",
    "News",
    "Note",
    "Outbox",
    "Posted",
    "QueueStatistics",
    "Review",
    "Store",
]

"""Photos that nobody may post: put on the list by an operator, and known again by the running service."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

from goodsight.photos import decoder
from goodsight.photos.limits import Limits
from goodsight.serve.looker import Looker
from goodsight.store import Note, Store

_WHO = "command line"


def block(store: Store, data: bytes, name: str, reason: str, limits: Limits) -> None:
    """Block a photo and its near copies; one that is blocked already gets the new name and reason.

    Args:
        store: where it is noted.
        data: the photo's bytes.
        name: what it is called in the list.
        reason: why; who posts it is told.
        limits: on bytes and pixels.

    Raises:
        BadPhoto: the photo cannot be used.

    """
    looker = _looker()
    imprint = looker.of_pixels(hashlib.sha256(data).hexdigest(), decoder.decode(data, looker.backbone.resize, limits))
    store.imprints.block(imprint, name, reason, Note(_WHO, "blocked", imprint.sha256, reason))


def unblock(store: Store, number: int) -> None:
    """Let a photo in again.

    Raises:
        NotFoundError: it is not on the list.

    """
    store.imprints.unblock(number, Note(_WHO, "unblocked", str(number)))


def lines(store: Store) -> Iterator[str]:
    """The list, a photo a line: its number, when it was blocked, what it was called, and why."""
    for one in store.imprints.blocked():
        when = datetime.fromtimestamp(one.time, UTC).strftime("%Y-%m-%d %H:%M")
        yield f"{one.number}  {when}  {one.name}  {one.reason}"


@cache
def _looker() -> Looker:
    """One network for all photos of a command."""
    return Looker()

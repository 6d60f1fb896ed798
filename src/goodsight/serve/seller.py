"""Whose photo it is, as a client says it: an id or a name."""

from __future__ import annotations

from goodsight.serve.problems import Problem
from goodsight.serve.texts import strange

MOST = 200
"""Characters."""
MEANING = f"Whose photo it is, an id or a name of at most {MOST} characters: the group of the photo in an export."


def seller_from(text: str, where: str = "seller") -> str:
    """The seller without outer blanks; '' where nobody said.

    Args:
        text: that names the seller.
        where: it stands in the request, for messages.

    Raises:
        Problem: 422: it is too long, or has characters that no name has and no database keeps.

    """
    seller = text.strip()
    if len(seller) > MOST:
        raise Problem(422, f"{where} {seller[:100]!r}...: has {len(seller)} characters; at most {MOST} are kept")
    if said := strange(seller):
        raise Problem(422, f"{where} {seller[:100]!a}: has {said} in it; send an id or a name on one line")
    return seller

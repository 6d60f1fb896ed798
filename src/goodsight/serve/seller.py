"""Whose photo it is and in which ad, as a client says it: ids or names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from goodsight.serve.problems import Problem
from goodsight.serve.texts import strange

MOST = 200
"""Characters."""
MEANING = f"Whose photo it is, an id or a name of at most {MOST} characters: the group of the photo in an export."

AD = f"The ad that the photo is posted in, an id or a name of at most {MOST} characters."


@dataclass(frozen=True)
class Post:
    """Whose photo it is, and the ad that it is posted in; '' where nobody said."""

    seller: str = ""
    ad: str = ""


def post_from(fields: Mapping[str, str]) -> Post:
    """What the fields ``seller`` and ``ad`` say.

    Raises:
        Problem: 422, as :func:`seller_from`.

    """
    return Post(seller_from(fields.get("seller", "")), seller_from(fields.get("ad", ""), "ad"))


def seller_from(text: str, where: str = "seller") -> str:
    """The seller, or the ad, without outer blanks; '' where nobody said.

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

"""What a prediction becomes when it is kept: an answer for each attribute that was asked about, under one id."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from goodsight.model.record import Judge
from goodsight.model.rules import Ruled
from goodsight.model.verdicts import Prediction
from goodsight.serve.memory import Memories, Sighting
from goodsight.serve.models import Served
from goodsight.serve.seller import Post
from goodsight.store import Checked

WORST_FIRST = ("blocked", "off-topic", "mismatch", "unsure", "sure", "match")
STRICTEST_FIRST = ("refuse", "review", "accept")


@dataclass(frozen=True)
class Asking:
    """Who asks, and whose photo in which ad they ask about."""

    client: str
    post: Post


@dataclass(frozen=True)
class Answered:
    """What was answered about a photo, and kept.

    Attributes:
        id: of the check.
        checked: the answer of each attribute that was asked about.
        prediction: that they were made of.
        seen: earlier checks of the same photo or a near copy, the likest first.

    """

    id: str
    checked: tuple[Checked, ...]
    prediction: Prediction
    seen: tuple[Sighting, ...] = ()

    @property
    def verdict(self) -> str:
        """The worst of all verdicts."""
        return min((one.verdict for one in self.checked), key=WORST_FIRST.index)

    @property
    def action(self) -> str:
        """The strictest of what is to be done about each."""
        return min((one.action for one in self.checked), key=STRICTEST_FIRST.index)

    @property
    def reason(self) -> str:
        """Why it is the worst, of each attribute that is not well."""
        whole = {one.reason for one in self.checked}
        if len(whole) == 1:
            return whole.pop()
        return "; ".join(f"{one.attribute}: {one.reason}" for one in self.checked if one.reason)


def digest(data: bytes) -> str:
    """What a photo is known by: the sha256 of its bytes."""
    return hashlib.sha256(data).hexdigest()


def of(
    served: Served,
    sha256: str,
    prediction: Prediction,
    found: Sequence[Ruled],
    asking: Asking,
    known: Memories,
) -> Answered:
    """What is kept of a photo.

    Args:
        served: what answered.
        sha256: of the photo's bytes.
        prediction: of the photo.
        found: the answers that were asked for.
        asking: who asks.
        known: of the photo; one that is blocked has no other verdict.

    """
    judges = {judge.attribute.name: judge for judge in served.model.judges}
    # What all answers of a photo have in common.
    id, now = uuid.uuid4().hex, time.time()
    post = asking.post
    nothing = Checked(id, now, served.name, served.model_id, sha256, "", "", 0.0, 1.0, "", "", {}, asking.client)
    whole = replace(nothing, seller=post.seller, ad=post.ad)
    checked = [_checked(whole, served, judges[one.answer.attribute.name], one) for one in found]
    if known.blocked:
        checked = [replace(one, verdict="blocked", reason=known.blocked, policy="", action="refuse") for one in checked]
    return Answered(id, tuple(checked), prediction, known.seen)


def _checked(whole: Checked, served: Served, judge: Judge, ruled: Ruled) -> Checked:
    """What is kept of one answer."""
    attribute, answer, check = served.attribute(judge), ruled.answer, ruled.check
    # Without other attributes a tag that does not hold has no label: "no" to what, nobody could tell.
    label = answer.label if attribute else answer.given or "-"
    return replace(
        whole,
        id=uuid.uuid4().hex if attribute else whole.id,
        part_of=whole.id if attribute else "",
        attribute=attribute,
        declared=check.declared if check else "",
        label=answer.label if check else label,
        probability=answer.probability,
        p_value=check.p_value if check else 1.0,
        verdict=check.verdict if check else answer.verdict,
        reason=check.reason if check else answer.reason,
        policy=ruled.policy,
        action=ruled.action,
        probabilities=dict(zip(judge.classes, answer.probabilities.tolist(), strict=True)),
    )

"""What an audit found: one finding per photo and kind of fault, and the order in which a person should look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goodsight.catalog.replay import Replayed
from goodsight.catalog.rows import Attribute, Row, in_words
from goodsight.display import Tabular
from goodsight.photos.limits import Limits

KINDS: Mapping[str, str] = {
    "unreadable": "cannot be used at all",
    "exact twin": "the same file, byte for byte",
    "near twin": "the same picture, re-saved, cropped, turned, mirrored or written on",
    "twins with different labels": "the same picture under two labels: one of them is wrong",
    "mislabelled": "looks like another label",
    "off-topic": "looks like none of its label's photos",
    "blurry": "no sharp edge anywhere",
    "dark": "too dark to see much",
    "overexposed": "most of it is burnt out",
    "nearly empty": "hardly anything on it",
    "tiny": "too few pixels",
    "odd shape": "much longer than wide, or wider than long",
}
"""Every kind of finding, in the order of the report, with what it means."""

WORTH = 0.2
"""The chance from which on a photo is worth a look."""
SURE = 0.5
"""The chance from which on a photo is found to be mislabelled or off-topic."""


@dataclass(frozen=True)
class Finding:
    """One thing that may be wrong with one photo.

    Attributes:
        row: the photo.
        kind: a key of :data:`KINDS`.
        score: 0 to 1; low is bad.
        evidence: what speaks for it, in words.
        suggestion: ``drop``, ``relabel`` or ``look``.
        label: the suggested label, with ``relabel``.
        other: the twin, for the kinds about twins.
        attribute: whose label it is about, where photos have several attributes.

    """

    row: Row
    kind: str
    score: float
    evidence: str
    suggestion: str
    label: str = ""
    other: Row | None = None
    attribute: str = ""


@dataclass(frozen=True)
class Suspect:
    """A photo in the order of looking: the chance (0 to 1) that its label or topic is wrong, and all reasons."""

    row: Row
    sha256: str
    chance: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Audit(Tabular):
    """What an audit found.

    Attributes:
        source: where the photos came from.
        classes: the labels of each attribute.
        findings: one per photo and kind, worst first within a kind.
        review: every photo that could be read, the most suspicious first.
        left_out: names of rows that were not looked at, and why.
        notes: what else should be known of the photos, such as an empty class folder.
        limits: on bytes and pixels of a photo.
        ledger: what people had decided before; None when nothing was given.
        timings: (step, seconds) in order.

    """

    source: str
    classes: Mapping[Attribute, tuple[str, ...]]
    findings: tuple[Finding, ...]
    review: tuple[Suspect, ...]
    left_out: Sequence[tuple[str, str]]
    limits: Limits
    ledger: Replayed | None = None
    timings: Sequence[tuple[str, float]] = field(default_factory=list)
    notes: Sequence[tuple[str, str]] = ()

    def summary(self) -> str:
        """How many photos are worth looking at, and how many findings there are of each kind."""
        kinds = Counter(finding.kind for finding in self.findings)
        look = f"{len(self.review)} photos of {self.source}, {self.worth()} worth a look"
        found = ", ".join(f"{kind}: {count}" for kind, count in kinds.items())
        return f"{look}\n{found}" if found else look

    def records(self) -> list[dict[str, Any]]:
        """One record for each photo that could be read, the most suspicious first."""
        return [
            {"file_name": each.row.file_name, "rank": rank, "chance": each.chance}
            | {"label": self.said(each.row), "reasons": "; ".join(each.reasons)}
            for rank, each in enumerate(self.review, 1)
        ]

    def said(self, row: Row) -> str:
        """The labels of a photo in one phrase."""
        return in_words(row.labels, tuple(self.classes))

    def expected(self, first: int) -> float:
        """How many of the first photos of the review are expected to be wrong."""
        return sum(suspect.chance for suspect in self.review[:first])

    def worth(self, chance: float = WORTH) -> int:
        """How many photos are worth looking at: those with at least this chance of being wrong."""
        return sum(suspect.chance >= chance for suspect in self.review)

    def of(self, kind: str) -> list[Finding]:
        """The findings of one kind, worst first."""
        return [finding for finding in self.findings if finding.kind == kind]

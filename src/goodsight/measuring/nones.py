"""Photos that show none of the classes as an answer of its own: which are taken for a class, and what is kept for it.

Where most photos show nothing of interest, one accuracy over all says little. So the two errors are told apart: how
many photos of a brand get that brand, and how many photos without one get none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from goodsight.arrays import Bools, Ints


@dataclass(frozen=True)
class Nones:
    """How a model does on photos with and without a brand.

    Attributes:
        recall: share of the photos without a brand that get none; NaN where there are no such photos.
        right: share of the photos of a brand that get that brand; NaN likewise.
        missed: share of the photos of a brand that get none.
        confused: share of the photos of a brand that get another one.
        photos: photos of a brand.
        without: photos without.

    """

    recall: float
    right: float
    missed: float
    confused: float
    photos: int
    without: int

    def to_json(self) -> dict[str, Any]:
        """The fields as a JSON object, with null for what cannot be told."""
        return {key: None if value != value else value for key, value in asdict(self).items()}


def of_answers(labels: Ints, answers: Ints, none: int) -> Nones:
    """How well photos with and without a brand are told, from class numbers (n,) and answers (n,)."""
    brand = labels != none
    said, wanted = answers[brand], labels[brand]
    return Nones(
        _share(answers[~brand] == none),
        _share(said == wanted),
        _share(said == none),
        _share((said != wanted) & (said != none)),
        int(brand.sum()),
        int((~brand).sum()),
    )


def _share(found: Bools) -> float:
    return float(found.mean()) if len(found) else float("nan")

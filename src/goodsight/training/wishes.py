"""What a user wants of a model, whatever network it has."""

from __future__ import annotations

from dataclasses import dataclass

from goodsight.errors import require_at_least, require_between


@dataclass(frozen=True)
class Wishes:
    """What is promised about the answers, and how much time choosing and trying may take.

    Attributes:
        precision: the share of right answers among photos that no person looks at.
        alpha: the share of honest photos that may be flagged as a mismatch, per class.
        off_topic_alpha: the share of honest photos that may be called off-topic.
        budget: seconds for comparing heads, and as many again for training the best of each kind.
        spoilt: how many photos the report's robustness card tries, each in 18 ways; 0 for no card; None for as many
            photos and ways as take about a tenth of the training's time.

    Raises:
        GoodsightError: a number is out of its range.

    """

    precision: float = 0.99
    alpha: float = 0.05
    off_topic_alpha: float = 0.01
    budget: float = 60.0
    spoilt: int | None = None

    def __post_init__(self) -> None:
        require_between(0.5, 1.0, precision=self.precision)
        require_between(0.0, 0.5, alpha=self.alpha, off_topic_alpha=self.off_topic_alpha)
        require_at_least(0, budget=self.budget, spoilt=self.spoilt or 0)

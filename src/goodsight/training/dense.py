"""The last blocks of Lite0 as a classifier of every place: of crops while it is trained, of whole photos in the end.

A place is answered for by the network's own maps, so one pass over a photo looks at all its places, where tiles would
each be run alone. A photo shows the brand of its surest place: several-instance learning with the maximum, as in
Dietterich et al. 1997. Where boxes say which place that is, it is learnt; else the surest places teach themselves, ever
more sharply as training goes on (as in Ilse et al. 2018, with the odds as attention).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from goodsight.training.crops import Kind
from goodsight.training.tail import Convolutional, Tail

SHAPE = 4
"""Numbers that tell a box; see :class:`goodsight.training.crops.Crop`."""
_HARD = 0.25
"""The share of places without a logo that is learnt from: the worst."""
_BOX_WEIGHT = 0.1
_FAR = -1e4


class Dense(Tail):
    """Maps (n, 112, side, side) to what is said of every place (n, places, classes + 4), while it is trained.

    Otherwise to scores of the photos (n, classes).
    """

    def __init__(self, lite0: Any, side: int, classes: int, none: int, bf16: bool) -> None:
        """See :class:`goodsight.training.tail.Tail`; ``none`` is the class that is no brand."""
        super().__init__(lite0, side, classes + SHAPE, bf16)
        self._none, self.sharpness = none, 0.0
        with torch.no_grad():
            self.last.bias[none] = 2.0

    def forward(self, maps: Tensor) -> Tensor:
        """What is said of each place, or scores."""
        n = len(maps)
        x = maps.to(self._type).flatten(2).transpose(0, 1).contiguous()
        for block in self.blocks:
            x = block(x)
        seen = self.drop(self.head(x.flatten(1)).clamp(0, 6).T)
        said = functional.linear(seen, self.last.weight.to(seen.dtype)).float().view(n, -1, self.last.out_features)
        said = said + self.last.bias
        return said if self.training else scores(odds(said[..., :-SHAPE]), self._none, 0.0)

    def cost(self, said: Tensor, target: Tensor, smoothing: float) -> Tensor:
        """The loss of a batch, places with a logo, the worst of those without, and boxes.

        Args:
            said: (n, places, classes + 4).
            target: (n, places, 6): kind, class and box.
            smoothing: share of each label that is spread over all classes.

        """
        kinds, own, boxes = target[..., 0].long(), target[..., 1].long(), target[..., 2:]
        spread = functional.log_softmax(said[..., :-SHAPE], dim=-1)
        wrong = -(1 - smoothing) * spread.gather(2, own[..., None])[..., 0] - smoothing * spread.mean(2)
        logo = (kinds == Kind.LOGO).float()
        # A large logo covers many places; they count less than as many logos.
        weight = logo / logo.sum(1, keepdim=True).clamp(min=1).sqrt()
        weight = weight + self._attention(said[..., :-SHAPE], kinds, own)
        loss = (weight * wrong).sum() / weight.sum().clamp(min=1)
        empty = -spread[..., self._none][kinds == Kind.NONE]
        if len(empty):
            loss = loss + empty.topk(max(1, int(len(empty) * _HARD)))[0].mean()
        off = functional.smooth_l1_loss(said[..., -SHAPE:], boxes, beta=0.2, reduction="none").mean(2)
        return torch.as_tensor(loss + _BOX_WEIGHT * (off * logo).sum() / logo.sum().clamp(min=1))

    def _attention(self, said: Tensor, kinds: Tensor, own: Tensor) -> Tensor:
        """How much each place of a crop that shows its logo somewhere is learnt from; 1 in all of a crop."""
        somewhere = kinds == Kind.SOMEWHERE
        sure = (said.gather(2, own[..., None])[..., 0] - said[..., self._none]).detach() * self.sharpness
        attention = functional.softmax(sure.masked_fill(~somewhere, _FAR), dim=1)
        return attention * somewhere


class Placed(Convolutional):
    """A trained :class:`Dense` as convolutions: maps of any side to the features of each place."""

    def seen(self, maps: Tensor) -> Tensor:
        """The features of each place (n, 1280, side / 2, side / 2)."""
        for block in self.blocks:
            maps, _ = block(maps)
        return functional.relu6(self.norm(self.head(maps)))


def odds(said: Tensor) -> Tensor:
    """The log odds of each class against all others, over the last axis, without a difference of near numbers."""
    two = said.topk(2, dim=-1)[0]
    best, second = two[..., :1], two[..., 1:]
    # Not `said == best`: an engine may compute the two sides apart, and its rounding then loses the best class. And
    # not torch.logsumexp: OpenVINO's ReduceLogSumExp over the last axis was wrong by several units.
    is_best = said > (best + second) / 2
    rest = torch.exp(said.masked_fill(is_best, _FAR) - second)
    beside_best = second + torch.log(rest.sum(-1, keepdim=True).clamp(min=1))
    shares = torch.exp(said - best)
    beside = best + torch.log((shares.sum(-1, keepdim=True) - shares).clamp(min=1))
    return said - torch.where(is_best, beside_best, beside)


def scores(places: Tensor, none: int, threshold: float) -> Tensor:
    """Scores (n, classes) of photos from the odds of their places (n, places, classes); ``none`` has a fixed one."""
    best = places.amax(1)
    fixed = torch.arange(best.shape[1], device=best.device) == none
    return torch.where(fixed, torch.full_like(best, threshold), best)

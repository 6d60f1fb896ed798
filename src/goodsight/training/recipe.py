"""How a network is trained here, on what, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Ints
from goodsight.backbones.backbone import Backbone
from goodsight.catalog.rows import NONE, Row
from goodsight.errors import EngineError, did_you_mean, require_at_least, require_between
from goodsight.photos.limits import Limits

SCRATCH = {"adnet": 64, "lenet5": 32, "smallervgg": 96, "logonet": 224, "compact": 48}
"""Networks that start from nothing, and the side of the square each looks at when the user says nothing, in pixels."""
LITE0, TUNED, BRANDS = "lite0", "lite0:tuned", "brands"
NAMED = (LITE0, TUNED, BRANDS, *SCRATCH)
"""Networks that have a name of their own; beside them are ``hf:NAME`` and paths to .onnx files."""


@dataclass(frozen=True)
class Recipe:
    """Which network embeds the photos, and how it is trained if it is trained here: ``network`` alone names the road.

    Attributes:
        network: ``lite0``, ``hf:NAME`` or an .onnx file, used as they are; ``lite0:tuned``, whose last blocks are
            trained for these photos; ``brands``, which is trained to find logos; or a name of :data:`SCRATCH`, trained
            here from nothing.
        size: side of the square that the network looks at, in pixels; 0 for its own.
        views: 1, or 2 to look closely at the centre as well: twice the time, better for many alike classes; 0 takes 2
            from 20 classes on, or with groups. For ``lite0`` and ``lite0:tuned``.
        epochs: passes over the training photos of a network that is trained here; 0 for its own number.
        distort: train it on blurred, dark and JPEG-damaged photos as well.
        device: "cpu", "cuda" or "mps" to train it on; '' for the best one there is.
        none_class: for ``brands`` the class that is no brand; '' for "none".
        none_recall: the share of the photos of that class that are to be answered with it.
        text: for ``brands``: read the words in photos as well, and keep to it if it helps; needs the extra ``text``.
        seed: of all that is random in its training.

    Raises:
        EngineError: an unknown network, or options that do not go together.
        GoodsightError: a number is out of its range.

    """

    network: str = LITE0
    size: int = 0
    views: int = 0
    epochs: int = 0
    distort: bool = False
    device: str = ""
    none_class: str = ""
    none_recall: float = 0.95
    text: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        name = self.network
        if name not in NAMED and not name.startswith("hf:") and not name.endswith(".onnx"):
            raise EngineError(
                f"`network` {name}: not known; use one of {', '.join(NAMED)}, hf:NAME or a path to an .onnx file."
                f"{did_you_mean(name, NAMED)}"
            )
        require_at_least(0, size=self.size, epochs=self.epochs, seed=self.seed)
        require_between(0.5, 1.0, none_recall=self.none_recall)
        if self.views not in (0, 1, 2):
            raise EngineError(f"`views` {self.views}: use 1, or 2 for the whole photo and its centre")
        if self.views == 2 and self.base != LITE0:
            raise EngineError(f"`views` 2: only for lite0, not for `network` {name}")
        brands, plain = name == BRANDS, Recipe.__dataclass_fields__
        for option, allowed, why in (
            ("epochs", self.trained_here, "only for a network that is trained here: lite0:tuned, brands, compact, ..."),
            ("distort", self.trained_here and not brands, "only for lite0:tuned and networks that start from nothing"),
            ("device", self.trained_here, "only for a network that is trained here: lite0:tuned, brands, compact, ..."),
            ("none_class", brands, f"only for `network` {BRANDS}"),
            ("none_recall", brands, f"only for `network` {BRANDS}"),
            ("text", brands, f"only for `network` {BRANDS}"),
        ):
            if not allowed and getattr(self, option) != plain[option].default:
                raise EngineError(f"`{option}`: {why}; leave it out with `network` {name}")

    @property
    def base(self) -> str:
        """The network that a road begins with: ``lite0`` for the tuned one."""
        return LITE0 if self.network == TUNED else self.network

    @property
    def trained_here(self) -> bool:
        """Whether the network itself is trained for these photos."""
        return self.network in (TUNED, BRANDS, *SCRATCH)

    @property
    def none(self) -> str:
        """The class that is no brand, '' for any network but the one that finds them."""
        return (self.none_class or NONE) if self.network == BRANDS else ""


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to: mean loss, log loss and accuracy on the validation fold, photos per second."""

    loss: float
    validation_log_loss: float
    validation_accuracy: float
    photos_per_second: float


@dataclass(frozen=True)
class WordGain:
    """What the words of photos come to, beside a network of brands.

    Attributes:
        weight: what a name that is read without a doubt adds to the log odds of its brand.
        without: share of the photos of a brand that are right without words, on folds that chose nothing.
        read: the same with them.
        low: the lower end of the 95 % interval of the difference.
        high: the upper end.

    """

    weight: float
    without: float
    read: float
    low: float
    high: float

    @property
    def gained(self) -> bool:
        """Whether words are worth reading."""
        return self.low > 0


@dataclass(frozen=True)
class TrainingSet:
    """What is trained on.

    Attributes:
        rows: the photos (n).
        labels: class numbers (n,).
        groups: twin groups (n,); none is ever on both sides.
        limits: on bytes and pixels of a photo.
        none: the number of the class that is no brand, -1 where all classes are alike.
        names: of the classes, as words in photos may name them; '' for the class that is no brand.
        cached: words that were read are kept for the next time.

    """

    rows: tuple[Row, ...]
    labels: Ints
    groups: Ints
    limits: Limits
    none: int = -1
    names: tuple[str, ...] = ()
    cached: bool = False


@dataclass(frozen=True)
class Trained:
    """A network that was trained here.

    Attributes:
        backbone: its ONNX file and rules; the block ``classes`` of the embedding holds the network's own scores.
        witness: the same network, or a member of it, that has not seen the photos ``watched``.
        watched: indices of photos.
        folds: number of the training (n,) that did not see each photo.
        scores: of each photo (n, classes), from a training that did not see it; NaN where there is none.
        history: what each epoch came to, by the name of the training.
        samples: augmented photos (k, side, side, 3), for the report.
        words: what the words in photos gain, None where they were not read.

    """

    backbone: Backbone
    witness: Backbone
    watched: Ints
    folds: Ints
    scores: npt.NDArray[np.float32]
    history: Mapping[str, tuple[Epoch, ...]]
    samples: npt.NDArray[np.uint8]
    words: WordGain | None = None

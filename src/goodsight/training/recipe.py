"""How a network is trained here, on what, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Ints
from goodsight.backbones.backbone import Backbone
from goodsight.catalog.rows import Row
from goodsight.errors import EngineError, did_you_mean
from goodsight.photos.limits import Limits

SCRATCH = {"adnet": 64, "lenet5": 32, "smallervgg": 96, "logonet": 224, "compact": 48}
"""Networks that start from nothing, and the side of the square each looks at when the user says nothing, in pixels."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        network: a name of :data:`SCRATCH`, or ``lite0`` to fine-tune it.
        size: side of the square that the network looks at, in pixels; 0 for its own.
        views: for fine-tuning on a CPU: 1, 2 to look at the centre as well, or 0 for what the number of classes asks.
        epochs: passes over the training photos; 0 for the recipe's own.
        distort: train on blurred, dark and JPEG-damaged photos as well.
        device: "cpu", "cuda" or "mps"; '' for the best one there is.
        none: the class that is no brand, to train a network that finds logos; '' for any other network.
        none_recall: the share of the photos of that class that are to be answered with it.
        seed: of all that is random.

    """

    network: str
    size: int = 0
    views: int = 0
    epochs: int = 0
    distort: bool = False
    device: str = ""
    none: str = ""
    none_recall: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to: mean loss, log loss and accuracy on the validation fold, photos per second."""

    loss: float
    validation_log_loss: float
    validation_accuracy: float
    photos_per_second: float


@dataclass(frozen=True)
class Photos:
    """What is trained on.

    Attributes:
        rows: the photos (n).
        labels: class numbers (n,).
        groups: twin groups (n,); none is ever on both sides.
        limits: on bytes and pixels of a photo.
        none: the number of the class that is no brand, -1 where all classes are alike.

    """

    rows: tuple[Row, ...]
    labels: Ints
    groups: Ints
    limits: Limits
    none: int = -1


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

    """

    backbone: Backbone
    witness: Backbone
    watched: Ints
    folds: Ints
    scores: npt.NDArray[np.float32]
    history: Mapping[str, tuple[Epoch, ...]]
    samples: npt.NDArray[np.uint8]


def wanted(recipe: Recipe, *, finetune: bool) -> Recipe | None:
    """The recipe if the network it names is to be trained here, or None when it is used as it is.

    Raises:
        EngineError: an unknown network, or options that do not go together.

    """
    known, name = ("lite0", *SCRATCH), recipe.network
    if name not in known and not name.startswith("hf:") and not name.endswith(".onnx"):
        raise EngineError(
            f"--network {name}: not known; use one of {', '.join(known)}, hf:NAME or a path to an .onnx file."
            f"{did_you_mean(name, known)}"
        )
    if finetune and recipe.network != "lite0":
        raise EngineError(f"--finetune starts from lite0; leave --network {recipe.network} out")
    if recipe.network in SCRATCH and recipe.views == 2:
        raise EngineError(f"--views 2: only for lite0, not for --network {recipe.network}")
    if recipe.none:
        _require_brands(recipe, finetune=finetune)
    elif recipe.none_recall != Recipe.none_recall:
        raise EngineError("--none-recall: only for brands, which --none and --none-class train; leave it out")
    if finetune or recipe.network in SCRATCH or recipe.none:
        return recipe
    for option, given in (("--epochs", recipe.epochs), ("--distort", recipe.distort), ("--device", recipe.device)):
        if given:
            raise EngineError(f"{option}: only for a network that is trained here: --finetune or --network NAME")
    return None


def _require_brands(recipe: Recipe, *, finetune: bool) -> None:
    for option, given in (
        ("--finetune", finetune),
        (f"--network {recipe.network}", recipe.network != "lite0"),
        (f"--views {recipe.views}", recipe.views),
        ("--distort", recipe.distort),
    ):
        if given:
            raise EngineError(f"{option}: not for brands, which --none and --none-class train; leave it out")

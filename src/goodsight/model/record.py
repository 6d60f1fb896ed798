"""All that turns embeddings into answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Ints, Vectors
from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import Engine
from goodsight.catalog.rows import LABEL, YES, Attribute
from goodsight.embedding.twins import ALIKE_ALONE, ALIKE_PIXELS, Fingerprints
from goodsight.errors import ModelError
from goodsight.heads.calibrate import p_values, softmax
from goodsight.heads.head import Head
from goodsight.heads.network import Network
from goodsight.heads.offtopic import OffTopic
from goodsight.heads.scaler import Scaler
from goodsight.photos.limits import DEFAULT_LIMITS, Limits


@dataclass(frozen=True)
class Model:
    """All that turns embeddings into answers for one attribute; :func:`load` adds the engine and the other attributes.

    What does not depend on the labels (backbone, off-topic scores, training photos, alphas) is the same in each model
    of a folder.

    Attributes:
        attribute: what the classes are classes of.
        scaler: standardises embeddings where they are compared with each other, whatever the head looks at.
        cut: for a tag, the probability of "yes" from which it is given.
        bias: for a tag, what is added to the score of "yes" after the temperature.
        none: the class that means "none of the others"; '' when there is none.
        calibration: per class, out-of-fold scores of its photos, sorted ascending.
        on_topic: on-topic scores of the training photos, sorted ascending.
        threshold: the probability from which answers are right with the wanted ``precision``.
        training: recognises training photos and their twins among photos to be scored.
        info: what else ``model.json`` says (metrics, catalog hash, versions).

    """

    classes: tuple[str, ...]
    backbone: Backbone
    scaler: Scaler
    head: Head
    off_topic: OffTopic
    temperature: float
    calibration: tuple[npt.NDArray[np.float32], ...]
    on_topic: npt.NDArray[np.float32]
    alpha: float
    off_topic_alpha: float
    precision: float
    threshold: float
    training: Fingerprints
    limits: Limits = DEFAULT_LIMITS
    info: Mapping[str, Any] = field(default_factory=dict)
    attribute: Attribute = LABEL
    cut: float = 0.5
    bias: float = 0.0
    none: str = ""

    @property
    def none_number(self) -> int | None:
        """The class number of :attr:`none`; None when there is none."""
        return self.classes.index(self.none) if self.none else None

    def given(self, probabilities: npt.NDArray[np.float64]) -> Ints:
        """The class number (n,) that is answered for probabilities (n, classes): the likeliest, or by a tag's cut."""
        if self.attribute.tag:
            return np.asarray(probabilities[:, self.classes.index(YES)] >= self.cut, np.int64)
        return np.asarray(probabilities.argmax(axis=1), np.int64)

    def probabilities(self, vectors: Vectors) -> npt.NDArray[np.float64]:
        """Calibrated probabilities (n, classes) of embeddings (n, width)."""
        return self.calibrated(self.head(vectors))

    def calibrated(self, scores: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Probabilities (n, classes) of scores (n, classes)."""
        if self.attribute.tag:
            scores = scores + self.temperature * self.bias * np.eye(len(self.classes))[self.classes.index(YES)]
        return softmax(scores, self.temperature)

    def p_values(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Conformal p-value of each class (n, classes): how usual the photo would be for that class."""
        pairs = zip(self.calibration, log_odds(probabilities).T, strict=True)
        return np.stack([p_values(known, new) for known, new in pairs], axis=1)

    @property
    def alike_pixels(self) -> float:
        """The correlation of thumbnails from which a photo is taken for a twin, if the embeddings agree as well."""
        trained = isinstance(self.head, Network) and self.backbone.columns("head") is None
        return ALIKE_ALONE if trained else ALIKE_PIXELS

    def on_topic_p(self, vectors: Vectors) -> npt.NDArray[np.float64]:
        """Conformal p-value (n,) of being a photo like the training photos, whatever its class."""
        return p_values(self.on_topic, self.off_topic(vectors))


@dataclass(frozen=True)
class LoadedModel:
    """A verified model folder and the engine that runs its network.

    Attributes:
        models: one for each attribute.
        engine: runs the network that they share.
        folder: where they are.
        combinations: of labels that were trained, one label of each attribute that is no tag; empty for one attribute.

    """

    models: tuple[Model, ...]
    engine: Engine
    folder: Path
    combinations: frozenset[tuple[str, ...]] = frozenset()

    @property
    def model(self) -> Model:
        """The model of the only attribute.

        Raises:
            ModelError: there are several.

        """
        if len(self.models) > 1:
            raise ModelError(
                f"{self.folder}: answers for {', '.join(model.attribute.name for model in self.models)}, and this is "
                "for models of one label; train one with a single --label"
            )
        return self.models[0]

    def only(self, attribute: str) -> LoadedModel:
        """The same with the model of one attribute.

        Raises:
            ModelError: it has no such attribute.

        """
        chosen = tuple(model for model in self.models if model.attribute.name == attribute)
        if not chosen:
            raise ModelError(f"{self.folder}: does not answer for {attribute!r} any more")
        return replace(self, models=chosen, combinations=frozenset())


def log_odds(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """ln(p / (1 - p)) of each probability: the conformity score, which keeps its order where p rounds to 1."""
    p = np.clip(probabilities, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(p) - np.log1p(-p), np.float32)

"""All that turns embeddings into answers: what is shared, and one judge for each attribute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from goodsight.arrays import Array, Doubles, Floats, Ints, Vectors
from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import Engine
from goodsight.catalog.rows import YES, Attribute
from goodsight.display import few
from goodsight.embedding.embedder import Embedder
from goodsight.embedding.filed import Embeddings
from goodsight.embedding.twins import ALIKE_ALONE, ALIKE_PIXELS, Fingerprints
from goodsight.errors import ModelError
from goodsight.heads.calibrate import p_values, softmax
from goodsight.heads.head import Head, scored
from goodsight.heads.offtopic import OffTopic
from goodsight.heads.scaler import Scaler
from goodsight.photos.limits import DEFAULT_LIMITS, Limits
from goodsight.progress import Progress, quiet


@dataclass(frozen=True)
class Judge:
    """What turns embeddings into the answers of one attribute.

    Attributes:
        attribute: what the classes are classes of.
        classes: their names.
        head: scores embeddings.
        temperature: that scores are divided by.
        calibration: per class, out-of-fold scores of its photos, sorted ascending.
        threshold: the probability from which answers are right with the wanted precision; infinity for none.
        cut: for a tag, the probability of "yes" from which it is given.
        bias: for a tag, what is added to the score of "yes" after the temperature.
        none: the class that means "none of the others"; '' when there is none.

    """

    attribute: Attribute
    classes: tuple[str, ...]
    head: Head
    temperature: float
    calibration: tuple[Array, ...] = ()
    threshold: float = float("inf")
    cut: float = 0.5
    bias: float = 0.0
    none: str = ""

    def __repr__(self) -> str:
        return f"Judge({self.attribute.name}: {few(self.classes)})"

    @property
    def none_number(self) -> int | None:
        """The class number of :attr:`none`; None when there is none."""
        return self.classes.index(self.none) if self.none else None

    @property
    def yes(self) -> int | None:
        """The class number of a tag's "yes"; None for any other attribute."""
        return self.classes.index(YES) if self.attribute.tag else None

    def given(self, probabilities: Doubles) -> Ints:
        """The class number (n,) that is answered for probabilities (n, classes): the likeliest, or by a tag's cut."""
        if self.yes is not None:
            return np.asarray(probabilities[:, self.yes] >= self.cut, np.int64)
        return np.asarray(probabilities.argmax(axis=1), np.int64)

    def probabilities(self, vectors: Embeddings) -> Doubles:
        """Calibrated probabilities (n, classes) of embeddings (n, width)."""
        return self.calibrated(scored(self.head, vectors))

    def calibrated(self, scores: Floats) -> Doubles:
        """Probabilities (n, classes) of scores (n, classes)."""
        if self.yes is not None:
            scores = scores + self.temperature * self.bias * np.eye(len(self.classes))[self.yes]
        return softmax(scores, self.temperature)

    def p_values(self, probabilities: Doubles) -> Doubles:
        """Conformal p-value of each class (n, classes): how usual the photo would be for that class."""
        pairs = zip(self.calibration, log_odds(probabilities).T, strict=True)
        return np.stack([p_values(known, new) for known, new in pairs], axis=1)


@dataclass(frozen=True)
class Model:
    """What a model folder holds; :func:`goodsight.model.folder.load` adds the engine.

    Attributes:
        judges: one for each attribute.
        backbone: what embeds photos.
        scaler: standardises embeddings where they are compared with each other, whatever a head looks at.
        off_topic: says how much a photo is like the training photos, whatever its labels.
        on_topic: its scores of the training photos, sorted ascending.
        alpha: the share of honest photos that may be flagged as a mismatch, per class.
        off_topic_alpha: the share of honest photos that may be called off-topic.
        precision: the share of right answers wanted among photos that no person looks at.
        training: recognises training photos and their twins among photos to be scored.
        limits: on bytes and pixels of a photo.
        combinations: of labels that were trained, one of each attribute that is no tag; empty for one such attribute.
        info: what else ``model.json`` says (catalog hash, source, number of photos).

    """

    judges: tuple[Judge, ...]
    backbone: Backbone
    scaler: Scaler
    off_topic: OffTopic
    on_topic: Array
    alpha: float
    off_topic_alpha: float
    precision: float
    training: Fingerprints
    limits: Limits = DEFAULT_LIMITS
    combinations: frozenset[tuple[str, ...]] = frozenset()
    info: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Model({self.summary()})"

    def summary(self) -> str:
        """What it answers, and which network looks."""
        said = [f"{judge.attribute.name}: {few(judge.classes)}" for judge in self.judges if not judge.attribute.tag]
        tags = [judge.attribute.name for judge in self.judges if judge.attribute.tag]
        return "; ".join([*said, *([f"tags: {few(tags)}"] if tags else []), f"network {self.backbone.name}"])

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """What it answers for."""
        return tuple(judge.attribute for judge in self.judges)

    def prefix(self, judge: Judge) -> str:
        """What begins a message about one attribute: its name, where there are others."""
        return f"{judge.attribute.name}: " if len(self.judges) > 1 else ""

    def only(self, what: str) -> Judge:
        """The judge of the only attribute.

        Args:
            what: that needs a model of one attribute, for the message.

        Raises:
            ModelError: there are several.

        """
        if len(self.judges) > 1:
            names = ", ".join(attribute.name for attribute in self.attributes)
            raise ModelError(f"the model answers for {names}, and {what} is for models of one attribute")
        return self.judges[0]

    @property
    def alike_pixels(self) -> float:
        """The correlation of thumbnails from which a photo is taken for a twin, if the embeddings agree as well."""
        trained_here = self.backbone.columns("classes") is not None and self.backbone.columns("head") is None
        return ALIKE_ALONE if trained_here else ALIKE_PIXELS

    def on_topic_p(self, vectors: Vectors) -> Doubles:
        """Conformal p-value (n,) of being a photo like the training photos, whatever its class."""
        return p_values(self.on_topic, self.off_topic(vectors))


@dataclass(frozen=True)
class LoadedModel:
    """A verified model, the engine that runs its network, and the folder that it came from."""

    model: Model
    engine: Engine
    folder: Path

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r}, {self.model.summary()})"

    def embedder(self, *, cached: bool = True, progress: Progress = quiet) -> Embedder:
        """What embeds photos for it; the engine stays open."""
        model = self.model
        return Embedder(model.backbone, engine=self.engine, limits=model.limits, cached=cached, progress=progress)


def log_odds(probabilities: Doubles) -> Array:
    """ln(p / (1 - p)) of each probability: the conformity score, which keeps its order where p rounds to 1."""
    p = np.clip(probabilities, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(p) - np.log1p(-p), np.float32)

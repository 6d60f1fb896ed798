"""TensorBoard logs of a training: scalars per epoch and augmented samples."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from goodsight.training.recipe import Epoch


class Logs:
    """One training's event files; a resumed run writes on from its epoch. Of several processes one writes."""

    def __init__(self, folder: Path, epoch: int, *, silent: bool = False) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = None if silent else SummaryWriter(str(folder), purge_step=epoch + 1 if epoch else None)

    def epoch(self, number: int, epoch: Epoch, rate: float) -> None:
        """The figures of an epoch, counted from 1."""
        figures = {
            "loss/training": epoch.loss,
            "loss/validation": epoch.validation_log_loss,
            "accuracy/validation": epoch.validation_accuracy,
            "speed/photos per second": epoch.photos_per_second,
            "rate": rate,
        }
        if self._writer:
            for name, value in figures.items():
                self._writer.add_scalar(name, value, number)
            self._writer.flush()

    def samples(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Augmented photos (n, side, side, 3), uint8."""
        if self._writer:
            self._writer.add_images("augmented", pixels, 0, dataformats="NHWC")

    def __enter__(self) -> Logs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer:
            self._writer.close()

from pathlib import Path
from typing import Any

import drawn
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from goodsight.catalog.rows import Row
from goodsight.photos.limits import DEFAULT_LIMITS
from goodsight.progress import quiet
from goodsight.training import loop, parallel
from goodsight.training.recipe import Recipe, TrainingSet
from goodsight.training.road import train_network


def test_two_processes_train_what_one_would(
    sound: dict[str, list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [Row(path.name, path, (kind,)) for kind in drawn.KINDS for path in sound[kind][:12]]
    labels = np.array([drawn.KINDS.index(row.labels[0]) for row in rows])
    photos = TrainingSet(tuple(rows), labels, np.arange(len(rows)), DEFAULT_LIMITS)
    # adnet has neither dropout nor batch norms, so halves of a batch add up to the whole.
    recipe = Recipe("adnet", epochs=2, device="cpu")
    one = train_network(recipe, photos, tmp_path / "one", quiet)
    launch, left = parallel.launch, []

    def spy(count: int, *arguments: Any, **options: Any) -> None:
        launch(count, *arguments, **options)
        left.append((count, (tmp_path / "two" / "adnet.safetensors").is_file()))
        # The parent is not to train: it would fail on its first batch.
        monkeypatch.setattr(loop, "_epoch", lambda *_: pytest.fail("the parent trained"))

    monkeypatch.setattr(parallel, "launch", spy)
    monkeypatch.setattr(parallel, "processes", lambda device: 2)
    two = train_network(recipe, photos, tmp_path / "two", quiet)
    weights = [load_file(tmp_path / name / "adnet.safetensors") for name in ("one", "two")]
    compared = [key for key in weights[0] if key.startswith("network.")]
    assert len(compared) == 8
    for key in compared:
        assert torch.allclose(weights[0][key], weights[1][key], atol=2e-3)
    first, second = one.history["adnet"], two.history["adnet"]
    assert [e.validation_log_loss for e in first] == pytest.approx([e.validation_log_loss for e in second], abs=0.02)
    assert left == [(2, True)]
    assert list((tmp_path / "two" / "logs" / "adnet").iterdir())

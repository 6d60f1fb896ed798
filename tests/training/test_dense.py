from pathlib import Path

import numpy as np
import pytest
import torch

from goodsight.backbones import lite0_torch
from goodsight.backbones.engine import run, start
from goodsight.backbones.torch_onnx import write
from goodsight.training.crops import Kind
from goodsight.training.dense import Dense, odds, scores


def test_odds_are_those_of_the_softmax() -> None:
    said = torch.from_numpy(np.random.default_rng(0).normal(0, 4, (5, 7, 6))).float()
    p = torch.softmax(said.double(), dim=-1)
    assert torch.allclose(odds(said).double(), torch.log(p / (1 - p)), atol=1e-3)


def test_the_engine_computes_the_same_odds(tmp_path: Path) -> None:
    class Odds(torch.nn.Module):
        def forward(self, photos: torch.Tensor) -> torch.Tensor:
            return odds((photos.float() - 127) / 10).flatten(1)

    write(Odds(), 28, tmp_path / "odds.onnx")
    pixels = np.random.default_rng(0).integers(0, 255, (4, 28, 28, 3)).astype(np.uint8)
    found = run(start(tmp_path / "odds.onnx", precision="f32"), pixels)
    assert np.allclose(found, Odds()(torch.from_numpy(pixels)).numpy(), atol=1e-3)


def test_odds_of_equals_are_finite() -> None:
    assert torch.isfinite(odds(torch.zeros(2, 3))).all()


def test_a_photo_is_what_its_surest_place_is() -> None:
    places = torch.tensor([[[0.0, 5.0, -3.0], [2.0, 1.0, -4.0]]])
    assert scores(places, none=2, threshold=1.5).tolist() == [[2.0, 5.0, 1.5]]


@pytest.mark.parametrize("sharpness", [0.0, 2.0])
def test_where_no_box_tells_the_surest_place_learns_the_most(sharpness: float) -> None:
    tail = Dense(lite0_torch.pretrained(64), 4, 3, none=2, bf16=False)
    tail.sharpness = sharpness
    said = torch.zeros(1, 4, 7)
    said[0, 1, 0] = 3.0  # the second place thinks of the own brand
    said.requires_grad_()
    target = torch.zeros(1, 4, 6)
    target[..., 0] = Kind.SOMEWHERE
    tail.cost(said, target, 0.0).backward()  # type: ignore[no-untyped-call]
    assert said.grad is not None
    wrong = 1 - torch.softmax(said.detach()[0, :, :3], dim=-1)[:, 0]
    weight = -said.grad[0, :, 0] / wrong
    assert weight.sum().item() == pytest.approx(1, abs=1e-4)
    assert (weight[1] > 0.9) == (sharpness > 1)

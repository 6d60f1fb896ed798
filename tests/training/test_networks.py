import pytest
import torch

from goodsight.errors import EngineError
from goodsight.training.networks import build
from goodsight.training.recipe import SCRATCH


def _count(name: str, classes: int, *, buffers: bool = False) -> int:
    network = build(name, classes)
    means = [b for key, b in network.named_buffers() if key.endswith(("running_mean", "running_var"))]
    return sum(p.numel() for p in [*network.parameters(), *(means if buffers else [])])


def test_adnet_has_the_tutorials_parameters() -> None:
    assert _count("adnet", 2) == 813_346


def test_lenet5_has_the_published_parameters() -> None:
    # "Training a Classifier" of PyTorch's tutorials: LeNet-5 on colour pictures of 32 x 32, ten classes.
    assert _count("lenet5", 10) == 62_006


def test_smallervgg_has_what_keras_counts_for_the_tutorial() -> None:
    assert _count("smallervgg", 5, buffers=True) == 8_678_277


def test_logonet_has_its_layers() -> None:
    shapes = [tuple(p.shape) for key, p in build("logonet", 27).named_parameters() if key.endswith("weight")]
    assert shapes == [(96, 3, 11, 11), (192, 96, 5, 5), (4096, 192 * 13 * 13), (27, 4096)]


@pytest.mark.parametrize("name", SCRATCH)
def test_every_network_scores_photos_of_its_own_size(name: str) -> None:
    network = build(name, 3).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 3, SCRATCH[name], SCRATCH[name])).shape == (2, 3)


def test_compact_takes_other_sizes() -> None:
    with torch.no_grad():
        assert build("compact", 4, 96).eval()(torch.zeros(1, 3, 96, 96)).shape == (1, 4)


@pytest.mark.parametrize("size", [16, 100, 1024])
def test_a_size_that_does_not_fit_is_refused(size: int) -> None:
    with pytest.raises(EngineError, match=f"`size` {size}: compact takes 32 to 512"):
        build("compact", 2, size)

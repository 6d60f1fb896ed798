import pytest
import torch
from torch.nn import functional

from goodsight.backbones import lite0_torch
from goodsight.training.tail import FIRST, Convolutional, Tail

SIZE = 64


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    return lite0_torch.pretrained(SIZE)


@pytest.fixture(scope="module")
def maps(network: torch.nn.Module) -> torch.Tensor:
    """What goes into the tail for two photos of noise."""
    seen: list[torch.Tensor] = []
    blocks = network._blocks
    assert isinstance(blocks, torch.nn.ModuleList)
    handle = blocks[FIRST - 1].register_forward_hook(lambda _, __, out: seen.append(out[0]))
    with torch.no_grad():
        network(
            torch.randint(0, 256, (2, SIZE, SIZE, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        )
    handle.remove()
    return seen[0]


def test_an_untrained_tail_is_the_networks_own(network: torch.nn.Module, maps: torch.Tensor) -> None:
    tail = Tail(network, SIZE // 16, 3, bf16=False).eval()
    pixels = torch.randint(0, 256, (2, SIZE, SIZE, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        pooled = network(pixels)[:, :1280]
        assert torch.allclose(tail(maps), tail.last(pooled), atol=1e-4)


def test_bfloat16_is_close(network: torch.nn.Module, maps: torch.Tensor) -> None:
    torch.manual_seed(0)
    exact = Tail(network, SIZE // 16, 3, bf16=False).eval()
    quick = Tail(network, SIZE // 16, 3, bf16=True).eval()
    quick.load_state_dict(exact.state_dict())
    with torch.no_grad():
        assert (quick(maps) - exact(maps)).abs().max() < 0.05 * exact(maps).abs().max()


def test_a_trained_tail_is_the_same_as_convolutions(network: torch.nn.Module, maps: torch.Tensor) -> None:
    tail = Tail(network, SIZE // 16, 3, bf16=False)
    optimiser = torch.optim.AdamW(tail.parameters(), lr=1e-3)
    for _ in range(3):
        optimiser.zero_grad()
        functional.cross_entropy(tail(maps), torch.tensor([0, 2])).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    tail.eval()
    with torch.no_grad():
        trained = tail(maps)
        assert torch.allclose(Convolutional(network, tail.state_dict()).eval()(maps), trained, atol=1e-3)
        start = Tail(network, SIZE // 16, 3, bf16=False).eval()
        start.last.load_state_dict(tail.last.state_dict())
        assert (start(maps) - trained).abs().max() > 0.05


def test_the_scores_are_the_mean_of_those_of_the_places(network: torch.nn.Module, maps: torch.Tensor) -> None:
    tail = Tail(network, SIZE // 16, 3, bf16=False)
    with torch.no_grad():
        scores, places = Convolutional(network, tail.state_dict()).eval().explained(maps)
    assert places.shape == (2, SIZE // 32, SIZE // 32, 3)
    assert torch.allclose(places.mean((1, 2)), scores, atol=1e-5)
    assert places.std((1, 2)).min() > 1e-4


def test_several_views_are_answered_by_their_mean(network: torch.nn.Module, maps: torch.Tensor) -> None:
    tail = Tail(network, SIZE // 16, 3, bf16=False).eval()
    with torch.no_grad():
        both = tail(torch.stack([maps, 0.5 * maps]))
        assert torch.allclose(both, (tail(maps) + tail(0.5 * maps)) / 2, atol=1e-5)

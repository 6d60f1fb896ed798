from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from goodsight.progress import quiet
from goodsight.training import loop
from goodsight.training.device import Device, choose
from goodsight.training.loop import Fit, Plan

CPU = Device(torch.device("cpu"), bf16=False)


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1))
        self.last = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.last(self.features(x)))


class _Circle:
    """Is a point in the circle? Every epoch draws its own points."""

    photos = 256

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        points = torch.randn(self.photos, 2, generator=torch.Generator().manual_seed(epoch))
        for x in torch.split(points, 64):
            yield x, nn.functional.one_hot(self.inside(x), 2).float()

    def validation(self) -> Iterator[tuple[Tensor, Tensor]]:
        x = torch.randn(400, 2, generator=torch.Generator().manual_seed(10_000))
        yield x, self.inside(x)

    @staticmethod
    def inside(x: Tensor) -> Tensor:
        return torch.as_tensor(x.norm(dim=1) < 1.2).long()


class _Coin(_Circle):
    """Nothing to learn: the labels of the validation points are thrown."""

    def validation(self) -> Iterator[tuple[Tensor, Tensor]]:
        x = torch.randn(400, 2, generator=torch.Generator().manual_seed(10_000))
        yield x, torch.randint(0, 2, (400,), generator=torch.Generator().manual_seed(1))


PLAN = Plan(epochs=12, rate=0.02, decay=0.0, smoothing=0.0)


def _train(
    folder: Path, plan: Plan = PLAN, work: loop.Work | None = None, stop_after: int = 0, device: Device = CPU
) -> Fit:
    torch.manual_seed(0)
    done = 0

    def stop(step: str, at: int, total: int, note: str = "", /) -> None:
        nonlocal done
        done += "accuracy" in note
        if stop_after and done > stop_after:
            raise KeyboardInterrupt

    return loop.train(
        _Net(), work or _Circle(), plan, device, 0, folder, name="net", progress=stop if stop_after else quiet
    )


@pytest.mark.parametrize("bf16", [False, True])
def test_it_learns(bf16: bool, tmp_path: Path) -> None:
    fit = _train(tmp_path, replace(PLAN, epochs=60), device=replace(CPU, bf16=bf16))
    assert len(fit.history) == 60
    assert fit.history[-1].validation_accuracy > 0.93
    assert fit.history[-1].loss < fit.history[0].loss


def test_a_resumed_run_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole = _train(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        _train(tmp_path / "broken", stop_after=5)
    assert (tmp_path / "broken" / "net.safetensors").exists()
    resumed = _train(tmp_path / "broken")
    assert [e.loss for e in resumed.history] == [e.loss for e in whole.history]
    assert all(torch.equal(resumed.weights[key], value) for key, value in whole.weights.items())


def test_another_plan_does_not_go_on_with_the_checkpoint(tmp_path: Path) -> None:
    _train(tmp_path)
    assert len(_train(tmp_path, replace(PLAN, epochs=3)).history) == 3


def test_it_stops_when_nothing_gets_better_and_keeps_the_best(tmp_path: Path) -> None:
    fit = _train(tmp_path, replace(PLAN, epochs=40, patience=3 / 40), _Coin())
    losses = [epoch.validation_log_loss for epoch in fit.history]
    assert len(losses) < 40
    assert len(losses) == losses.index(min(losses)) + 1 + 3 + 1
    inputs, labels = next(_Coin().validation())
    scores = loop.scores(_Net(), fit.weights, inputs, CPU)
    assert float(nn.functional.cross_entropy(scores, labels)) == pytest.approx(min(losses), abs=1e-6)


def test_without_patience_the_last_weights_are_kept(tmp_path: Path) -> None:
    fit = _train(tmp_path, PLAN, _Coin())
    inputs, labels = next(_Coin().validation())
    scores = loop.scores(_Net(), fit.weights, inputs, CPU)
    assert float(nn.functional.cross_entropy(scores, labels)) == pytest.approx(
        fit.history[-1].validation_log_loss, abs=1e-6
    )


def test_curves_are_written_for_tensorboard(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fit = _train(tmp_path)
    events = EventAccumulator(str(tmp_path / "logs" / "net"))
    events.Reload()
    logged = [event.value for event in events.Scalars("accuracy/validation")]
    assert logged == pytest.approx([epoch.validation_accuracy for epoch in fit.history])
    assert {"loss/training", "loss/validation", "rate"} <= set(events.Tags()["scalars"])


def test_a_device_that_is_not_there_is_named() -> None:
    from goodsight.errors import EngineError

    with pytest.raises(EngineError, match=r"`device` tpu: this machine has .*cpu"):
        choose("tpu")
    assert choose("cpu").torch.type == "cpu"

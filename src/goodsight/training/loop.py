"""The training loop: one-cycle schedule, averaged weights, early stopping, checkpoints that a killed run goes on from.

Everything random in an epoch follows from the seed and the epoch's number, and the checkpoint is written between
epochs, so a run that was killed and resumed ends with the same weights as one that was not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from goodsight.files import whole_file
from goodsight.progress import Progress
from goodsight.training import parallel
from goodsight.training.device import Device
from goodsight.training.logs import Logs
from goodsight.training.recipe import Epoch


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        epochs: passes over the photos.
        batch: photos per step.
        rate: the highest learning rate; it rises to it over ``rise`` of the steps and falls to nothing as a cosine
            (one cycle; Smith and Topin 2018).
        last_rate: of the last layer, as a multiple of ``rate``.
        decay: AdamW's weight decay.
        smoothing: share of each label that is spread over all classes.
        patience: the share of all epochs without a better log loss on the validation fold after which to stop; 0
            never stops and takes the last weights, not the best.
        average: the new share in the moving average of the weights, at the end; it is larger at first.

    """

    epochs: int
    batch: int = 64
    rate: float = 1e-3
    last_rate: float = 1.0
    rise: float = 0.2
    decay: float = 0.05
    smoothing: float = 0.1
    patience: float = 0.0
    average: float = 0.004


class Work(Protocol):
    """What is trained on; made anew for each epoch, so that it depends on nothing but the epoch's number."""

    photos: int
    """Photos per epoch."""

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs on the device and class shares (n, classes)."""

    def validation(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs on the device and class numbers (n,)."""


Cost = Callable[[Tensor, Tensor, float], Tensor]
"""The loss of what a network gives for a batch, what the batch shows, and the share of each label to spread."""


def cross_entropy(given: Tensor, shares: Tensor, smoothing: float) -> Tensor:
    """The cost of scores (n, classes) where class shares (n, classes) are right."""
    return functional.cross_entropy(given, shares, label_smoothing=smoothing)


@dataclass(frozen=True)
class Fit:
    """The averaged weights that are kept, by name, and how training went."""

    weights: dict[str, Tensor]
    history: tuple[Epoch, ...]


def train(
    network: nn.Module,
    work: Work,
    plan: Plan,
    device: Device,
    seed: int,
    folder: Path,
    *,
    name: str,
    progress: Progress,
    cost: Cost = cross_entropy,
) -> Fit:
    """Train a network, going on from the checkpoint in ``folder`` when there is one.

    Args:
        network: with a linear layer ``last``; its weights are changed.
        work: batches and validation photos.
        plan: how.
        device: where.
        seed: of dropout; the batches have their own.
        folder: for the checkpoint ``NAME.safetensors`` and the logs.
        name: of this training, where a run has several.
        progress: told photos, with loss and accuracy.
        cost: what is made small.

    """
    network.to(device.torch)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    state = _State(network, plan, folder / f"{name}.safetensors")
    state.resume()
    total = plan.epochs * work.photos
    together = parallel.together(network)
    with Logs(folder / "logs" / name, state.epoch, silent=parallel.rank() > 0) as logs:
        while state.epoch < plan.epochs and not state.exhausted:
            torch.manual_seed(seed * 1_000_003 + state.epoch)
            loss, speed = _epoch(together, work, plan, device, state, name, progress, cost)
            log_loss, accuracy = _validate(network, state.average, work, device)
            loss, log_loss, accuracy, speed = parallel.agreed((loss, log_loss, accuracy, speed))
            state.done(Epoch(loss, log_loss, accuracy, speed))
            logs.epoch(state.epoch, state.history[-1], _rate(plan, state.epoch / plan.epochs))
            note = f"loss {loss:.3f}, accuracy {accuracy:.3f}"
            progress(f"train {name}", total if state.exhausted else state.epoch * work.photos, total, note)
            if parallel.rank() == 0 and (state.is_due or state.epoch == plan.epochs or state.exhausted):
                state.save()
    return Fit(state.kept, tuple(state.history))


def scores(network: nn.Module, weights: dict[str, Tensor], inputs: Tensor, device: Device) -> Tensor:
    """Scores (n, classes), float32 on the CPU, of a network with other weights than its own."""
    network.eval()
    with torch.no_grad(), torch.autocast(device.torch.type, torch.bfloat16, enabled=device.bf16):
        return torch.as_tensor(functional_call(network, weights, (inputs,))).float().cpu()


def _epoch(
    network: nn.Module,
    work: Work,
    plan: Plan,
    device: Device,
    state: _State,
    name: str,
    progress: Progress,
    cost: Cost,
) -> tuple[float, float]:
    network.train()
    losses, seen, start = [], 0, time.monotonic()
    steps = max(1, work.photos // plan.batch)
    for step, (inputs, shares) in enumerate(work.batches(state.epoch)):
        rate = _rate(plan, (state.epoch + step / steps) / plan.epochs)
        for group, factor in zip(state.optimiser.param_groups, (1.0, plan.last_rate), strict=True):
            group["lr"] = rate * factor
        with torch.autocast(device.torch.type, torch.bfloat16, enabled=device.bf16):
            given = network(parallel.share(inputs))
        loss = cost(given.float(), parallel.share(shares), plan.smoothing)
        state.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        state.optimiser.step()
        state.follow()
        losses.append(loss.detach())
        seen += len(inputs)
        if step % 10 == 9:
            at = state.epoch * work.photos + seen
            progress(f"train {name}", at, plan.epochs * work.photos, f"loss {losses[-1].item():.3f}")
    mean = float(torch.stack(losses).mean())
    return mean, seen / (time.monotonic() - start)


def _rate(plan: Plan, done: float) -> float:
    """The learning rate after a share of all steps."""
    if done < plan.rise:
        return plan.rate * (0.05 + 0.95 * done / plan.rise)
    return plan.rate * (0.5 + 0.5 * math.cos(math.pi * (done - plan.rise) / (1 - plan.rise)))


def _validate(network: nn.Module, weights: dict[str, Tensor], work: Work, device: Device) -> tuple[float, float]:
    """Log loss and accuracy of the averaged weights."""
    found = [(scores(network, weights, inputs, device), labels.cpu()) for inputs, labels in work.validation()]
    if not found:
        return math.nan, math.nan
    given, labels = torch.cat([s for s, _ in found]), torch.cat([y for _, y in found])
    return float(functional.cross_entropy(given, labels)), float((given.argmax(1) == labels).float().mean())


class _State:
    """All that changes while training, and its checkpoint."""

    def __init__(self, network: nn.Module, plan: Plan, path: Path) -> None:
        self._network, self._plan, self._path = network, plan, path
        last = [p for key, p in network.named_parameters() if key.startswith("last.")]
        rest = [p for key, p in network.named_parameters() if not key.startswith("last.")]
        self.optimiser = torch.optim.AdamW(
            [{"params": rest}, {"params": last}],
            lr=plan.rate,
            weight_decay=plan.decay,
            fused=rest[0].device.type in {"cpu", "cuda"},
        )
        self.average = {key: value.detach().clone() for key, value in network.state_dict().items()}
        self._best: dict[str, Tensor] = {}
        self._steps = 0
        self.history: list[Epoch] = []
        self._saved, self._cost = time.monotonic(), 0.0

    @property
    def is_due(self) -> bool:
        """Whether a checkpoint is worth its time, of which it may take a tenth."""
        return time.monotonic() - self._saved > 9 * self._cost

    @property
    def epoch(self) -> int:
        return len(self.history)

    @property
    def exhausted(self) -> bool:
        """Whether the last epochs brought nothing."""
        return 0 < self._plan.patience * self._plan.epochs < self.epoch - self._best_epoch

    @property
    def _best_epoch(self) -> int:
        losses = [epoch.validation_log_loss for epoch in self.history]
        return 1 + min(range(len(losses)), key=losses.__getitem__) if losses else 0

    @property
    def kept(self) -> dict[str, Tensor]:
        """The weights to keep: the best, or the last when there is no patience."""
        return self._best or self.average

    def follow(self) -> None:
        """Move the average towards the network's weights, by most of the way at first: the start is forgotten."""
        self._steps += 1
        share = max(self._plan.average, 9 / (10 + self._steps))
        now = self._network.state_dict()
        moving = [key for key, value in now.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.average[key] for key in moving], [now[key] for key in moving], share)

    def done(self, epoch: Epoch) -> None:
        """An epoch is over."""
        self.history.append(epoch)
        if self._plan.patience and self._best_epoch == self.epoch:
            self._best = {key: value.clone() for key, value in self.average.items()}

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        begun = time.monotonic()
        tensors = {f"network.{key}": value for key, value in self._network.state_dict().items()}
        tensors |= {f"average.{key}": value for key, value in self.average.items()}
        tensors |= {f"best.{key}": value for key, value in self._best.items()}
        for number, values in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{key}": value for key, value in values.items()}
        record = {
            "plan": json.dumps(asdict(self._plan)),
            "steps": str(self._steps),
            "history": json.dumps([asdict(epoch) for epoch in self.history]),
        }
        with whole_file(self._path) as part:
            save_file({key: value.contiguous() for key, value in tensors.items()}, part, record)
        self._saved = time.monotonic()
        self._cost = self._saved - begun

    def resume(self) -> None:
        """Go on from the checkpoint of a run with the same plan, if there is one."""
        if not self._path.exists():
            return
        from safetensors import safe_open

        with safe_open(self._path, "pt") as file:
            record = file.metadata()
        if json.loads(record["plan"]) != asdict(self._plan):
            return
        tensors = load_file(self._path)

        def part(prefix: str) -> dict[str, Tensor]:
            return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}

        self._network.load_state_dict(part("network."))
        for key, value in part("average.").items():
            self.average[key].copy_(value)
        self._best = {key: torch.empty_like(self.average[key]).copy_(value) for key, value in part("best.").items()}
        parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in part("optimiser.").items():
            number, name = key.split(".", 1)
            # In the memory format of the weights: the fused optimiser goes through both in the order of memory.
            like = parameters[int(number)].detach()
            state.setdefault(int(number), {})[name] = torch.empty_like(like).copy_(value) if value.ndim else value
        self.optimiser.load_state_dict({"state": state, "param_groups": self.optimiser.state_dict()["param_groups"]})
        self._steps = int(record["steps"])
        self.history = [Epoch(**epoch) for epoch in json.loads(record["history"])]

"""Training on several GPUs of one machine, one process each, started by torch's own launcher.

The workers end with a finished checkpoint in the training's folder, so the process that started them goes on from it
as it would after a kill, with no epoch left to train.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import torch
from torch import distributed

from goodsight.files import whole_file
from goodsight.progress import Progress

_POLL = 0.5

Fitting = Callable[..., object]


def processes(device: torch.device) -> int:
    """How many processes train together: one per GPU."""
    return torch.cuda.device_count() if device.type == "cuda" and not distributed.is_initialized() else 1


def rank() -> int:
    """The number of this process among those that train together."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def share(batch: torch.Tensor) -> torch.Tensor:
    """The part of a batch that this process trains on."""
    return batch[rank() :: distributed.get_world_size()] if distributed.is_initialized() else batch


def agreed(figures: tuple[float, ...]) -> tuple[float, ...]:
    """The first process's figures, so that all stop after the same epoch."""
    if not distributed.is_initialized():
        return figures
    one: list[tuple[float, ...]] = [figures]
    distributed.broadcast_object_list(one)
    return one[0]


def together(network: torch.nn.Module) -> torch.nn.Module:
    """The network with its gradients averaged over the processes."""
    if not distributed.is_initialized():
        return network
    return torch.nn.parallel.DistributedDataParallel(network)


def launch(
    count: int, fit: Fitting, *arguments: object, device: torch.device, folder: Path, progress: Progress
) -> None:
    """Run ``fit(*arguments, progress)`` in ``count`` processes that share every batch.

    Args:
        count: of processes.
        fit: a function of a module, which ends with a checkpoint in ``folder``.
        arguments: plain data, which is sent to each process.
        device: the kind of device that each process has one of.
        folder: for the progress as well.
        progress: told what the first process tells.

    """
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    told, done = folder / "progress.json", threading.Event()

    def follow() -> None:
        while not done.wait(_POLL):
            if told.exists():
                progress(*json.loads(told.read_text(encoding="utf-8")))

    config = LaunchConfig(1, 1, count, rdzv_backend="c10d", rdzv_endpoint="localhost:0", start_method="spawn")
    watcher = threading.Thread(target=follow, daemon=True)
    watcher.start()
    try:
        elastic_launch(config, _work)(fit, arguments, told, device.type == "cuda")
    finally:
        done.set()
        watcher.join()


def _work(fit: Fitting, arguments: tuple[object, ...], told: Path, cuda: bool) -> None:
    if cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if cuda else "gloo")

    def tell(step: str, at: int, total: int, note: str = "", /) -> None:
        if rank() == 0:
            with whole_file(told) as part:
                part.write_text(json.dumps([step, at, total, note]), encoding="utf-8")

    try:
        fit(*arguments, tell)
    finally:
        distributed.destroy_process_group()

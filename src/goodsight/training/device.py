"""Which device trains, and in which precision."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from goodsight.errors import EngineError
from goodsight.training.recipe import SCRATCH, Recipe

DEVICES = ("cuda", "mps", "cpu")


@dataclass(frozen=True)
class Device:
    """A torch device, and whether its multiplications run in bfloat16."""

    torch: torch.device
    bf16: bool


def choose(name: str = "") -> Device:
    """The device of that name; '' takes a GPU where there is one.

    Raises:
        EngineError: unknown name, or this machine has no such device.

    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name and not there.get(name):
        found = ", ".join(device for device in DEVICES if there[device])
        raise EngineError(f"`device` {name}: this machine has {found}")
    name = name or next(device for device in DEVICES if there[device])
    if name == "cuda":
        return Device(torch.device("cuda"), torch.cuda.is_bf16_supported())
    return Device(torch.device(name), name == "cpu" and _fast_bf16())


def is_whole(recipe: Recipe) -> bool:
    """Whether the whole network is trained: one from nothing, or any on a GPU."""
    return recipe.network in SCRATCH or choose(recipe.device).torch.type != "cpu"


def _fast_bf16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware; without that it is slower than float32."""
    asked = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
    return any(ask() for ask in asked if ask is not None)

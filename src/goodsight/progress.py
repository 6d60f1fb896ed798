"""What long work tells about itself. The command line draws it; a library call may ignore it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called as ``progress(step, done, total)``; ``total`` is 0 for a step that is not counted."""

    def __call__(self, step: str, done: int, total: int, note: str = "", /) -> None:
        """``note`` is a short text to show beside the count, such as the loss."""


def quiet(step: str, done: int, total: int, note: str = "", /) -> None:
    """The progress that nobody watches."""

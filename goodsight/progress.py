"""What long work tells about itself. The command line draws it; a library call may ignore it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called as ``progress(step, done, total)``; ``total`` is 0 for a step that is not counted."""


def quiet(step: str, done: int, total: int) -> None:
    """The progress that nobody watches."""

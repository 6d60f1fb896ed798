"""What long work tells about itself, and the bar that draws it on a terminal or in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console

_COUNTED = {"choose": "heads", "read": "pages", "lay": "pairs", "doubt": "heads", "start": "workers"}
"""What a step that begins with this word counts; all others count photos."""


class Progress(Protocol):
    """Called as ``progress(step, done, total)``; ``total`` is 0 for a step that is not counted."""

    def __call__(self, step: str, done: int, total: int, note: str = "", /) -> None:
        """``note`` is a short text to show beside the count, such as the loss."""


def quiet(step: str, done: int, total: int, note: str = "", /) -> None:
    """The progress that nobody watches."""


def usual(step: str, done: int, total: int, note: str = "", /) -> None:
    """Stands for a bar on a terminal and in a notebook, and for silence elsewhere: :func:`watched` makes it so."""


@contextmanager
def watched(progress: Progress) -> Iterator[Progress]:
    """What to tell while work is done: what was asked for, or a bar for :func:`usual` where somebody can see it."""
    if progress is not usual:
        yield progress
    elif _can_draw(_console()):
        with bar() as drawn:
            yield drawn
    else:
        yield quiet


@contextmanager
def bar() -> Iterator[Progress]:
    """A bar on a terminal and in a notebook, with photos per second and time left; a line per step elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = _console()
    drawn = _can_draw(console)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )

    def say(line: str) -> None:
        if not drawn:
            console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)

    with Progress(*columns, console=console, transient=True, disable=not drawn) as shown:
        tasks: dict[tuple[str, int], object] = {}

        def tell(step: str, done: int, total: int, note: str = "", /) -> None:
            key = (step, total)
            if key not in tasks:
                tasks[key] = shown.add_task(step, total=total or None, rate="")
                say(f"{step}{f' ({total})' if total else ''} ...")
            task = shown.tasks[list(tasks).index(key)]
            rate = f"{task.speed:.0f} {_COUNTED.get(step.split()[0], 'photos')}/s" if task.speed else ""
            shown.update(task.id, completed=done, rate=f"{rate}  {note}")
            if note and done == total:
                say(f"{step}: {note}")

        yield tell


def _console() -> Console:
    from rich.console import Console

    return Console(stderr=True)


def _can_draw(console: Console) -> bool:
    """Whether a bar can move there: in a notebook only with ``ipywidgets``, of which Rich warns otherwise."""
    return find_spec("ipywidgets") is not None if console.is_jupyter else console.is_terminal

"""What the commands show on a terminal: a bar while they work, results and what was left out when they are done."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from goodsight.auditing.findings import Audit
    from goodsight.catalog.replay import Replayed
    from goodsight.measuring.combinations import Combinations
    from goodsight.measuring.gain import Gain
    from goodsight.measuring.metrics import Scores
    from goodsight.measuring.result import Result
    from goodsight.model.record import Model
    from goodsight.model.verdicts import Prediction
    from goodsight.progress import Progress


_SIGHTINGS = 30


_COUNTED = {"choose": "heads", "read": "pages", "lay": "pairs"}
"""What a step that begins with this word counts; all others count photos."""


class Printed:
    """Rows on the terminal, as they come."""

    def __init__(self, models: Sequence[Model], top: int) -> None:
        self._models, self._top = models, top

    def write(self, prediction: Prediction) -> None:
        """Print a row."""
        from goodsight.report import predictions

        chance = "" if prediction.problem else f"{prediction.probability:.3f}"
        file_name, verdict = prediction.row.file_name, prediction.verdict
        line = f"{file_name:<40} {prediction.label:<20} {chance:>6} {verdict:<10} {prediction.reason}"
        for _, label, p in predictions.ranked(prediction, self._models, self._top):
            line += f"  {label} {p:.3f}" if p is not None else ""
        print(line.rstrip())


@contextmanager
def progress() -> Iterator[Progress]:
    """A bar on a terminal, with photos per second and time left; a line per step otherwise."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[tuple[str, int], object] = {}

        def tell(step: str, done: int, total: int, note: str = "", /) -> None:
            key = (step, total)
            if key not in tasks:
                tasks[key] = bar.add_task(step, total=total or None, rate="")
                if not console.is_terminal:
                    print(f"{step}{f' ({total})' if total else ''} ...", file=sys.stderr)
            task = bar.tasks[list(tasks).index(key)]
            rate = f"{task.speed:.0f} {_COUNTED.get(step.split()[0], 'photos')}/s" if task.speed else ""
            bar.update(task.id, completed=done, rate=f"{rate}  {note}")
            if note and done == total and not console.is_terminal:
                print(f"{step}: {note}", file=sys.stderr)

        yield tell


def print_result(result: Result) -> None:
    """The scores, with and without leaked photos, and what can be decided without a person."""

    def show(name: str, scores: Scores) -> None:
        print(
            f"{name}: accuracy {_figure(scores.accuracy.value)} "
            f"[{_figure(scores.accuracy.low)}, {_figure(scores.accuracy.high)}], "
            f"balanced {_figure(scores.balanced_accuracy.value)}, log loss {_figure(scores.log_loss.value)}, "
            f"calibration error {_figure(scores.calibration_error.value)} ({scores.n} photos)"
        )

    show(result.name, result.scores)
    if result.scores_without_leaks is not None:
        show(f"{result.name} without {result.leaked} leaked photos", result.scores_without_leaks)
    if result.not_measurable:
        print(f"{result.name}: too few photos to measure: {', '.join(result.not_measurable)}")
    if result.nones is not None:
        found = result.nones
        print(
            f"{result.name}: brand right {_figure(found.right)} (missed {_figure(found.missed)}, another "
            f"{_figure(found.confused)}; {found.photos} photos), none right {_figure(found.recall)} "
            f"({found.without} photos without a brand)"
        )
    error = "" if math.isnan(result.decided_error) else f", error among them {result.decided_error:.4f}"
    print(f"{result.name}: {result.decided:.1%} can be decided without a person{error}")


def print_audit(audit: Audit) -> None:
    """How many photos are worth looking at, and how many findings there are of each kind."""
    first, total = audit.worth(), len(audit.review)
    if first:
        print(f"{total} photos: look at the first {first} of review.csv, expect about ", end="")
        print(f"{audit.expected(first):.0f} of them to be wrong")
    else:
        print(f"{total} photos: no label and no topic stands out as wrong")
    for kind, count in Counter(finding.kind for finding in audit.findings).items():
        print(f"  {kind}: {count}")
    print_left_out("rows left out", audit.left_out)
    print_ledger(audit.ledger)


def print_combinations(found: Combinations | None) -> None:
    """What happens on combinations of labels that were not trained; nothing for one attribute."""
    if found is None:
        return
    print(f"combinations: {len(found.trained)} trained; all labels right on {found.seen:.4f} of their photos")
    if found.hidden:
        each = ", ".join(f"{name} {right:.4f}" for name, right in zip(found.attributes, found.right, strict=True))
        print(f"combinations: {len(found.hidden)} hidden in turn; all right {found.all_right:.4f}, {each} (means)")


def print_sightings(posts: int, rows: Sequence[tuple[str, str, int, int, int]]) -> None:
    """How many brands were seen in how many posts, and the latest days."""
    print(f"{posts} posts: {sum(row[2] for row in rows)} sightings, {sum(row[3] for row in rows)} of them sure")
    for day, brand, count, sure, mentioned in rows[-_SIGHTINGS:]:
        print(f"  {day or 'no day':<10} {brand:<20} {count:>5} seen {sure:>5} sure {mentioned:>5} named in the text")
    if len(rows) > _SIGHTINGS:
        print(f"  and {len(rows) - _SIGHTINGS} earlier rows")


def print_ledger(ledger: Replayed | None, gains: Mapping[str, Gain | None] | None = None) -> None:
    """What a ledger changed and gained; nothing without one. Each gain goes by its attribute, '' when there is one."""
    if ledger is None:
        return
    counts = {"dropped": ledger.dropped, "relabelled": ledger.relabelled, "kept": ledger.kept}
    said = ", ".join(f"{len(those)} {what}" for what, those in counts.items())
    print(f"ledger: {said}, {len(ledger.absent)} rows without a photo")
    for name, gain in (gains or {}).items():
        said = f"ledger: {name and f'{name}: '}"
        if gain and gain.comparison:
            found = gain.comparison
            for what, value, before, after in (
                ("accuracy", found.gain, found.current_accuracy, found.candidate_accuracy),
                ("log loss", found.loss_gain, *gain.losses),
            ):
                interval = f"[{value.low:+.4f}, {value.high:+.4f}]"
                print(f"{said}{what} {before:.4f} -> {after:.4f}, gain {value.value:+.4f} {interval}", end="")
                print(f" ({found.n} untouched photos, out-of-fold)")
        elif gain:
            print(f"{said}what it gained is not measured: {gain.reason}")
    print_left_out("ledger rows without a photo", ledger.absent)
    print_left_out("photos on which reviewers disagree", ledger.disputed)


def _figure(value: float) -> str:
    return "not measurable" if math.isnan(value) else f"{value:.4f}"


def _printable(text: str) -> str:
    """A stranger's text without what moves the cursor or cannot be written."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def print_left_out(what: str, pairs: Sequence[tuple[str, str]], file: TextIO | None = None) -> None:
    """How many were left out, and the first five with their reasons."""
    if not pairs:
        return
    print(f"{what}: {len(pairs)}", file=file)
    for name, reason in pairs[:5]:
        print(f"  {_printable(f'{name}: {reason}')}", file=file)
    if len(pairs) > 5:
        print(f"  and {len(pairs) - 5} more", file=file)

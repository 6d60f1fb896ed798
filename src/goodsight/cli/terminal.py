"""What the commands show on a terminal when they are done: results, and what was left out."""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from goodsight.cli.figures import print_result, signed

if TYPE_CHECKING:
    from goodsight.auditing.findings import Audit
    from goodsight.catalog.replay import Replayed
    from goodsight.cluster.run import Sharded
    from goodsight.collecting.terms import Collected
    from goodsight.flow.comparing import Compared
    from goodsight.flow.export import Exported
    from goodsight.flow.splits import Divided
    from goodsight.flow.thresholds import Thresholds
    from goodsight.flow.upkeep import Promotion
    from goodsight.measuring.combinations import Combinations
    from goodsight.measuring.comparison import Comparison
    from goodsight.measuring.gain import Gain
    from goodsight.measuring.measured import Measured
    from goodsight.model.record import Judge
    from goodsight.model.verdicts import Check, Prediction


_SIGHTINGS = 30


OPTIONS: dict[str, str] = {}
"""The option of each parameter, as the running command calls it."""


def as_typed(message: str) -> str:
    """A message of the library with options in the place of parameters: ``--none-class`` for `` `none_class` ``."""
    return re.sub(r"`(\w+)`", lambda found: OPTIONS.get(found[1], found[0]), message)


class Printed:
    """Rows on the terminal, as they come."""

    def __init__(self, judges: Sequence[Judge], top: int) -> None:
        self._judges, self._top = judges, top

    def write(self, prediction: Prediction) -> None:
        """Print a row."""
        from goodsight.report import predictions

        chance = "" if prediction.problem else f"{prediction.probability:.3f}"
        file_name, verdict = prediction.row.file_name, prediction.verdict
        line = f"{file_name:<40} {prediction.label:<20} {chance:>6} {verdict:<10} {prediction.reason}"
        for _, label, p in predictions.ranked(prediction, self._judges, self._top):
            line += f"  {label} {p:.3f}" if p is not None else ""
        print(line.rstrip())


class Tally:
    """Counts the answers as they come, and says in the end how many there were of each verdict."""

    def __init__(self) -> None:
        self._verdicts: Counter[str] = Counter()
        self._bad: list[tuple[str, str]] = []

    def write(self, prediction: Prediction) -> None:
        """Count a row."""
        if prediction.problem:
            self._bad.append((prediction.row.file_name, prediction.reason))
        else:
            self._verdicts[prediction.verdict] += 1

    def print(self) -> None:
        """Print the counts where they are not in the way of a table."""
        said = ", ".join(f"{self._verdicts[verdict]} {verdict}" for verdict in ("sure", "unsure", "off-topic"))
        print(f"{self._verdicts.total()} photos: {said}", file=sys.stderr)
        print_left_out("bad photos", self._bad, file=sys.stderr)


def print_sharded(done: Sharded) -> None:
    """How many photos were answered by shards, and what was not."""
    kept = f", {done.kept} of them by an earlier run" if done.kept else ""
    lost = sum(end - first for first, end in (each.photos for each in done.failed))
    print(f"{done.photos - lost} photos{kept}; {done.bad} bad ones have their reason in their rows")
    print_left_out("shards given up; run the command again to try them", _named(map(str, done.failed)))
    print_left_out("machines not used", _named(done.refused))
    print(f"shards: {done.place}")


def _named(said: Iterable[str]) -> list[tuple[str, str]]:
    """What is before a colon, and what is after it."""
    return [(name, reason) for name, _, reason in (text.partition(": ") for text in said)]


def print_collected(collected: Collected, *, paged: bool) -> None:
    """How many photos came, and what gave none."""
    if paged:
        print(f"pages: {collected.pages}")
    print_left_out("pages without photos", collected.empty)
    print(f"photos: {collected.photos} new, {collected.there} there already, {collected.copies} exact copies left out")
    print_left_out("photos under several labels, kept under each", collected.two_labels)
    print_left_out("left out", collected.left_out)


def print_training(found: Measured) -> None:
    """What training measured, and what it left out."""
    _print_results(found)
    print_combinations(found.combinations)
    print_ledger(found.ledger, {part.name if found.several else "": part.gain for part in found.parts})
    print(f"twins: {found.exact_twins} exact pairs, {found.near_twins} near pairs; {found.extra_copies} extra copies")
    print_left_out("bad photos", found.bad)
    print_left_out("rows left out", found.left_out)
    print_left_out("to know", found.notes)


def print_evaluation(found: Measured) -> None:
    """What an evaluation measured, and what it left out."""
    _print_results(found)
    print_ledger(found.ledger)
    print_left_out("bad photos", found.bad)
    print_left_out("rows left out", found.left_out)
    print_left_out("to know", found.notes)


def print_split(done: Divided) -> None:
    """How many photos went where."""
    splits = list(next(iter(done.counts.values())))
    print(", ".join(f"{name}: {sum(by[name] for by in done.counts.values())} photos" for name in splits))
    print(f"twins: {done.twin_groups} groups, none is divided")
    print_left_out("classes too small for every split", done.lacking)
    print_ledger(done.ledger)
    print_left_out("bad photos", done.bad)
    print_left_out("rows left out", done.left_out)
    print_left_out("to know", done.notes)
    print(f"photos: {done.folder}")


def print_thresholds(done: Thresholds) -> None:
    """From which probability on a model decides alone now, and what that comes to."""
    print(f"{done.folder}: wanted precision {done.precision:g} (was {done.before:g})")
    for one in done.each:
        said = f"{one.attribute}: " if len(done.each) > 1 else ""
        was = "never" if one.before > 1 else f"{one.before:.3f}"
        if one.now > 1:
            print(f"{said}decides nothing alone: its answers do not reach that precision (was from {was})")
            continue
        error = "" if math.isnan(one.error) else f", error among them {one.error:.4f}"
        print(f"{said}decides alone from probability {one.now:.3f} (was {was})")
        print(f"{said}{one.decided} of {one.n} photos{error}")


def print_compared(old: Path, new: Path, done: Compared) -> None:
    """How two models compare, and which classes surely lost or gained."""
    print_gain(old, new, done.comparison, done.left_out)
    for paired in done.each:
        prefix = f"{paired.attribute}: " if len(done.each) > 1 else ""
        print(
            f"{prefix}right now, wrong before: {int(paired.won.sum())} photos; the other way: {int(paired.lost.sum())}"
        )
        for one in paired.by_class():
            if one.gain.low > 0 or one.gain.high < 0:
                print(f"  {prefix}{one.name}: found {one.before:.1%} -> {one.now:.1%} ({one.photos} photos)")


def print_gain(old: Path, new: Path, found: Comparison, left_out: int) -> None:
    """Both accuracies, and the gain with its interval."""
    print(f"{old}: accuracy {found.current_accuracy:.4f}, {new}: {found.candidate_accuracy:.4f}")
    value, low, high = (signed(each) for each in (found.gain.value, found.gain.low, found.gain.high))
    print(f"gain {value} [{low}, {high}] ({found.n} photos)")
    if left_out:
        print(f"left out: {left_out} photos that are bad, unknown to {old}, or have a twin in a training")


def print_promotion(candidate: Path, over: Path, done: Promotion, min_gain: float) -> None:
    """How a candidate compares with the model in use, and what became of it."""
    found = done.comparison
    print_gain(over, candidate, found, done.left_out)
    value, low, least = (signed(each) for each in (found.gain.value, found.gain.low, min_gain))
    if done.promoted:
        print(f"promoted: {over} is the candidate now; the old one is kept as {done.kept}")
    else:
        said = f"is {value}" if found.gain.value <= min_gain else f"may be as low as {low}"
        print(f"not promoted: the gain {said}, and must be above {least} for sure")


def print_inspected(model: Path, record: Mapping[str, Any]) -> None:
    """What ``model.json`` of a sound folder says."""
    print(f"{model}: sound: {len(record['sha256'])} files as they were written, canaries answer as expected")
    print(f"network: {record['backbone']['name']}, {record['backbone']['resize']['size']} px")
    for said in record["attributes"]:
        prefix = f"{said['name']}: " if len(record["attributes"]) > 1 else ""
        head = said["head"]
        given = f"; yes from probability {said['cut']:.3f}" if said["tag"] else ""
        threshold = "none reached" if said["threshold"] is None else f"probability {said['threshold']:.3f}"
        print(f"{prefix}classes: {', '.join(said['classes'])}{given}")
        print(f"{prefix}head: {head['kind']}, gamma {head['gamma']:g}, penalty {head['penalty']:g}")
        print(f"{prefix}decides without a person from: {threshold} (wanted precision {record['precision']:g})")
    if record["combinations"]:
        print(f"combinations: {len(record['combinations'])} trained")
    print(f"alpha: {record['alpha']:g} mismatch, {record['off_topic_alpha']:g} off-topic")
    print(f"trained on: {record['info']['photos']} photos of {record['info']['source']}")
    print(f"versions: {', '.join(f'{k} {v}' for k, v in record['versions'].items())}")


def print_exported(done: Exported) -> None:
    """What was written, and how near its answers are to the model's."""
    print(f"{done.path}: {done.size / 1e6:.1f} MB")
    print(f"float32: probabilities within {done.off:.1g} of the model's own on its canary photos")
    if done.loss is not None:
        lost = done.loss
        print(
            f"int8: {lost.same:.1%} of labels as in float32, probabilities off by {lost.off:.3f} (the worst "
            f"{lost.largest:.3f}), {lost.faster:.1f} times as fast ({lost.photos} photos)"
        )


def print_check(attribute: str, answer: Check) -> None:
    """The answer about one declared class; the attribute is '' when there is one."""
    said = attribute and f"{attribute}: "
    print(f"{said}{answer.verdict}: {answer.reason}" if answer.reason else f"{said}{answer.verdict}")
    print(f"{said}declared {answer.declared}: probability {answer.probability:.3f}, p-value {answer.p_value:.3f}")
    print(f"{said}most likely: {answer.label}")


def _print_results(found: Measured) -> None:
    """The results of each attribute."""
    for part in found.parts:
        for result in part.results:
            print_result(result, found.model.precision, part.judge.threshold)


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
    print_left_out("to know", audit.notes)
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


def _printable(text: str) -> str:
    """A stranger's text without what moves the cursor or cannot be written."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def print_left_out(what: str, pairs: Sequence[tuple[str, str]], file: TextIO | None = None) -> None:
    """How many were left out, and the first five with their reasons."""
    if not pairs:
        return
    print(f"{what}: {len(pairs)}", file=file)
    for name, reason in pairs[:5]:
        print(f"  {_printable(f'{name}: {as_typed(reason)}')}", file=file)
    if len(pairs) > 5:
        print(f"  and {len(pairs) - 5} more", file=file)

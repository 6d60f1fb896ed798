"""Embedded photos become findings: copies, wrong labels, foreign photos, bad quality, and the order of looking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from goodsight.arrays import Array, Bools, Doubles, Ints, Vectors
from goodsight.auditing import labels, pairs, quality, reasons, review, topic
from goodsight.auditing.akin import akin
from goodsight.auditing.findings import KINDS, SURE, Audit, Finding, Suspect
from goodsight.auditing.labels import Doubts
from goodsight.auditing.looks import Looks
from goodsight.auditing.pairs import Copied
from goodsight.backbones.backbone import Backbone
from goodsight.backbones.names import common_names, name_chances
from goodsight.catalog.replay import Replayed
from goodsight.catalog.rows import Catalog
from goodsight.embedding.filed import BLOCK, Filed, blocks, taken
from goodsight.embedding.table import Table
from goodsight.heads import folds
from goodsight.heads.scaler import Scaler
from goodsight.photos.limits import Limits
from goodsight.progress import Progress

FOLDS = 5
FEW = 5
"""With fewer distinct photos of a label, nothing can be said about its labels."""
NEAREST = 10
_COMPARE = "compare with good examples"


@dataclass(frozen=True)
class Seen:
    """Photos as they were seen: those that can be used (n) and those that cannot, their looks (n), and the network."""

    table: Table
    looks: Looks
    backbone: Backbone


def inspect(
    source: str, replayed: Replayed, seen: Seen, limits: Limits, lap: Callable[[str], None], progress: Progress
) -> Audit:
    """Find what is wrong.

    Args:
        source: what the photos are called in the report.
        replayed: the rows that were left out, and what people decided already; what they kept is not found again.
        seen: the photos.
        limits: on bytes and pixels of a photo.
        lap: told each step that is done.
        progress: told every step.

    """
    table, looks, backbone, catalog = seen.table, seen.looks, seen.backbone, replayed.catalog
    progress("standardise the embeddings", 0, 0)
    scaler = Scaler.fit(table.filed, backbone.blocks)
    copied = pairs.find(table, looks.pictures, scaler, progress)
    groups = copied.groups
    lap("find twins")
    rows = table.rows
    found = [Finding(row, "unreadable", 0.0, str(bad), "drop") for row, bad in table.bad]
    gone = np.flatnonzero((looks.sizes == 0).any(axis=1))
    found += [Finding(rows[i], "unreadable", 0.0, "cannot be read any more", "drop") for i in gone.tolist()]
    found += reasons.copies(rows, looks.sizes.prod(axis=1), copied.exact, copied.near, copied.strength)
    judged = [_judged(catalog, number, seen, copied, scaler, progress) for number in range(len(catalog.attributes))]
    for each in judged:
        found += each.found
    chances, foreign, likeness = _chances(judged, groups)
    chance = np.max(chances, axis=0)
    foreign = np.minimum(foreign, chance)
    found += reasons.off_topic(rows, likeness, foreign, _named(seen, np.flatnonzero(foreign > SURE)))
    lap("doubt labels and topics")
    progress("put in order", 0, 0)
    for kind, (places, scores, words) in quality.find(looks).items():
        found += [
            Finding(rows[i], kind, float(score), word, "look")
            for i, score, word in zip(places, scores, words, strict=True)
        ]
    order = {kind: number for number, kind in enumerate(KINDS)}
    found.sort(key=lambda finding: (order[finding.kind], finding.score))
    kept = set(replayed.kept)
    found = [finding for finding in found if finding.row.file_name not in kept]
    chance[[row.file_name in kept for row in rows]] = 0.0
    stands = [reasons.places(each.labels, each.own, each.anywhere) for each in judged]
    suspects = _suspects(table, chance, found, [stands[a][i] for i, a in enumerate(np.argmax(chances, axis=0))])
    lap("put in order")
    classes = {attribute: each.classes for attribute, each in zip(catalog.attributes, judged, strict=True)}
    ledger = replayed if replayed.files else None
    notes = (*catalog.notes, *pairs.note(copied))
    return Audit(source, classes, tuple(found), suspects, catalog.left_out, limits, ledger, notes=notes)


@dataclass(frozen=True)
class _Judged:
    """What the labels of one attribute look like.

    ``labels`` (n) are in words, ``numbers`` (n,) are theirs;
    ``own``, ``likeness`` and ``anywhere`` are those of :func:`_likeness`; ``akin`` (n,) is what its names say for it;
    ``conflicts`` is the chance (n,) that a photo has the wrong label as its twins have others.
    """

    classes: tuple[str, ...]
    labels: Sequence[str]
    numbers: Ints
    found: list[Finding]
    doubts: Doubts
    own: Doubles
    likeness: Doubles
    anywhere: Doubles
    akin: Doubles
    conflicts: Doubles


def _judged(
    catalog: Catalog, attribute: int, seen: Seen, copied: Copied, scaler: Scaler, progress: Progress
) -> _Judged:
    table, groups = seen.table, copied.groups
    name = catalog.attributes[attribute].name if len(catalog.attributes) > 1 else ""
    said = [row.labels[attribute] for row in table.rows]
    # A photo without this label is compared like the others, under a label of its own that is never doubted.
    classes = sorted(set(said))
    number = {label: i for i, label in enumerate(classes)}
    numbers = np.array([number[label] for label in said])
    doubts = _doubts(table, numbers, groups, scaler, number.get("", -1), progress)
    own, likeness, anywhere = _likeness(_features(seen), numbers, groups, doubts, progress)
    progress("read the network's names", 0, 0)
    kin = np.zeros(len(said))
    if seen.backbone.columns("imagenet"):
        kin = akin(lambda rows: _names(seen, rows), numbers, groups, ~doubts.contradicted)
    found = [
        *reasons.conflicts(table.rows, said, copied.pairs, numbers, name),
        *reasons.mislabelled(table.rows, said, doubts, classes, name),
    ]
    conflicts = np.where([label == "" for label in said], 0.0, review.conflicts(numbers, groups))
    known = tuple(label for label in classes if label)
    return _Judged(known, said, numbers, found, doubts, own, likeness, anywhere, kin, conflicts)


def _chances(judged: Sequence[_Judged], groups: Ints) -> tuple[list[Doubles], Doubles, Doubles]:
    """By attribute the chances (n,) that a photo is wrong; that it is foreign (n,); its likeness to any of its labels.

    What is foreign is so whatever is asked of it.
    """
    likeness = np.max([each.likeness for each in judged], axis=0)
    bounds = [review.bounds(each.own, each.anywhere, each.numbers) for each in judged]
    surest = [review.surest(a.numbers, groups, b, a.doubts) for a, b in zip(judged, bounds, strict=True)]
    strange = [review.foreign(a.own, a.anywhere, b, a.akin) for a, b in zip(judged, bounds, strict=True)]
    anyhow = [review.foreign(likeness, a.anywhere, b, a.akin) for a, b in zip(judged, bounds, strict=True)]
    foreign = np.min(strange, axis=0)
    # But one whose label is doubted looks unlike that label, however much it looks like its others.
    odds = [np.where(a.doubts.chance > SURE, own, foreign) for a, own in zip(judged, strange, strict=True)]
    chances = [
        review.chances(own, a.doubts, a.conflicts, most) for a, own, most in zip(judged, odds, surest, strict=True)
    ]
    return chances, review.at_most(review.settled(np.min(anyhow, axis=0)), np.min(surest, axis=0)), likeness


def _features(seen: Seen) -> Vectors:
    """What photos are compared by (n, width): in half precision where there are many."""
    columns = seen.backbone.columns("head") or seen.backbone.columns("features") or slice(None)
    if not isinstance(seen.table.filed, Filed):
        return topic.hellinger(seen.table.filed[:, columns])
    made = [topic.hellinger(block[:, columns]).astype(np.float16) for block in blocks(seen.table.filed)]
    return np.concatenate(made)


def _names(seen: Seen, rows: Ints) -> Array:
    """The chances of the network's names (k, names) of some photos (k,)."""
    chances = name_chances(seen.backbone, seen.table.filed[rows])
    return np.empty((len(rows), 0), np.float32) if chances is None else chances


def _named(seen: Seen, rows: Ints) -> list[str]:
    """What the network calls each photo (n); '' but for those that are asked for."""
    found = [""] * len(seen.table.rows)
    for begin in range(0, len(rows), BLOCK):
        some = rows[begin : begin + BLOCK]
        for i, name in zip(some.tolist(), common_names(seen.backbone, seen.table.filed[some]), strict=True):
            found[i] = name
    return found


def _doubts(table: Table, numbers: Ints, groups: Ints, scaler: Scaler, nothing: int, progress: Progress) -> Doubts:
    """Doubts about labels (n,); those with the number ``nothing`` are none."""
    everything = labels.nothing(numbers.copy())  # which is written into below
    given = np.flatnonzero(numbers != nothing)
    known, own = np.unique(numbers[given], return_inverse=True)
    if len(known) < 2:
        return everything
    vectors = table.filed if len(given) == len(numbers) else taken(table.filed, given)
    found = labels.doubt(vectors, own, folds.deal(own, groups[given], FOLDS), scaler, progress)
    found = replace(found, chance=np.where(_few(own, groups[given]), 0.0, found.chance))
    if len(given) == len(numbers):
        return found
    for name, values in (("suggested", known[found.suggested]), ("chance", found.chance)):
        getattr(everything, name)[given] = values
    everything.probability[given], everything.contradicted[given] = found.probability, found.contradicted
    return replace(everything, share=found.share)


def _few(numbers: Ints, groups: Ints) -> Bools:
    """Which photos (n,) have a label of too few distinct photos to say anything about it."""
    few = [c for c in np.unique(numbers) if len(np.unique(groups[numbers == c])) < FEW]
    return np.isin(numbers, few)


def _likeness(
    x: Vectors, numbers: Ints, groups: Ints, doubts: Doubts, progress: Progress
) -> tuple[Doubles, Doubles, Doubles]:
    """To good examples (n,): of a photo's label; of its label or the suggested one, whichever is more; of any label."""
    everything, nothing = np.arange(len(numbers)), np.zeros(len(numbers), np.int64)
    n = len(numbers)
    progress(_COMPARE, 0, 3 * n)
    own = topic.likeness(x, numbers, groups, ~doubts.contradicted, everything, numbers)
    usual = review.usual(own, numbers, doubts)
    progress(_COMPARE, n, 3 * n)
    own = topic.likeness(x, numbers, groups, usual, everything, numbers)
    progress(_COMPARE, 2 * n, 3 * n)
    own[_few(numbers, groups)] = 1.0
    best, moved = own.copy(), np.flatnonzero(doubts.chance > SURE)
    suggested = topic.likeness(x, numbers, groups, usual, moved, doubts.suggested[moved])
    best[moved] = np.maximum(own[moved], suggested)
    anywhere = topic.likeness(x, nothing, groups, nothing == 0, everything, nothing, count=NEAREST)
    progress(_COMPARE, 3 * n, 3 * n)
    return own, best, anywhere if len(np.unique(groups)) > NEAREST else np.ones(len(numbers))


def _suspects(table: Table, chance: Doubles, found: Sequence[Finding], places: Sequence[str]) -> tuple[Suspect, ...]:
    """The order of looking, each photo with its reasons."""
    about: dict[str, list[Finding]] = {}
    for finding in found:
        about.setdefault(finding.row.file_name, []).append(finding)
    return tuple(
        Suspect(
            row, table.sha256[i], float(chance[i]), reasons.reasons(chance[i], about.get(row.file_name, ()), places[i])
        )
        for i in np.argsort(-chance, kind="stable").tolist()
        for row in (table.rows[i],)
    )

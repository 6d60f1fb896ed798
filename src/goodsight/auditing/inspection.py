"""Embedded photos become findings: copies, wrong labels, foreign photos, bad quality, and the order of looking."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from goodsight.arrays import Array, Bools, Doubles, Ints
from goodsight.auditing import copies, labels, quality, review, topic
from goodsight.auditing.findings import KINDS, WORTH, Audit, Finding, Suspect
from goodsight.auditing.labels import Doubts
from goodsight.auditing.looks import Looks
from goodsight.backbones.backbone import Backbone
from goodsight.backbones.names import common_names
from goodsight.catalog.replay import Replayed
from goodsight.catalog.rows import Catalog, Row
from goodsight.embedding import twins
from goodsight.embedding.table import Table
from goodsight.heads import folds
from goodsight.heads.scaler import Scaler
from goodsight.photos.limits import Limits
from goodsight.progress import Progress

FOLDS = 5
FEW = 5
"""With fewer distinct photos of a label, nothing can be said about its labels."""
ALIKE = 0.9
"""What is said of twins that training's quick check finds and this one does not."""
NEAREST = 10
SURE = 0.5
"""The chance from which on a photo is found to be mislabelled or off-topic."""


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
        progress: told pairs of photos.

    """
    table, looks, backbone, catalog = seen.table, seen.looks, seen.backbone, replayed.catalog
    scaler = Scaler.fit(table.vectors, backbone.blocks)
    exact, near, strength = _twins(table, looks, scaler, progress)
    pairs = np.concatenate([exact, near])
    groups = twins.grouped(pairs, len(table.rows))
    lap("find twins")
    rows = table.rows
    found = [Finding(row, "unreadable", 0.0, str(bad), "drop") for row, bad in table.bad]
    gone = np.flatnonzero((looks.sizes == 0).any(axis=1))
    found += [Finding(rows[i], "unreadable", 0.0, "cannot be read any more", "drop") for i in gone.tolist()]
    found += _copies(rows, looks, exact, near, strength)
    features = table.vectors[:, backbone.columns("head") or backbone.columns("features") or slice(None)]
    judged = [
        _judged(catalog, number, table, pairs, groups, scaler, features) for number in range(len(catalog.attributes))
    ]
    for each in judged:
        found += each.found
    # What is foreign is so whatever is asked of it.
    likeness = np.max([each.likeness for each in judged], axis=0)
    alike = [review.bounds(each.own, each.anywhere, each.numbers) for each in judged]
    strange = [review.foreign(each.own, each.anywhere, bounds) for each, bounds in zip(judged, alike, strict=True)]
    off_topic = np.min(
        [review.foreign(likeness, each.anywhere, bounds) for each, bounds in zip(judged, alike, strict=True)], axis=0
    )
    found += _off_topic(rows, likeness, review.settled(off_topic), table, backbone)
    foreign = np.min(strange, axis=0)
    # But one whose label is doubted looks unlike that label, however much it looks like its others.
    odds = [np.where(each.doubts.chance > SURE, own, foreign) for each, own in zip(judged, strange, strict=True)]
    chances = [review.chances(own, each.doubts, each.conflicts) for each, own in zip(judged, odds, strict=True)]
    chance = np.max(chances, axis=0)
    lap("doubt labels and topics")
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
    worst = np.argmax(chances, axis=0)
    unusual = {i: _unusual(judged[worst[i]], i) for i in np.flatnonzero(chance >= WORTH).tolist()}
    suspects = _suspects(table, chance, found, unusual)
    lap("put in order")
    classes = {attribute: each.classes for attribute, each in zip(catalog.attributes, judged, strict=True)}
    ledger = replayed if replayed.files else None
    return Audit(source, classes, tuple(found), suspects, catalog.left_out, limits, ledger, notes=catalog.notes)


@dataclass(frozen=True)
class _Judged:
    """What the labels of one attribute look like.

    ``labels`` (n) are in words, ``numbers`` (n,) are theirs;
    ``own``, ``likeness`` and ``anywhere`` are those of :func:`_likeness`;
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
    conflicts: Doubles


def _judged(
    catalog: Catalog,
    attribute: int,
    table: Table,
    pairs: Ints,
    groups: Ints,
    scaler: Scaler,
    features: Array,
) -> _Judged:
    name = catalog.attributes[attribute].name if len(catalog.attributes) > 1 else ""
    said = [row.labels[attribute] for row in table.rows]
    # A photo without this label is compared like the others, under a label of its own that is never doubted.
    classes = sorted(set(said))
    number = {label: i for i, label in enumerate(classes)}
    numbers = np.array([number[label] for label in said])
    doubts = _doubts(table, numbers, groups, scaler, number.get("", -1))
    own, likeness, anywhere = _likeness(features, numbers, groups, doubts)
    found = [
        *_conflicts(table.rows, said, pairs, numbers, name),
        *_mislabelled(table.rows, said, doubts, classes, name),
    ]
    conflicts = np.where([label == "" for label in said], 0.0, review.conflicts(numbers, groups))
    known = tuple(label for label in classes if label)
    return _Judged(known, said, numbers, found, doubts, own, likeness, anywhere, conflicts)


def _twins(
    table: Table, looks: Looks, scaler: Scaler, progress: Progress
) -> tuple[Ints, Ints, dict[tuple[int, ...], float]]:
    """Pairs of exact and of near twins (k, 2), and how alike each near pair is, 0 to 1."""
    x = scaler(table.vectors)
    sketches = twins.sketch(x)
    quick = twins.find(table.sha256, table.thumbnails, sketches)
    # Of each content one photo stands for all: shops post a picture many times.
    distinct = np.sort(np.unique(table.sha256, return_index=True)[1])
    pairs = copies.candidates(sketches[distinct].astype(np.float32))
    pairs = distinct[pairs]
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
    pieces = np.array_split(pairs, len(pairs) // 4096 + 1)
    cosine = np.concatenate([np.einsum("ij,ij->i", x[piece[:, 0]], x[piece[:, 1]]) for piece in pieces])
    correlation = copies.alike(looks.pictures, pairs, progress)
    same = copies.twins(correlation, cosine)
    strength = dict.fromkeys(map(tuple, quick.near.tolist()), ALIKE)
    strength |= {(a, b): float(c) for (a, b), c in zip(pairs[same].tolist(), correlation[same], strict=True)}
    return quick.exact, np.array(sorted(strength), np.int64).reshape(-1, 2), strength


def _doubts(table: Table, numbers: Ints, groups: Ints, scaler: Scaler, nothing: int) -> Doubts:
    """Doubts about labels (n,); those with the number ``nothing`` are none."""
    everything = labels.nothing(numbers.copy())  # which is written into below
    given = np.flatnonzero(numbers != nothing)
    known, own = np.unique(numbers[given], return_inverse=True)
    if len(known) < 2:
        return everything
    found = labels.doubt(table.vectors[given], own, folds.deal(own, groups[given], FOLDS), scaler)
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


def _likeness(features: Array, numbers: Ints, groups: Ints, doubts: Doubts) -> tuple[Doubles, Doubles, Doubles]:
    """To good examples (n,): of a photo's label; of its label or the suggested one, whichever is more; of any label."""
    everything, nothing = np.arange(len(numbers)), np.zeros(len(numbers), np.int64)
    x = topic.hellinger(features)
    own = topic.likeness(x, numbers, groups, ~doubts.contradicted, everything, numbers)
    usual = review.usual(own, numbers, doubts)
    own = topic.likeness(x, numbers, groups, usual, everything, numbers)
    own[_few(numbers, groups)] = 1.0
    best, moved = own.copy(), np.flatnonzero(doubts.chance > SURE)
    suggested = topic.likeness(x, numbers, groups, usual, moved, doubts.suggested[moved])
    best[moved] = np.maximum(own[moved], suggested)
    anywhere = topic.likeness(x, nothing, groups, nothing == 0, everything, nothing, count=NEAREST)
    return own, best, anywhere if len(np.unique(groups)) > NEAREST else np.ones(len(numbers))


def _copies(
    rows: Sequence[Row], looks: Looks, exact: Ints, near: Ints, strength: Mapping[tuple[int, ...], float]
) -> Iterator[Finding]:
    """One finding for each photo that could go: of two twins the smaller, or the later."""
    area = looks.sizes.prod(axis=1)
    known: set[int] = set()
    for kind, pairs in (("exact twin", exact), ("near twin", near)):
        for a, b in pairs.tolist():
            kept, gone = (a, b) if area[a] >= area[b] else (b, a)
            if gone not in known:
                known.add(gone)
                alike = 1.0 if kind == "exact twin" else strength[a, b]
                words = f"same as {rows[kept].file_name}" + (
                    "" if alike == 1 else f", detail correlates by {alike:.2f}"
                )
                suggestion = "drop" if rows[gone].labels == rows[kept].labels else "look"
                yield Finding(rows[gone], kind, float(np.clip(1 - alike, 0, 1)), words, suggestion, other=rows[kept])


def _conflicts(
    rows: Sequence[Row], said: Sequence[str], pairs: Ints, numbers: Ints, attribute: str
) -> Iterator[Finding]:
    known: set[int] = set()
    for pair in pairs[numbers[pairs[:, 0]] != numbers[pairs[:, 1]]].tolist():
        for one, other in (pair, pair[::-1]):
            if one not in known and said[one] and said[other]:
                known.add(one)
                words = f"{attribute and f'{attribute}: '}{rows[other].file_name} is labelled {said[other]}"
                kind = "twins with different labels"
                yield Finding(rows[one], kind, 0.0, words, "look", other=rows[other], attribute=attribute)


def _mislabelled(
    rows: Sequence[Row], said: Sequence[str], doubts: Doubts, classes: Sequence[str], attribute: str
) -> Iterator[Finding]:
    for i in np.flatnonzero(doubts.chance > SURE).tolist():
        label, chance = classes[doubts.suggested[i]], float(doubts.chance[i])
        if label != said[i]:
            words = f"{attribute and f'{attribute}: '}looks like {label} ({doubts.probability[i]:.0%})"
            yield Finding(rows[i], "mislabelled", 1 - chance, words, "relabel", label, attribute=attribute)


def _off_topic(
    rows: Sequence[Row], likeness: Doubles, chance: Doubles, table: Table, backbone: Backbone
) -> Iterator[Finding]:
    usual = np.median(likeness)
    found = np.flatnonzero(chance > SURE)
    for i, name in zip(found.tolist(), common_names(backbone, table.vectors[found]), strict=True):
        words = f"looks like: {name}; " if name else ""
        words += f"likeness {likeness[i]:.2f}, usual is {usual:.2f}"
        yield Finding(rows[i], "off-topic", float(1 - chance[i]), words, "drop")


def _unusual(judged: _Judged, i: int) -> str:
    """What is odd about a photo, in words, by the attribute that speaks against it most."""
    own, label = judged.own[judged.numbers == judged.numbers[i]], judged.labels[i]
    if label and judged.own[i] < np.median(own):
        return f"unusual for {label}: likeness {judged.own[i]:.2f}, usual is {np.median(own):.2f}"
    return f"unlike the others: likeness {judged.anywhere[i]:.2f}, usual is {np.median(judged.anywhere):.2f}"


def _suspects(
    table: Table, chance: Doubles, found: Sequence[Finding], unusual: Mapping[int, str]
) -> tuple[Suspect, ...]:
    """The order of looking; a photo that is worth a look and that no finding is about has what is odd as its reason."""
    reasons: dict[str, list[str]] = {}
    for finding in found:
        reasons.setdefault(finding.row.file_name, []).append(f"{finding.kind}: {finding.evidence}")
    for i, words in unusual.items():
        reasons.setdefault(table.rows[i].file_name, [words])
    return tuple(
        Suspect(row, table.sha256[i], float(chance[i]), tuple(reasons.get(row.file_name, ())))
        for i in np.argsort(-chance, kind="stable").tolist()
        for row in (table.rows[i],)
    )

"""What is said of a photo: the findings about it, and in words why it stands where it does in the order of looking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from goodsight.arrays import Doubles, Ints
from goodsight.auditing.findings import SURE, WORTH, Finding
from goodsight.auditing.labels import Doubts
from goodsight.catalog.rows import Row

_EXPLAINS = {"twins with different labels", "mislabelled", "off-topic"}
"""Findings that say why a photo's label or topic may be wrong; the others say what else is amiss."""


def copies(
    rows: Sequence[Row], area: Ints, exact: Ints, near: Ints, strength: Mapping[tuple[int, ...], float]
) -> Iterator[Finding]:
    """One finding for each photo that could go: of two twins the smaller, or the later.

    Args:
        rows: the photos (n).
        area: their pixels (n,).
        exact: pairs of photos (k, 2) with the same bytes.
        near: pairs (m, 2) of nearly the same picture.
        strength: how alike each near pair is, 0 to 1.

    """
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


def conflicts(
    rows: Sequence[Row], said: Sequence[str], pairs: Ints, numbers: Ints, attribute: str
) -> Iterator[Finding]:
    """Both photos of each pair of twins (k, 2) whose labels, in words (n) and numbers (n,), differ."""
    known: set[int] = set()
    for pair in pairs[numbers[pairs[:, 0]] != numbers[pairs[:, 1]]].tolist():
        for one, other in (pair, pair[::-1]):
            if one not in known and said[one] and said[other]:
                known.add(one)
                words = f"{attribute and f'{attribute}: '}{rows[other].file_name} is labelled {said[other]}"
                kind = "twins with different labels"
                yield Finding(rows[one], kind, 0.0, words, "look", other=rows[other], attribute=attribute)


def mislabelled(
    rows: Sequence[Row], said: Sequence[str], doubts: Doubts, classes: Sequence[str], attribute: str
) -> Iterator[Finding]:
    """The photos (of n) whose label, in words (n), is doubted with a chance above one half."""
    for i in np.flatnonzero(doubts.chance > SURE).tolist():
        label, chance = classes[doubts.suggested[i]], float(doubts.chance[i])
        if label != said[i]:
            words = f"{attribute and f'{attribute}: '}looks like {label} ({doubts.probability[i]:.0%})"
            yield Finding(rows[i], "mislabelled", 1 - chance, words, "relabel", label, attribute=attribute)


def off_topic(rows: Sequence[Row], likeness: Doubles, chance: Doubles, names: Sequence[str]) -> Iterator[Finding]:
    """The photos that are foreign with a chance (n,) above one half, with the network's names (n) for what is there."""
    usual = np.median(likeness)
    for i in np.flatnonzero(chance > SURE).tolist():
        words = f"looks like: {names[i]}; " if names[i] else ""
        words += f"likeness {likeness[i]:.2f}, usual is {usual:.2f}"
        yield Finding(rows[i], "off-topic", float(1 - chance[i]), words, "drop")


def places(labels: Sequence[str], own: Doubles, anywhere: Doubles) -> list[str]:
    """How each photo (n) stands among its label's and among all, in words.

    Args:
        labels: in words (n), "" where there is none.
        own: likeness to the photos of the label (n,), 1 where there are too few to say.
        anywhere: likeness to the nearest photos of any label (n,), likewise.

    """
    few, names = (own == 1).tolist(), np.array(labels)
    own, anywhere = own.round(2), anywhere.round(2)
    quarters = {label: np.quantile(own[names == label], [0.25, 0.5]).tolist() for label in set(labels)}
    everywhere = np.quantile(anywhere, [0.25, 0.5]).tolist()
    found = []
    for label, alone, alike, near in zip(labels, few, own.tolist(), anywhere.tolist(), strict=True):
        if label and alike < quarters[label][1]:
            found.append(_odd(f"unusual for {label}", alike, *quarters[label]))
        elif near < everywhere[1]:
            found.append(_odd("unlike the others", near, *everywhere))
        elif alone:
            found.append(f"too few photos {label and f'of {label} '}to compare it with")
        else:
            found.append(
                f"usual for {label}: likeness {alike:.2f}" if label else f"like the others: likeness {near:.2f}"
            )
    return found


def _odd(words: str, likeness: float, low: float, usual: float) -> str:
    return f"{'' if likeness <= low else 'a little '}{words}: likeness {likeness:.2f}, usual is {usual:.2f}"


def reasons(chance: float, findings: Sequence[Finding], place: str) -> tuple[str, ...]:
    """Why a photo stands where it stands, at least one reason.

    Args:
        chance: that its label or topic is wrong.
        findings: about this photo.
        place: what :func:`places` says of it; told where no finding explains the chance.

    """
    said = tuple(_reason(finding, chance) for finding in findings)
    explained = any(finding.kind in _EXPLAINS for finding in findings) or chance < WORTH
    return said if said and explained else (*said, place)


def _reason(finding: Finding, chance: float) -> str:
    # How sure the label finder is of itself is no help where everything together is not sure.
    if finding.kind == "mislabelled" and chance <= SURE:
        return f"perhaps mislabelled: {finding.evidence.rpartition(' (')[0]}"
    return f"{finding.kind}: {finding.evidence}"

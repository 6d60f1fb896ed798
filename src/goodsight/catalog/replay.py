"""What people decided in ledgers is replayed on the rows of a catalog; no photo is ever moved, changed or deleted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from goodsight.catalog.ledger import Entry, read
from goodsight.catalog.rows import NO, YES, Catalog, Row
from goodsight.errors import LedgerError, did_you_mean
from goodsight.photos import decoder
from goodsight.photos.limits import DEFAULT_LIMITS, BadPhoto, Limits
from goodsight.photos.places import Place

_SHOWN = 5


@dataclass(frozen=True)
class Replayed:
    """A catalog after a ledger, and what the ledger did to it.

    Attributes:
        catalog: what is left, with new labels; dropped photos are among those left out.
        files: the ledgers.
        kept: names of photos that a person looked at and left as they are.
        dropped: rows that are out, as they were.
        relabelled: the old labels of each photo that has new ones, by name.
        absent: names of rows whose photo is not among the photos, or cannot be read, with the reason.
        disputed: names of photos on which reviewers disagree, with what each said.

    """

    catalog: Catalog
    files: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    dropped: tuple[Row, ...] = ()
    relabelled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    absent: tuple[tuple[str, str], ...] = ()
    disputed: tuple[tuple[str, str], ...] = ()

    @property
    def undone(self) -> list[Row]:
        """The dropped photos that would be trained on."""
        return [row for row in self.dropped if row.split in ("", "train")]

    def before(self, attribute: int) -> Mapping[str, str]:
        """The old label of one attribute, by its number, of each photo that has a new one."""
        new = {row.file_name: row.labels[attribute] for row in self.catalog.rows if row.file_name in self.relabelled}
        old = {name: labels[attribute] for name, labels in self.relabelled.items()}
        return {name: label for name, label in old.items() if label != new[name]}

    def to_json(self) -> dict[str, Any]:
        """For ``metrics.json``."""
        return {
            "files": list(self.files),
            "kept": len(self.kept),
            "dropped": len(self.dropped),
            "relabelled": len(self.relabelled),
            "without_a_photo": [list(pair) for pair in self.absent],
            "disputed": [list(pair) for pair in self.disputed],
        }


def replay(
    catalog: Catalog,
    ledgers: Sequence[Path],
    *,
    classes: Mapping[str, Collection[str]] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Replayed:
    """Replay ledgers on a catalog; only photos that they name are read. Replaying twice changes nothing more.

    Of several rows on a photo the newest counts, and of equally new ones the last, in the order in which the ledgers
    are given. A row fits a photo by its content and by its name, with or without the source's name before it.

    Args:
        catalog: the rows.
        ledgers: their files.
        classes: labels that are known beside those of the catalog, such as a model's, by attribute.
        limits: photos beyond them are not read.

    Raises:
        LedgerError: a ledger cannot be read, a photo was changed since its row was written, a new label looks like a
            slip, or no photo would be left.

    """
    entries = sorted((entry for path in ledgers for entry in read(path)), key=lambda entry: entry.time)
    said, absent = _matched(catalog, _for(catalog, entries), limits)
    _require_labels(catalog, list(said.values()), classes or {})
    after = _after(catalog, said)
    if not after.catalog.rows:
        raise LedgerError(f"{', '.join(map(str, ledgers))}: drops every photo of {catalog.name}")
    disputed = ((catalog.rows[i].file_name, _dispute(said[i])) for i in sorted(said))
    return replace(
        after,
        files=tuple(map(str, ledgers)),
        absent=tuple(absent.items()),
        disputed=tuple((name, words) for name, words in disputed if words),
    )


def _for(catalog: Catalog, entries: Iterable[Entry]) -> list[Entry]:
    """The entries that are about these photos' attributes: a new label of an attribute that is not trained is not.

    Raises:
        LedgerError: there are several attributes, and a new label does not say which it is for.

    """
    names = [attribute.name for attribute in catalog.attributes]
    meant = []
    for entry in entries:
        if entry.label and not entry.attribute and len(names) > 1:
            raise LedgerError(
                f"{entry.where}: relabels to {entry.label!r}, but the photos have the attributes {', '.join(names)}; "
                "write which one into the column attribute"
            )
        if not entry.label or not entry.attribute or entry.attribute in names:
            # Of the only attribute it is all the same whether it is named.
            meant.append(entry if len(names) > 1 else replace(entry, attribute=""))
    return meant


def _after(catalog: Catalog, said: Mapping[int, Sequence[Entry]]) -> Replayed:
    """A catalog after the entries on each row, by its number, in their order."""
    numbers = {attribute.name: number for number, attribute in enumerate(catalog.attributes)}
    left, out, dropped, kept, before = [], [], [], [], {}
    for i, row in enumerate(catalog.rows):
        entries = said.get(i, ())
        if entries and entries[-1].decision == "drop":
            dropped.append(row)
            out.append((row.file_name, f"dropped by the ledger{entries[-1].reason and ': '}{entries[-1].reason}"))
            continue
        labels = given = row.labels
        for entry in entries:
            number = numbers.get(entry.attribute, 0)
            labels = (*labels[:number], entry.label, *labels[number + 1 :]) if entry.label else given
        left.append(replace(row, labels=labels))
        if labels != given:
            before[row.file_name] = given
        elif entries:
            kept.append(row.file_name)
    changed = replace(catalog, rows=tuple(left), left_out=(*catalog.left_out, *out))
    return Replayed(changed, (), tuple(kept), tuple(dropped), before)


def _matched(
    catalog: Catalog, entries: Sequence[Entry], limits: Limits
) -> tuple[dict[int, list[Entry]], dict[str, str]]:
    """The entries on each row, by its number and in their order, and the names without a photo, with the reason."""
    place = _Places(catalog.rows)
    digests: dict[int, str | BadPhoto] = {}
    said: dict[int, list[Entry]] = defaultdict(list)
    absent: dict[str, str] = {}
    stale: dict[str, Entry] = {}
    for entry in entries:
        found = place(entry.file_name)
        for i in found:
            if i not in digests:
                digests[i] = _digest(catalog.rows[i].path, limits)
        fitting = [i for i in found if digests[i] == entry.sha256]
        bad = [digest for i in found if isinstance(digest := digests[i], BadPhoto)]
        for i in fitting:
            said[i].append(entry)
            # A photo that was audited again since it was changed.
            stale = {name: old for name, old in stale.items() if i not in place(name)}
        if bad or not found:
            absent[entry.file_name] = str(bad[0]) if bad else f"{entry.where}: no such photo"
        elif not fitting:
            stale[entry.file_name] = entry
    _require_unchanged(stale)
    return said, absent


class _Places:
    """Row numbers by name, with or without the name of the source, which comes first where there are several."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._several = any(row.source for row in rows)
        self._rows: dict[str, list[int]] = defaultdict(list)
        for i, row in enumerate(rows):
            self._rows[row.file_name].append(i)
            if self._several:
                self._rows[self._without_first(row.file_name)].append(i)

    def __call__(self, name: str) -> list[int]:
        found = self._rows.get(name, [])
        return found if found or self._several else self._rows.get(self._without_first(name), [])

    @staticmethod
    def _without_first(name: str) -> str:
        return name.partition("/")[2]


def _digest(path: Place, limits: Limits) -> str | BadPhoto:
    try:
        return decoder.digest(path, limits)
    except BadPhoto as bad:
        return bad


def _require_unchanged(stale: Mapping[str, Entry]) -> None:
    if stale:
        shown = "; ".join(f"{entry.where}: {name}" for name, entry in list(stale.items())[:_SHOWN])
        more = f"; and {len(stale) - _SHOWN} more" if len(stale) > _SHOWN else ""
        raise LedgerError(
            f"{len(stale)} photos were changed since the ledger was written ({shown}{more}); audit them again, or "
            "delete these rows"
        )


def _require_labels(catalog: Catalog, said: Sequence[Sequence[Entry]], classes: Mapping[str, Collection[str]]) -> None:
    """A new class is a class only when two photos are given to it: one alone is more likely a slip. A tag has none."""
    several = len(catalog.attributes) > 1
    for number, attribute in enumerate(catalog.attributes):
        known = {*catalog.classes(number), *classes.get(attribute.name, ())}
        known |= {YES, NO} if attribute.tag else set()
        mine = [[e for e in entries if not e.label or not several or e.attribute == attribute.name] for entries in said]
        last = [entries[-1] for entries in mine if entries]
        for entry in last:
            if not entry.label or entry.label in known:
                continue
            if attribute.tag or sum(e.label == entry.label for e in last) < 2:
                more = "A tag has no others" if attribute.tag else "A new class needs two photos"
                raise LedgerError(
                    f"{entry.where}: relabels {entry.file_name} to {entry.label!r}, which is none of the labels "
                    f"({', '.join(sorted(known)[:20])}).{did_you_mean(entry.label, known)} {more}"
                )


def _dispute(entries: Sequence[Entry]) -> str:
    """What each reviewer said last, of each attribute where that is not the same; '' when they agree."""
    disputes = []
    for attribute in dict.fromkeys(entry.attribute for entry in entries if entry.label) or [""]:
        # Who keeps or drops a photo speaks of all its labels.
        words = {e.reviewer or "somebody": e for e in entries if not e.label or e.attribute == attribute}
        if len({entry.said for entry in words.values()}) > 1:
            disputes.append(f"{', '.join(f'{name}: {entry.said}' for name, entry in words.items())}; the newest counts")
    return "; ".join(disputes)

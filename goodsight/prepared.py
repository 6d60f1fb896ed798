"""Labelled photos become train, validation and test folders for other tools, with no twins on both sides."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from goodsight import __version__, photos
from goodsight.calibrate import Ints
from goodsight.catalog import Row
from goodsight.errors import CatalogError, GoodsightError
from goodsight.folds import portion
from goodsight.ledger import Replayed
from goodsight.photos import BadPhoto, Limits
from goodsight.photoset import PhotoSet

COLUMNS = ("file_name", "label", "split", "twin_group", "sha256", "source")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LONGEST = 180
"""Bytes of a name; file systems take 255."""


@dataclass(frozen=True)
class Prepared:
    """What went where.

    Attributes:
        folder: the folder that was made.
        counts: photos per class and split: ``{class: {split: n}}``.
        twin_groups: how many there are, each wholly in one split.
        lacking: classes that are too small for every split, with what is missing.
        bad: photos that could not be decoded and why.
        left_out: rows that were not used and why.
        ledger: what ledgers changed; None without one.

    """

    folder: Path
    counts: Mapping[str, Mapping[str, int]]
    twin_groups: int
    lacking: tuple[tuple[str, str], ...]
    bad: tuple[tuple[str, str], ...]
    left_out: tuple[tuple[str, str], ...]
    ledger: Replayed | None

    def to_json(self) -> dict[str, Any]:
        """For ``split.json``."""
        return {
            "counts": self.counts,
            "twin_groups": self.twin_groups,
            "lacking": dict(self.lacking),
            "bad_photos": [list(pair) for pair in self.bad],
            "left_out": [list(pair) for pair in self.left_out],
            "ledger": self.ledger and self.ledger.to_json(),
        }


def shares(validation: float, test: float) -> dict[str, float]:
    """The share of each split that is wanted.

    Raises:
        GoodsightError: a number is out of its range.

    """
    for option, value in (("--validation", validation), ("--test", test)):
        if not 0 <= value <= 0.5:
            raise GoodsightError(f"{option} {value:g}: must be between 0 and 0.5")
    if not 0 < validation + test < 1:
        raise GoodsightError(
            f"--validation {validation:g} and --test {test:g}: their sum must be above 0 and below 1, so that there is "
            "something to divide"
        )
    wanted = {"train": 1 - validation - test, "validation": validation, "test": test}
    return {name: share for name, share in wanted.items() if share}


def require_apart(out: Path, sources: Sequence[Path], rows: Iterable[Row]) -> None:
    """The folder to make must not lie among the photos, nor hold any of them: it would be read, or they be replaced.

    Raises:
        GoodsightError: it does.

    """
    # Not Path.resolve: it raises on a link that leads to itself, which is only a bad photo.
    folder = Path(os.path.realpath(out))
    within = any(source.is_dir() and folder.is_relative_to(os.path.realpath(source)) for source in sources)
    inside = (Path(os.path.realpath(path)) for path in (*sources, *(row.path for row in rows)))
    if within or any(path.is_relative_to(folder) for path in inside):
        raise GoodsightError(f"--out {out}: lies in the folder of the photos, or they in it; choose one outside it")


def write(
    folder: Path,
    photo_set: PhotoSet,
    groups: Ints,
    replayed: Replayed,
    left_out: Sequence[tuple[str, str]],
    wanted: Mapping[str, float],
    seed: int,
    limits: Limits,
) -> Prepared:
    """Copy the photos into ``SPLIT/CLASS/`` with ``metadata.csv``, which ``goodsight train`` reads, and ``split.json``.

    Args:
        folder: to fill.
        photo_set: the photos (n), each with a class.
        groups: twin group of each photo (n,).
        replayed: the catalog that they came from, and what ledgers changed in it.
        left_out: names of rows that are not used, and why.
        wanted: the share of each split.
        seed: of the dealing.
        limits: that the photos were read with.

    Raises:
        CatalogError: a photo was changed meanwhile.

    """
    names, table = list(wanted), photo_set.table
    splits = [names[part] for part in portion(photo_set.labels, groups, list(wanted.values()), seed)]
    places = _places(table.rows, splits)
    for row, place, digest in zip(table.rows, places, table.sha256, strict=True):
        _copy(row, folder / place, digest, limits)
    columns = (places, [row.label for row in table.rows], splits, groups.tolist(), table.sha256)
    _list(folder, [(*record, row.file_name) for *record, row in zip(*columns, table.rows, strict=True)])
    counts = {c: dict.fromkeys(names, 0) for c in photo_set.classes}
    for row, split in zip(table.rows, splits, strict=True):
        counts[row.label][split] += 1
    made = Prepared(
        folder=folder,
        counts=counts,
        twin_groups=len(np.unique(groups)),
        lacking=_lacking(photo_set, groups, counts),
        bad=tuple((row.file_name, str(bad)) for row, bad in table.bad),
        left_out=tuple(left_out),
        ledger=replayed if replayed.files else None,
    )
    told = {"goodsight": __version__, "shares": dict(wanted), "seed": seed} | made.to_json()
    (folder / "split.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    return made


def _list(folder: Path, records: Iterable[Sequence[object]]) -> None:
    # A name that is not valid text has lone surrogates, which no reader of the list could take.
    with (folder / "metadata.csv").open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(records)


def _places(rows: Sequence[Row], splits: Sequence[str]) -> list[str]:
    """Where each photo goes, relative to the folder."""
    name = _Names()
    folder_of = {label: name("", label) for label in sorted({row.label for row in rows})}
    places = []
    for row, split in zip(rows, splits, strict=True):
        room, path = f"{split}/{folder_of[row.label]}", PurePosixPath(row.file_name)
        plain = re.fullmatch(r"\.[0-9A-Za-z]{1,10}", path.suffix)
        places.append(f"{room}/{name(room, path.stem, path.suffix) if plain else name(room, path.name)}")
    return places


class _Names:
    """Names that any system takes, each once in its folder, also where case does not count."""

    def __init__(self) -> None:
        self._taken: set[tuple[str, str]] = set()
        self._times: Counter[tuple[str, str]] = Counter()

    def __call__(self, folder: str, stem: str, suffix: str = "") -> str:
        """A name in a folder."""
        stem = _safe(stem)
        wished = name = f"{stem}{suffix}"
        while True:
            self._times[folder, wished.casefold()] += 1
            if (number := self._times[folder, wished.casefold()]) > 1:
                name = f"{stem}-{number}{suffix}"
            if (folder, name.casefold()) not in self._taken:
                self._taken.add((folder, name.casefold()))
                return name


def _safe(name: str) -> str:
    """A name without separators, control characters and what Windows or a shell takes amiss."""
    name = re.sub(r"[^\w. -]+", "_", unicodedata.normalize("NFC", name)).strip(" .-")
    name = name.encode()[:_LONGEST].decode(errors="ignore").rstrip(" .")
    return f"_{name}" if not name or _RESERVED.fullmatch(name) else name


def _copy(row: Row, place: Path, digest: str, limits: Limits) -> None:
    try:
        data = photos.read(row.path, limits)
    except BadPhoto as bad:
        raise CatalogError(f"{row.path}: was changed while it was copied: {bad}; run it again") from bad
    if hashlib.sha256(data).hexdigest() != digest:
        raise CatalogError(f"{row.path}: was changed while it was copied; run it again")
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("xb") as stream:
        stream.write(data)


def _lacking(photo_set: PhotoSet, groups: Ints, counts: Mapping[str, Mapping[str, int]]) -> tuple[tuple[str, str], ...]:
    """Classes that are missing in a split, with the reason."""
    distinct: dict[str, set[int]] = defaultdict(set)
    for row, group in zip(photo_set.table.rows, groups.tolist(), strict=True):
        distinct[row.label].add(group)
    return tuple(
        (name, f"none in {' and '.join(missing)}: {len(distinct[name])} distinct photos of {sum(by_split.values())}")
        for name, by_split in counts.items()
        if (missing := [split for split, n in by_split.items() if not n])
    )

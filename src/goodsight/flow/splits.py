"""Labelled photos become train, validation and test folders for other tools, with no twins on both sides."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from goodsight.about import __version__
from goodsight.arrays import Ints
from goodsight.backbones import by_name
from goodsight.backbones.engine import start
from goodsight.catalog import trainable
from goodsight.catalog.columns import Columns
from goodsight.catalog.ledger import Replayed, replay
from goodsight.catalog.read import read_catalog
from goodsight.catalog.rows import Row
from goodsight.embedding import photoset, stream
from goodsight.embedding.cache import Cache
from goodsight.embedding.photoset import PhotoSet
from goodsight.errors import CatalogError, GoodsightError
from goodsight.files import refuse_folder, whole_folder
from goodsight.flow import work
from goodsight.flow.work import paths_of, require_not_negative, views_for
from goodsight.heads.folds import portion
from goodsight.photos import decoder
from goodsight.photos.limits import DEFAULT_LIMITS, BadPhoto, Limits
from goodsight.progress import Progress, quiet
from goodsight.training.groups import group


def split(
    photos: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    validation: float = 0.1,
    test: float = 0.1,
    label: str = "label",
    ledger: str | Path | Sequence[str | Path] = (),
    seed: int = 0,
    limits: Limits = DEFAULT_LIMITS,
    cache: bool = True,
    force: bool = False,
    progress: Progress = quiet,
) -> Prepared:
    """Copy labelled photos into train, validation and test folders for other tools, with no twins on both sides.

    Args:
        photos: as for :func:`train`; a split in them is ignored.
        out: the folder to make; :func:`train` reads it as well.
        validation: the share of photos for validation, 0 to 0.5.
        test: the share of photos for the test, 0 to 0.5.
        label: the label column of a list.
        ledger: what people decided about these photos, in one or several files.
        seed: another number gives another split.
        limits: on bytes and pixels of a photo.
        cache: use and fill the embedding cache.
        force: replace ``out`` if it is there.
        progress: told about every step.

    Raises:
        CatalogError: the photos or labels cannot be used.
        LedgerError: a ledger cannot be read, or does not fit the photos.
        FolderExistsError: ``out`` is there and ``force`` is not set.
        GoodsightError: a number is out of its range, or ``out`` lies among the photos.

    """
    out, sources, wanted = Path(out), paths_of(photos), shares(validation, test)
    require_not_negative(**{"`seed`": seed})
    refuse_folder(out, force=force)
    given = read_catalog(*sources, columns=Columns.of(label), ignore_split=True)
    work.require_apart(out, sources, given.rows)
    replayed = replay(given, paths_of(ledger), limits=limits)
    rows = replayed.catalog
    trainable.require_classes(rows)
    backbone = by_name.load(views=views_for(rows, "lite0"))
    engine = start(backbone.network)
    known = Cache(backbone, engine) if cache else None
    table = stream.table(rows.rows, backbone, engine, cache=known, limits=limits, progress=progress)
    engine.close()
    table, corrected = photoset.corrected(table)
    (photo_set,) = photoset.to_train(rows, table)
    (twin_groups,) = group([photo_set], backbone)
    with whole_folder(out, force=force) as folder:
        progress("copy the photos", 0, 0)
        left_out = [*rows.left_out, *corrected]
        done = write(folder, photo_set, twin_groups.found.groups, replayed, left_out, wanted, seed, limits)
    return replace(done, folder=out)


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
    for option, value in (("`validation`", validation), ("`test`", test)):
        if not 0 <= value <= 0.5:
            raise GoodsightError(f"{option} {value:g}: must be between 0 and 0.5")
    if not 0 < validation + test < 1:
        raise GoodsightError(
            f"`validation` {validation:g} and `test` {test:g}: their sum must be above 0 and below 1, so that there is "
            "something to divide"
        )
    wanted = {"train": 1 - validation - test, "validation": validation, "test": test}
    return {name: share for name, share in wanted.items() if share}


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
        data = decoder.read(row.path, limits)
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
    for row, number in zip(photo_set.table.rows, groups.tolist(), strict=True):
        distinct[row.label].add(number)
    return tuple(
        (name, f"none in {' and '.join(missing)}: {len(distinct[name])} distinct photos of {sum(by_split.values())}")
        for name, by_split in counts.items()
        if (missing := [split for split, n in by_split.items() if not n])
    )

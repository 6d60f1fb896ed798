"""Labelled photos become train, validation and test folders for other tools, with no twins on both sides."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from goodsight.about import __version__
from goodsight.arrays import Ints
from goodsight.backbones import by_name
from goodsight.catalog import trainable
from goodsight.catalog.labels import UNSAID, Labels
from goodsight.catalog.read import read_catalog
from goodsight.catalog.replay import Replayed, replay
from goodsight.catalog.rows import YES, Attribute, Row
from goodsight.embedding import photoset
from goodsight.embedding.table import Table
from goodsight.errors import CatalogError, GoodsightError, require_at_least
from goodsight.files import refuse_folder, whole_folder, write_table
from goodsight.flow.work import USUAL, Sources, Work, drawn, paths_of, require_apart
from goodsight.heads.folds import portion
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto, Limits
from goodsight.training.groups import group
from goodsight.training.recipe import Recipe
from goodsight.training.road import looks
from goodsight.training.series import Seek


@drawn
def split(
    photos: Sources,
    out: str | Path,
    *,
    validation: float = 0.1,
    test: float = 0.1,
    labels: Labels = UNSAID,
    seed: int = 0,
    work: Work = USUAL,
) -> Divided:
    """Copy labelled photos into train, validation and test folders for other tools, with no twins on both sides.

    Args:
        photos: as for :func:`goodsight.train`; a split in them is ignored.
        out: the folder to make; :func:`goodsight.train` reads it as well.
        validation: the share of photos for validation, 0 to 0.5.
        test: the share of photos for the test, 0 to 0.5.
        labels: where the labels are, and what people decided about them.
        seed: another number gives another split.
        work: how the work is done.

    Raises:
        CatalogError: the photos or labels cannot be used.
        LedgerError: a ledger cannot be read, or does not fit the photos.
        FolderExistsError: ``out`` is there and ``work.force`` is not set.
        GoodsightError: a number is out of its range, or ``out`` lies among the photos.

    """
    out, sources, wanted = Path(out), paths_of(photos), shares(validation, test)
    require_at_least(0, seed=seed)
    refuse_folder(out, force=work.force)
    given = read_catalog(*sources, labels=labels, ignore_split=True)
    require_apart(out, sources, given.rows)
    replayed = replay(given, labels.ledgers, limits=work.limits)
    rows = replayed.catalog
    trainable.require_classes(rows)
    recipe = Recipe(views=looks(Recipe(), rows))
    with work.embedder(by_name.load(views=recipe.views)) as embedder:
        table, corrected = photoset.corrected(embedder.table(rows.rows))
    sets = photoset.to_train(rows, table)
    how = None if labels.group else Seek.by(recipe)
    groups = group(sets, embedder.backbone, how)[0].units
    with whole_folder(out, force=work.force) as folder:
        work.progress("copy the photos", 0, 0)
        left_out = [*rows.left_out, *corrected]
        parts = _Parts(table, rows.attributes, groups, wanted, seed)
        done = _write(folder, parts, replayed, left_out, work.limits)
    return replace(done, folder=out)


COLUMNS = ("split", "twin_group", "sha256", "source")
"""Of ``metadata.csv``, after the name and the labels; ``group`` comes last where groups are known."""


_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


_LONGEST = 180
"""Bytes of a name; file systems take 255."""


@dataclass(frozen=True)
class Divided:
    """What went where.

    Attributes:
        folder: the folder that was made.
        counts: photos per class and split: ``{class: {split: n}}``.
        twin_groups: how many there are, each wholly in one split.
        lacking: classes that are too small for every split, with what is missing.
        bad: photos that could not be decoded and why.
        left_out: rows that were not used and why.
        ledger: what ledgers changed; None without one.
        notes: what else should be known of the photos, such as an empty class folder.

    """

    folder: Path
    counts: Mapping[str, Mapping[str, int]]
    twin_groups: int
    lacking: tuple[tuple[str, str], ...]
    bad: tuple[tuple[str, str], ...]
    left_out: tuple[tuple[str, str], ...]
    ledger: Replayed | None
    notes: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For ``split.json``."""
        return {
            "counts": self.counts,
            "twin_groups": self.twin_groups,
            "lacking": dict(self.lacking),
            "bad_photos": [list(pair) for pair in self.bad],
            "left_out": [list(pair) for pair in self.left_out],
            "notes": [list(pair) for pair in self.notes],
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


@dataclass(frozen=True)
class _Parts:
    """Photos to be dealt: the good ones (n), their attributes and twin groups (n,), the shares, and the seed."""

    table: Table
    attributes: tuple[Attribute, ...]
    groups: Ints
    wanted: Mapping[str, float]
    seed: int

    @cached_property
    def classes(self) -> list[str]:
        """What each photo is dealt by, and the name of its folder: its labels, as in ``black_jeans``."""
        named = [number for number, attribute in enumerate(self.attributes) if not attribute.tag]
        return ["_".join(row.labels[n] or "-" for n in named) or "photos" for row in self.table.rows]

    @cached_property
    def splits(self) -> list[str]:
        """The split of each photo."""
        names = list(self.wanted)
        numbers = np.unique(self.classes, return_inverse=True)[1]
        return [names[part] for part in portion(numbers, self.groups, list(self.wanted.values()), self.seed)]


def _write(
    folder: Path, parts: _Parts, replayed: Replayed, left_out: Sequence[tuple[str, str]], limits: Limits
) -> Divided:
    """Copy the photos into ``SPLIT/CLASS/`` with ``metadata.csv``, which ``goodsight train`` reads, and ``split.json``.

    Args:
        folder: to fill.
        parts: the photos, dealt.
        replayed: the catalog that they came from, and what ledgers changed in it.
        left_out: names of rows that are not used, and why.
        limits: that the photos were read with.

    Raises:
        CatalogError: a photo was changed meanwhile.

    """
    table, names = parts.table, list(parts.wanted)
    places = _places(table.rows, parts.classes, parts.splits)
    for row, place, digest in zip(table.rows, places, table.sha256, strict=True):
        _copy(row, folder / place, digest, limits)
    _list(folder, parts, places)
    counts = {c: dict.fromkeys(names, 0) for c in sorted(set(parts.classes))}
    for label, split in zip(parts.classes, parts.splits, strict=True):
        counts[label][split] += 1
    made = Divided(
        folder=folder,
        counts=counts,
        twin_groups=len(np.unique(parts.groups)),
        lacking=_lacking(parts, counts),
        bad=tuple((row.file_name, str(bad)) for row, bad in table.bad),
        left_out=tuple(left_out),
        ledger=replayed if replayed.files else None,
        notes=replayed.catalog.notes,
    )
    told = {"goodsight": __version__, "shares": dict(parts.wanted), "seed": parts.seed} | made.to_json()
    (folder / "split.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    return made


def _list(folder: Path, parts: _Parts, places: Sequence[str]) -> None:
    """``metadata.csv``: a column for each attribute, and one for all tags; a single one is read again as ``label``."""
    named = [(number, a.name) for number, a in enumerate(parts.attributes) if not a.tag]
    tags = [(number, a.name) for number, a in enumerate(parts.attributes) if a.tag]
    columns = [*(name for _, name in named), *(["tags"] if tags else [])]
    if len(parts.attributes) == len(named) == 1:
        columns = ["label"]
    grouped = any(row.group for row in parts.table.rows)
    lines: list[list[object]] = [["file_name", *columns, *COLUMNS, *(["group"] if grouped else [])]]
    each = zip(parts.table.rows, places, parts.splits, parts.groups.tolist(), parts.table.sha256, strict=True)
    for row, place, split, group_number, digest in each:
        said = [row.labels[number] for number, _ in named]
        if tags:
            said.append(" ".join(name for number, name in tags if row.labels[number] == YES))
        lines.append([place, *said, split, group_number, digest, row.file_name, *([row.group] if grouped else [])])
    write_table(folder / "metadata.csv", lines)


def _places(rows: Sequence[Row], classes: Sequence[str], splits: Sequence[str]) -> list[str]:
    """Where each photo goes, relative to the folder."""
    name = _Names()
    folder_of = {label: name("", label) for label in sorted(set(classes))}
    places = []
    for row, label, split in zip(rows, classes, splits, strict=True):
        room, path = f"{split}/{folder_of[label]}", PurePosixPath(row.file_name)
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


def _lacking(parts: _Parts, counts: Mapping[str, Mapping[str, int]]) -> tuple[tuple[str, str], ...]:
    """Classes that are missing in a split, with the reason."""
    distinct: dict[str, set[int]] = defaultdict(set)
    for label, number in zip(parts.classes, parts.groups.tolist(), strict=True):
        distinct[label].add(number)
    return tuple(
        (name, f"none in {' and '.join(missing)}: {len(distinct[name])} distinct photos of {sum(by_split.values())}")
        for name, by_split in counts.items()
        if (missing := [split for split, n in by_split.items() if not n])
    )

"""What the embedding cache holds, by network, and how it is pruned: whole files go, those that were used last stay."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from goodsight.embedding import index
from goodsight.embedding.cache import ABOUT, embeddings_folder
from goodsight.embedding.records import Records, listed
from goodsight.errors import GoodsightError, did_you_mean, require_at_least

UNKNOWN = "unknown"
"""What a network is called whose embeddings an earlier version kept, until they are used again."""
_FOLDER = re.compile("[0-9a-f]{32}")
_LEFT = re.compile(r"\.(index|about\.json|[0-9a-f]{32}\.(records|npy))\.[0-9a-f]{32}")
"""What a killed process leaves: a file that was to appear whole."""
_DAY = 86400.0


@dataclass(frozen=True)
class Kept:
    """The embeddings of one network.

    Attributes:
        folder: where they are.
        network: its name; :data:`UNKNOWN` where nothing says it.
        details: its side in pixels, the engine and the precision, in words; '' likewise.
        photos: how many embeddings there are.
        size: bytes of their files.
        used: when any of them was last read or written, in seconds since 1970.

    """

    folder: Path
    network: str
    details: str
    photos: int
    size: int
    used: float


@dataclass(frozen=True)
class Pruned:
    """What was removed of one network, and how many of its files had to stay as a process was writing to them."""

    network: str
    photos: int
    size: int
    busy: int


@dataclass(frozen=True)
class _File:
    records: Records
    network: str
    photos: int
    size: int
    used: float


def kept() -> tuple[Kept, ...]:
    """What is in the cache, the network that was used last first."""
    found = []
    for folder in _folders():
        files = _files(folder)
        if files:
            name, details = _whose(folder)
            photos, size, used = sum(f.photos for f in files), sum(f.size for f in files), max(f.used for f in files)
            found.append(Kept(folder, name, details, photos, size, used))
    return tuple(sorted(found, key=lambda one: -one.used))


def prune(
    networks: Sequence[str] = (), *, older: float | None = None, at_most: float | None = None
) -> tuple[Pruned, ...]:
    """Remove embeddings; nothing else is touched, and what is removed is only made again when it is needed.

    Files are removed whole, each with up to 256 MB of embeddings. One that a process is appending to stays.

    Args:
        networks: the names of those whose embeddings may go, or their folders' names; all when there are none.
        older: days since their last use; younger ones stay.
        at_most: bytes that may stay of these networks, the least recently used go.

    Returns:
        What was removed, by network; nothing for those that lost nothing.

    Raises:
        GoodsightError: nothing says what to remove, there is no such network, or a number is below 0.

    """
    if not networks and older is None and at_most is None:
        raise GoodsightError("`prune`: nothing says what to remove; name networks, or give `older` or `at_most`")
    require_at_least(0, **{name: n for name, n in (("older", older), ("at_most", at_most)) if n is not None})
    chosen = _chosen(networks)
    files = sorted((file for folder in chosen for file in _files(folder)), key=lambda file: file.used)
    # Age and size are two reasons, either of which is enough; a network's name alone means all of it.
    going = files if at_most is None else []
    if older is not None:
        going = [file for file in files if file.used <= time.time() - older * _DAY]
    if at_most is not None:
        going = _down_to(at_most, files, going)
    removed = [(file, file.records.remove()) for file in going]
    for folder in chosen:
        _tidy(folder)
    return tuple(_pruned(removed))


def _down_to(at_most: float, files: Sequence[_File], going: Sequence[_File]) -> list[_File]:
    """The files that go, and those that must go as well, oldest first, for the rest to have so few bytes."""
    found, left = list(going), sum(file.size for file in files) - sum(file.size for file in going)
    for file in files:
        if left <= at_most:
            break
        if file not in going:
            found.append(file)
            left -= file.size
    return found


def _pruned(removed: Sequence[tuple[_File, bool]]) -> list[Pruned]:
    found = []
    for name in dict.fromkeys(file.network for file, _ in removed):
        mine = [(file, gone) for file, gone in removed if file.network == name]
        gone = [file for file, went in mine if went]
        found.append(Pruned(name, sum(f.photos for f in gone), sum(f.size for f in gone), len(mine) - len(gone)))
    return found


def _chosen(networks: Sequence[str]) -> list[Path]:
    """The folders of networks by name.

    Raises:
        GoodsightError: there is none of a name.

    """
    folders = _folders()
    if not networks:
        return folders
    known = {folder: {_whose(folder)[0], folder.name} for folder in folders}
    for name in networks:
        if not any(name in names for names in known.values()):
            said = sorted({_whose(folder)[0] for folder in folders})
            there = f"it has {', '.join(said)}" if said else "it is empty"
            hint = did_you_mean(name, said)
            raise GoodsightError(f"network {name}: the cache has no embeddings of it; {there}.{hint}")
    return [folder for folder, names in known.items() if names & set(networks)]


def _folders() -> list[Path]:
    root = embeddings_folder()
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if _FOLDER.fullmatch(path.name) and path.is_dir())


def _files(folder: Path) -> list[_File]:
    name, found = _whose(folder)[0], []
    covered = index.Index.load(folder).covered
    for file in listed(folder):
        with contextlib.suppress(FileNotFoundError):
            said = file.path.stat()
            # Files of earlier versions need not be opened again: they never grow.
            photos = covered.get(file.path.name, 0) if file.path.suffix == ".npy" else 0
            found.append(_File(file, name, photos or file.count(), said.st_size, said.st_mtime))
    return found


def _whose(folder: Path) -> tuple[str, str]:
    try:
        said = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        return str(said["network"]), f"{said['size']} px, {said['engine']} {said['precision']}"
    except (OSError, ValueError, KeyError, TypeError):
        return UNKNOWN, ""


def _tidy(folder: Path) -> None:
    """Remove what killed processes left, and a folder without embeddings; a file of somebody else keeps it."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if _LEFT.fullmatch(path.name) and path.stat().st_mtime < time.time() - _DAY:
                path.unlink()
        if not listed(folder):
            for name in (index.NAME, ABOUT):
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()

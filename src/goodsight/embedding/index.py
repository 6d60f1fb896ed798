"""Where each embedding is: keys sorted and mapped from a file, so that a million of them open in no time.

The index is made from the files of :mod:`goodsight.embedding.records` and can be made again: a damaged or old one loses
nothing. What it finds is compared with the record's own key, so it cannot give a wrong embedding either.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from goodsight.arrays import Ints
from goodsight.embedding.records import EARLIER, Prefixes, Records, prefix_of
from goodsight.files import whole_file

NAME = "index"
_MARK = b"goodsight index 1\n"
_ALIGNED = 64


@dataclass(frozen=True)
class Index:
    """The places of ``n`` records in some files.

    Attributes:
        covered: by the name of each file, how many of its records are here.
        prefixes: of their keys (n,), ascending.
        places: the number of the file among ``covered``, and of the record in it (n, 2).

    """

    covered: dict[str, int]
    prefixes: Prefixes
    places: Ints

    @cached_property
    def _names(self) -> list[str]:
        return list(self.covered)

    @classmethod
    def empty(cls) -> Index:
        """One of nothing."""
        return cls({}, np.empty(0, np.uint64), np.empty((0, 2), np.uint32))

    @classmethod
    def of(cls, files: Sequence[Records], earlier: Index) -> Index:
        """The records that an earlier index does not cover, of all that files have by now."""
        covered, prefixes, places = {}, [np.empty(0, np.uint64)], [np.empty((0, 2), np.uint32)]
        for number, file in enumerate(files):
            known = earlier.covered.get(file.path.name, 0)
            # Files of earlier versions never grow, and there may be thousands of them.
            count = known if known and file.path.suffix == EARLIER else file.count()
            # Somebody cut the file: what the index says of it is not true any more.
            begin = known if known <= count else 0
            found = file.prefixes(begin, count)
            rows = np.empty((len(found), 2), np.uint32)
            rows[:, 0], rows[:, 1] = number, np.arange(begin, begin + len(found))
            covered[file.path.name] = begin + len(found)
            prefixes.append(found)
            places.append(rows)
        return _sorted(covered, np.concatenate(prefixes), np.concatenate(places))

    def with_later(self, later: Index) -> Index:
        """Both as one, the later being :meth:`of` what is not here; files that are gone are left out."""
        names = {name: number for number, name in enumerate(later.covered)}
        moved = np.array([names.get(name, -1) for name in self.covered] or [-1])
        number = moved[self.places[:, 0]] if len(self.places) else np.empty(0, np.int64)
        kept = number >= 0
        places = np.stack([number[kept], self.places[kept, 1]], axis=1).astype(np.uint32)
        prefixes = np.concatenate([self.prefixes[kept], later.prefixes])
        return _sorted(later.covered, prefixes, np.concatenate([places, later.places]))

    def find(self, key: bytes) -> Iterator[tuple[str, int]]:
        """The file and the number of each record that may be that of a key (32 bytes), the last one first."""
        prefix, names = prefix_of(key), self._names
        begin, end = np.searchsorted(self.prefixes, prefix), np.searchsorted(self.prefixes, prefix, side="right")
        for file, number in self.places[begin:end][::-1].tolist():
            if file < len(names):
                yield names[file], number

    def save(self, folder: Path) -> None:
        """Write it; a reader has the old one or the new one."""
        body = self.prefixes.astype("<u8").tobytes() + self.places.astype("<u4").tobytes()
        said = json.dumps({"covered": self.covered, "count": len(self.prefixes), "sum": zlib.crc32(body)}).encode()
        head = _MARK + len(said).to_bytes(8, "little") + said
        with whole_file(folder / NAME) as part, part.open("wb") as stream:
            stream.write(head + b"\0" * (-len(head) % _ALIGNED))
            stream.write(body)

    @classmethod
    def load(cls, folder: Path) -> Index:
        """The one that :meth:`save` wrote, mapped; an empty one where there is none, or none that can be trusted."""
        path = folder / NAME
        try:
            with path.open("rb") as stream:
                if stream.read(len(_MARK)) != _MARK:
                    return cls.empty()
                length = int.from_bytes(stream.read(8), "little")
                said = json.loads(stream.read(min(length, path.stat().st_size)))
                begin = stream.tell() + -stream.tell() % _ALIGNED
            count = int(said["count"])
            body = np.asarray(np.memmap(path, np.uint8, "r", begin))
            if len(body) != 16 * count or zlib.crc32(body.data) != said["sum"]:
                return cls.empty()
            prefixes, places = body[: 8 * count].view("<u8"), body[8 * count :].view("<u4").reshape(count, 2)
            return cls({str(name): int(known) for name, known in said["covered"].items()}, prefixes, places)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls.empty()


def _sorted(covered: dict[str, int], prefixes: Prefixes, places: Ints) -> Index:
    # Stable: of records with one key the last one comes last.
    order = np.argsort(prefixes, kind="stable")
    return Index(covered, prefixes[order], places[order])

"""What people decided becomes a folder that ``goodsight train`` reads, with the source of every label."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from goodsight.files import table_line, whole_folder
from goodsight.store.queue import Checked, Decision
from goodsight.store.store import Store

SOURCES = ("split", "group", "sha256", "declared", "predicted", "model_id", "reviewer", "time")
"""The columns after those of the labels, of which there is one for each attribute; the only one's is ``label``."""
LABEL = "label"
_KINDS = ((b"\xff\xd8\xff", "jpg"), (b"\x89PNG", "png"), (b"GIF8", "gif"), (b"RIFF", "webp"), (b"BM", "bmp"))
_TESTED = 5
"""One seller in so many is for the test."""


@dataclass(frozen=True)
class Exported:
    """How many photos went where: ``disputed`` and ``deleted`` ones are left out.

    Of a photo with several attributes each answer is disputed by itself, and its cell is left empty.
    """

    labelled: int
    off_topic: int
    disputed: int
    deleted: int


def export(store: Store, out: Path, *, force: bool = False) -> Exported:
    """Write ``metadata.csv`` with its photos, and the photos that show none of the classes in ``off-topic/``.

    One seller in five, always the same ones, has the split ``test`` with all photos, so that they are never trained on
    and a later model can be compared with an earlier one. The column ``group`` is the seller, '' where nobody said:
    such a photo is a group of its own. Of photos with several attributes each has a column; a cell is empty where
    nobody decided about it.

    Raises:
        FolderExistsError: ``out`` is there; see :func:`goodsight.files.refuse_folder`.

    """
    by_photo: dict[str, dict[str, list[Decision]]] = defaultdict(lambda: defaultdict(list))
    for decision in store.queue.decisions():
        by_photo[decision.checked.sha256][decision.checked.attribute or LABEL].append(decision)
    attributes = sorted({name for decided in by_photo.values() for name in decided}) or [LABEL]
    # An attribute may be called as one of our columns; a list has each name once.
    columns = ["file_name", *attributes, *(name for name in SOURCES if name not in attributes)]
    counts = {"labelled": 0, "off_topic": 0, "disputed": 0, "deleted": 0}
    with (
        whole_folder(out, force=force) as folder,
        (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as stream,
    ):
        stream.write(table_line(columns))
        for sha256, decided in sorted(by_photo.items()):
            data = store.photo(sha256)
            if data is None:
                counts["deleted"] += 1
                continue
            agreed = {name: some[-1] for name, some in decided.items() if len({d.decision for d in some}) == 1}
            counts["disputed"] += len(decided) - len(agreed)
            labels = {name: decision.decision for name, decision in agreed.items() if decision.decision}
            if labels:
                counts["labelled"] += 1
                name = f"photos/{_put(folder / 'photos', sha256, data)}"
                cells = _sources(decided, agreed) | labels | {"file_name": name}
                stream.write(table_line(cells.get(column, "") for column in columns))
            elif agreed:
                counts["off_topic"] += 1
                _put(folder / "off-topic", sha256, data)
        done = Exported(**counts)
        (folder / "metrics.json").write_text(json.dumps(asdict(done)), encoding="utf-8")
    return done


def _sources(decided: Mapping[str, Sequence[Decision]], agreed: Mapping[str, Decision]) -> dict[str, str]:
    """The cells of :data:`SOURCES`; with several attributes, what was declared and predicted says of which."""
    every = sorted((one for some in decided.values() for one in some), key=lambda one: one.time)
    last = max(agreed.values(), key=lambda one: one.time)
    sha256 = last.checked.sha256
    seller = next((one.checked.seller for one in reversed(every) if one.checked.seller), "")
    unit = hashlib.sha256(seller.encode()).hexdigest() if seller else sha256
    return {
        "split": "test" if int(unit[:8], 16) % _TESTED == 0 else "train",
        "group": seller,
        "sha256": sha256,
        "declared": _said(agreed, lambda checked: checked.declared),
        "predicted": _said(agreed, lambda checked: checked.label),
        "model_id": last.checked.model_id,
        "reviewer": last.reviewer,
        "time": f"{last.time:.3f}",
    }


def _said(agreed: Mapping[str, Decision], of: Callable[[Checked], str]) -> str:
    parts = [(decision.checked.attribute, of(decision.checked)) for _, decision in sorted(agreed.items())]
    return " ".join(f"{attribute}={text}" if attribute else text for attribute, text in parts if text)


def _put(folder: Path, sha256: str, data: bytes) -> str:
    """Write a photo; its name. The ending is for people, the decoder looks at the bytes."""
    folder.mkdir(exist_ok=True)
    ending = next((name for start, name in _KINDS if data.startswith(start)), "photo")
    (folder / f"{sha256}.{ending}").write_bytes(data)
    return f"{sha256}.{ending}"

"""What people decided becomes a folder that ``goodsight train`` reads, with the source of every label."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

from goodsight.files import table_line, whole_folder
from goodsight.store.queue import Decision
from goodsight.store.store import Store

COLUMNS = ("file_name", "label", "split", "group", "sha256", "declared", "predicted", "model_id", "reviewer", "time")
_KINDS = ((b"\xff\xd8\xff", "jpg"), (b"\x89PNG", "png"), (b"GIF8", "gif"), (b"RIFF", "webp"), (b"BM", "bmp"))


@dataclass(frozen=True)
class Exported:
    """How many photos went where: ``disputed`` and ``deleted`` ones are left out."""

    labelled: int
    off_topic: int
    disputed: int
    deleted: int


def export(store: Store, out: Path, *, force: bool = False) -> Exported:
    """Write ``metadata.csv`` with its photos, and the photos that show none of the classes in ``off-topic/``.

    One seller in five, always the same ones, has the split ``test`` with all photos, so that they are never trained on
    and a later model can be compared with an earlier one. The column ``group`` is the seller, '' where nobody said:
    such a photo is a group of its own.

    Raises:
        FolderExistsError: ``out`` is there; see :func:`goodsight.files.refuse_folder`.

    """
    by_photo: dict[str, list[Decision]] = defaultdict(list)
    for decision in store.queue.decisions():
        by_photo[decision.checked.sha256].append(decision)
    counts = {"labelled": 0, "off_topic": 0, "disputed": 0, "deleted": 0}
    with (
        whole_folder(out, force=force) as folder,
        (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as stream,
    ):
        stream.write(table_line(COLUMNS))
        for sha256, decisions in sorted(by_photo.items()):
            last = decisions[-1]
            data = store.photo(sha256)
            if data is None:
                counts["deleted"] += 1
            elif len({decision.decision for decision in decisions}) > 1:
                counts["disputed"] += 1
            elif not last.decision:
                counts["off_topic"] += 1
                _put(folder / "off-topic", sha256, data)
            else:
                counts["labelled"] += 1
                seller = next((d.checked.seller for d in reversed(decisions) if d.checked.seller), "")
                stream.write(table_line(_row(last, f"photos/{_put(folder / 'photos', sha256, data)}", seller)))
        done = Exported(**counts)
        (folder / "metrics.json").write_text(json.dumps(asdict(done)), encoding="utf-8")
    return done


def _row(decision: Decision, file_name: str, seller: str) -> tuple[str, ...]:
    """The cells of :data:`COLUMNS`."""
    checked = decision.checked
    unit = hashlib.sha256(seller.encode()).hexdigest() if seller else checked.sha256
    split = "test" if int(unit[:8], 16) % 5 == 0 else "train"
    said = (checked.sha256, checked.declared, checked.label, checked.model_id)
    return file_name, decision.decision, split, seller, *said, decision.reviewer, f"{decision.time:.3f}"


def _put(folder: Path, sha256: str, data: bytes) -> str:
    """Write a photo; its name. The ending is for people, the decoder looks at the bytes."""
    folder.mkdir(exist_ok=True)
    ending = next((name for start, name in _KINDS if data.startswith(start)), "photo")
    (folder / f"{sha256}.{ending}").write_bytes(data)
    return f"{sha256}.{ending}"

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from here import here
from planted_storage import planted

from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import Engine
from goodsight.catalog.rows import Row
from goodsight.embedding.embedder import BATCH, Embedder
from goodsight.photos.places import Address

Sound = dict[str, list[Path]]


class Counting:
    """An engine that counts the photos it is given."""

    def __init__(self, inner: Engine) -> None:
        self.name, self.precision, self.photos, self._inner = inner.name, inner.precision, 0, inner
        self.outputs = inner.outputs

    def submit(self, pixels: npt.NDArray[np.uint8]) -> Future[npt.NDArray[np.float32]]:
        self.photos += len(pixels)
        return self._inner.submit(pixels)

    def explained(self, pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float32]]:
        return self._inner.explained(pixels)

    def close(self) -> None:
        pass


@pytest.fixture
def fresh(backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder; the backbone was exported into the session's."""
    monkeypatch.setenv("GOODSIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def rows(sound: Sound, truncated: list[Path]) -> list[Row]:
    paths = [*sound["bag"][:10], truncated[0], *sound["mug"][:10], truncated[1], truncated[2]]
    return [Row(path.name, path) for path in paths]


def test_photos_elsewhere_are_waited_for_together_and_come_as_those_here(
    rows: list[Row], backbone: Backbone, engine: Engine
) -> None:
    pytest.importorskip("fsspec", reason="needs fsspec, which is in the extra `remote`")
    embedder = Embedder(backbone, engine=engine, cached=False)
    files = {Path(row.file_name).stem: here(row).read_bytes() for row in rows}
    with planted(*[0.05] * len(rows), **files) as storage:
        far = [Row(row.file_name, Address(f"planted://{Path(row.file_name).stem}.jpg")) for row in rows]
        there = list(embedder.stream([*far, Row("none.jpg", Address("planted://none.jpg"))]))
        assert storage.most_at_once > 2 * (os.cpu_count() or 1)
    assert str(there.pop().bad) == "missing: nothing is there"
    assert [photo.row for photo in there] == far
    for one, other in zip(embedder.stream(rows), there, strict=True):
        assert (one.sha256, str(one.bad)) == (other.sha256, str(other.bad))
        both = [None if each.vector is None else each.vector.tolist() for each in (one, other)]
        assert both[0] == both[1]


def test_order_is_kept_with_bad_photos_mixed_in(rows: list[Row], backbone: Backbone, engine: Engine) -> None:
    embedder = Embedder(backbone, engine=engine, cached=False)
    found = list(embedder.stream(rows))
    assert [photo.row for photo in found] == rows
    assert [i for i, photo in enumerate(found) if photo.bad] == [10, 21, 22]
    assert all((photo.vector is None) == (photo.bad is not None) for photo in found)
    table = embedder.table(rows)
    assert (len(table.rows), len(table.bad), table.vectors.shape) == (20, 3, (20, backbone.width))


def test_a_vector_does_not_depend_on_its_batch(rows: list[Row], backbone: Backbone, engine: Engine) -> None:
    embedder = Embedder(backbone, engine=engine, cached=False)
    together = embedder.table(rows).vectors[12].astype(np.float32)
    alone = embedder.table(rows[13:14]).vectors[0].astype(np.float32)
    assert np.allclose(together, alone, atol=0.02)


def test_the_cache_gives_back_what_was_embedded(
    rows: list[Row], backbone: Backbone, engine: Engine, fresh: Path
) -> None:
    counting = Counting(engine)
    first = Embedder(backbone, engine=counting).table(rows)
    assert counting.photos == 20
    again = Embedder(backbone, engine=counting).table(rows)
    assert counting.photos == 20
    assert (first.vectors == again.vectors).all()
    assert (first.thumbnails == again.thumbnails).all()
    assert first.sha256 == again.sha256


@pytest.mark.parametrize("keep", [0, 10, 200, 5000])
def test_a_damaged_shard_is_ignored(
    keep: int, rows: list[Row], backbone: Backbone, engine: Engine, fresh: Path
) -> None:
    counting = Counting(engine)
    first = Embedder(backbone, engine=counting).table(rows)
    (shard,) = fresh.rglob("*.records")
    shard.write_bytes(shard.read_bytes()[:keep])
    again = Embedder(backbone, engine=counting).table(rows)
    assert counting.photos == 40
    assert np.allclose(first.vectors, again.vectors, atol=0.02)


_KILLED = """
import os, signal, sys
from pathlib import Path
from goodsight.backbones import lite0
from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import start
from goodsight.catalog.rows import Row
from goodsight.embedding import cache
from goodsight.embedding.embedder import Embedder
from goodsight.photos.resize import Resize
cache._SHARD = 32
network, digest, folder = sys.argv[1:]
backbone = Backbone("lite0", Path(network), digest, Resize(224, "pad"), lite0.BLOCKS)
engine = start(backbone.network, precision="f32")
rows = [Row(p.name, p) for p in sorted(Path(folder).iterdir())]
kill = lambda step, done, total: done >= 64 and os.kill(os.getpid(), signal.SIGKILL)
Embedder(backbone, engine=engine, progress=kill).table(rows)
"""


def test_a_killed_run_goes_on_where_it_was(
    sound: Sound, backbone: Backbone, engine: Engine, fresh: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    data = sound["bag"][0].read_bytes()
    for number in range(96):  # the same picture with other bytes at its end, so another content hash
        (folder / f"{number:02}.jpg").write_bytes(data + bytes([number]))
    command = [sys.executable, "-c", _KILLED, str(backbone.network), backbone.sha256, str(folder)]
    ended = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    counting = Counting(engine)
    rows = [Row(path.name, path) for path in sorted(folder.iterdir())]
    table = Embedder(backbone, engine=counting).table(rows)
    assert counting.photos == 32
    assert len(table.rows) == 96


class _Zeros:
    name, precision = "zeros", "f32"
    outputs = ("embedding",)

    def __init__(self, width: int) -> None:
        self._width = width

    def submit(self, pixels: npt.NDArray[np.uint8]) -> Future[npt.NDArray[np.float32]]:
        future: Future[npt.NDArray[np.float32]] = Future()
        future.set_result(np.zeros((len(pixels), self._width), np.float32))
        return future

    def explained(self, pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float32]]:
        return {"embedding": self.submit(pixels).result()}

    def close(self) -> None:
        pass


def test_rows_are_read_little_ahead_of_the_consumer(
    sound: Sound, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    pulled = 0

    def rows() -> Iterator[Row]:
        nonlocal pulled
        for _ in range(2000):
            pulled += 1
            yield Row("a", sound["bag"][0])

    embedder = Embedder(backbone, engine=_Zeros(backbone.width), cached=False)
    ahead = [pulled - i for i, _ in enumerate(embedder.stream(rows()))]
    assert len(ahead) == pulled == 2000
    assert max(ahead) <= 12 * BATCH

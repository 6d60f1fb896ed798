"""What all tests share: a cache of their own, a folder of drawn photos with planted faults, a model trained on it."""

import os
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import drawn
import golden
import pytest
from bucket import Bucket
from bucket import running as bucket_of_moto
from once import once
from sqlalchemy import create_engine, text

import goodsight
from goodsight import Wishes
from goodsight.backbones import by_name
from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import Engine, start
from goodsight.flow.training import Training
from goodsight.model.record import LoadedModel

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # run in the background, where programs would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
POSTGRES = os.environ.get("GOODSIGHT_TEST_POSTGRES", "")
Lay = Callable[[Path, Mapping[str, Sequence[Path]]], Path]


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Nothing is written to the user's cache, and no setting of the user's changes what a test sees."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOODSIGHT_CACHE", str(folder))
        patch.delenv("GOODSIGHT_ENGINE", raising=False)
        patch.setenv("COLUMNS", "200")
        patch.setenv("NO_COLOR", "1")
        yield folder


@pytest.fixture(autouse=True)
def few_photos_may_be_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models of the tests are compared on some thirty photos; the real bound has a test of its own."""
    monkeypatch.setattr("goodsight.flow.upkeep.LEAST", 10)


@pytest.fixture(scope="session")
def drawn_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("photos") / "drawn"


@pytest.fixture(scope="session")
def planted(drawn_photos: Path) -> list[drawn.Planted]:
    return drawn.make_folder(drawn_photos, per_kind=40, faults=3)


@pytest.fixture(scope="session")
def sound(drawn_photos: Path, planted: list[drawn.Planted]) -> dict[str, list[Path]]:
    """The photos of each kind that no fault touches."""
    touched = {p.file_name for p in planted} | {p.of for p in planted}
    return {
        kind: [p for p in sorted((drawn_photos / kind).iterdir()) if f"{kind}/{p.name}" not in touched]
        for kind in drawn.KINDS
    }


@pytest.fixture(scope="session")
def truncated(drawn_photos: Path, planted: list[drawn.Planted]) -> list[Path]:
    return [drawn_photos / p.file_name for p in planted if p.fault == "truncated"]


@pytest.fixture(scope="session")
def lay() -> Lay:
    """Copies photos into folders below a root; their embeddings are in the cache already."""

    def copy(root: Path, folders: Mapping[str, Sequence[Path]]) -> Path:
        for name, photos in folders.items():
            (root / name).mkdir(parents=True)
            for photo in photos:
                shutil.copyfile(photo, root / name / photo.name)
        return root

    return copy


@pytest.fixture(scope="session")
def trained(drawn_photos: Path, planted: list[drawn.Planted], tmp_path_factory: pytest.TempPathFactory) -> Training:
    out = tmp_path_factory.mktemp("models") / "drawn"
    return goodsight.train(drawn_photos, out, wishes=Wishes(precision=0.95, budget=0))


@pytest.fixture(scope="session")
def loaded(trained: Training) -> Iterator[LoadedModel]:
    model = goodsight.load(trained.folder)
    yield model
    model.engine.close()


@pytest.fixture(scope="session")
def bucket() -> Iterator[Bucket]:
    """S3 on this machine, with its keys in the environment."""
    pytest.importorskip("s3fs", reason="needs s3fs, which is in the extra `remote`")
    with bucket_of_moto() as made:
        yield made


@pytest.fixture(scope="session")
def road_root(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes the photos and the model of one of the roads of ``golden.py``, or says where they are made already."""
    return lambda road: once(tmp_path_factory, road, partial(golden.make, golden.ROADS[road]))


@pytest.fixture(scope="session")
def backbone() -> Backbone:
    return by_name.load()


@pytest.fixture(scope="session")
def engine(backbone: Backbone) -> Iterator[Engine]:
    running = start(backbone.network, precision="f32")
    yield running
    running.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new, empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/test.db"
        return
    if not POSTGRES:
        pytest.skip("GOODSIGHT_TEST_POSTGRES names no server; .ci/run starts one")
    name = f"t{uuid.uuid4().hex}"
    server = create_engine(POSTGRES.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield f"{POSTGRES.rpartition('/')[0]}/{name}"
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()

"""Photos that are hard to see anything on are found by what was done to them; sound photos are not found."""

from pathlib import Path

import drawn
import numpy as np
import pytest

from goodsight.auditing import looks, quality
from goodsight.catalog.rows import Row
from goodsight.photos.limits import DEFAULT_LIMITS
from goodsight.progress import quiet


def _found(paths: list[Path]) -> dict[str, set[str]]:
    seen = looks.look([Row(path.name, path) for path in paths], DEFAULT_LIMITS, quiet)
    return {kind: {paths[i].name for i in rows} for kind, (rows, _, _) in quality.find(seen).items()}


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[drawn.Planted]]:
    root = tmp_path_factory.mktemp("spoilt")
    for kind in drawn.KINDS:
        (root / kind).mkdir()
    return root, drawn.spoil_folder(root, faults=5)


@pytest.mark.parametrize("kind", quality.CHECKS)
def test_a_planted_fault_is_found(kind: str, spoilt: tuple[Path, list[drawn.Planted]]) -> None:
    root, planted = spoilt
    paths = [root / fault.file_name for fault in planted if fault.fault == kind]
    assert len(paths) == 5
    assert len(_found(paths)[kind]) >= 4


def test_sound_photos_are_left_alone(sound: dict[str, list[Path]]) -> None:
    paths = [path for kind in drawn.KINDS for path in sound[kind][:20]]
    assert {kind: names for kind, names in _found(paths).items() if names} == {}


def test_scores_are_between_0_and_1_and_the_worst_comes_first(spoilt: tuple[Path, list[drawn.Planted]]) -> None:
    root, planted = spoilt
    seen = looks.look([Row(f.file_name, root / f.file_name) for f in planted], DEFAULT_LIMITS, quiet)
    for kind, (rows, scores, words) in quality.find(seen).items():
        assert (np.diff(scores) >= 0).all()
        assert ((scores >= 0) & (scores < quality.CHECKS[kind].least)).all()
        assert len(rows) == len(words)


def test_a_photo_that_vanished_stops_nothing(tmp_path: Path) -> None:
    seen = looks.look([Row("gone.jpg", tmp_path / "gone.jpg")], DEFAULT_LIMITS, quiet)
    assert seen.sizes.tolist() == [[0, 0]]
    assert np.isfinite([score for _, scores, _ in quality.find(seen).values() for score in scores]).all()


def test_blurring_makes_blurry() -> None:
    grey = np.random.default_rng(0).random((80, 60)).astype(np.float32)
    from scipy.ndimage import uniform_filter

    once = uniform_filter(grey, 9)
    assert looks.blurriness(grey) < 0.2 < 0.5 < looks.blurriness(uniform_filter(once, 9))
    assert looks.blurriness(np.ones((80, 60), np.float32)) == 1.0

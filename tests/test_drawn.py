import io
from collections import Counter
from pathlib import Path

import drawn
import numpy as np
import pytest
from PIL import Image

FAULTS = {"byte twin", "near twin", "wrong label", "off-topic", "truncated"}


def _folder(root: Path, seed: int = 0) -> list[drawn.Planted]:
    return drawn.make_folder(root, per_kind=5, faults=2, seed=seed, size=(96, 72))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drawn")


@pytest.fixture(scope="module")
def planted(root: Path) -> list[drawn.Planted]:
    return _folder(root)


def _pixels(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    with Image.open(path) as photo:
        return np.asarray(photo.resize((24, 24), Image.Resampling.BOX), dtype=np.float32)


def _of(planted: list[drawn.Planted], fault: str) -> list[drawn.Planted]:
    return [p for p in planted if p.fault == fault]


@pytest.mark.parametrize("size", [(240, 240), (121, 77), (64, 150)])
@pytest.mark.parametrize("kind", drawn.KINDS)
def test_a_photo_has_the_size_asked_for(kind: str, size: tuple[int, int]) -> None:
    photo = drawn.draw(kind, np.random.default_rng(3), size)
    assert (photo.size, photo.mode) == (size, "RGB")
    assert np.asarray(photo).std() > 8


def test_the_same_seed_gives_the_same_photo_and_the_next_one_differs() -> None:
    first, again = (drawn.draw("shoe", rng := np.random.default_rng(1)) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert drawn.draw("shoe", rng).tobytes() != first.tobytes()


def test_an_unknown_kind_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="kind is 'boat'; it must be one of bag, lamp, mug, shoe"):
        drawn.draw("boat", np.random.default_rng(0))


def test_off_topic_pictures_differ_and_keep_the_size() -> None:
    rng = np.random.default_rng(0)
    pictures = [drawn.draw_off_topic(rng, (101, 67)) for _ in range(12)]
    assert {p.size for p in pictures} == {(101, 67)}
    assert len({p.tobytes() for p in pictures}) == 12


def test_the_folder_holds_what_was_asked(root: Path, planted: list[drawn.Planted]) -> None:
    files = sorted(root.glob("*/*.jpg"))
    assert len(files) == 4 * 5 + 5 * 2
    assert Counter(p.fault for p in planted) == dict.fromkeys(FAULTS, 2)
    assert len({p.file_name for p in planted}) == 10
    assert {p.file_name for p in planted} <= {f.relative_to(root).as_posix() for f in files}
    broken = {p.file_name for p in _of(planted, "truncated")}
    for file in files:
        if file.relative_to(root).as_posix() not in broken:
            with Image.open(file) as photo:
                photo.load()
                assert (photo.size, photo.format) == ((96, 72), "JPEG")


def test_a_seed_repeats_the_folder(tmp_path: Path, root: Path, planted: list[drawn.Planted]) -> None:
    assert _folder(tmp_path) == planted
    assert all((tmp_path / f.relative_to(root)).read_bytes() == f.read_bytes() for f in root.glob("*/*.jpg"))


def test_another_seed_gives_another_folder(tmp_path: Path, root: Path, planted: list[drawn.Planted]) -> None:
    assert _folder(tmp_path, seed=1) != planted
    first, other = ({f.read_bytes() for f in folder.glob("*/*.jpg")} for folder in (root, tmp_path))
    assert not first & other


def test_twins_are_twins_of_what_they_name(root: Path, planted: list[drawn.Planted]) -> None:
    twins = _of(planted, "byte twin") + _of(planted, "near twin")
    for twin in twins:
        same = (root / twin.file_name).read_bytes() == (root / twin.of).read_bytes()
        assert same == (twin.fault == "byte twin")
        assert Path(twin.file_name).parent == Path(twin.of).parent
        assert np.abs(_pixels(root / twin.file_name) - _pixels(root / twin.of)).mean() < 20
    assert len({t.of for t in twins}) == 4


def test_photos_that_are_no_twins_differ(root: Path, planted: list[drawn.Planted]) -> None:
    faulty = {p.file_name for p in planted}
    sound = [_pixels(f) for f in sorted(root.glob("*/*.jpg")) if f.relative_to(root).as_posix() not in faulty]
    assert len(sound) == 20
    assert min(np.abs(a - b).mean() for i, a in enumerate(sound) for b in sound[:i]) > 8


def test_a_wrong_label_names_the_true_kind(planted: list[drawn.Planted]) -> None:
    for wrong in _of(planted, "wrong label"):
        assert wrong.of in drawn.KINDS
        assert Path(wrong.file_name).parent.name != wrong.of


def test_a_truncated_photo_does_not_load(root: Path, planted: list[drawn.Planted]) -> None:
    for cut in _of(planted, "truncated"):
        with (
            Image.open(io.BytesIO((root / cut.file_name).read_bytes())) as photo,
            pytest.raises(OSError, match="trunc"),
        ):
            photo.load()


def test_too_many_faults_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="faults is 3; it must be at most 2"):
        drawn.make_folder(tmp_path / "new", per_kind=1, faults=3)
    assert not (tmp_path / "new").exists()


def test_a_megapixel_is_one_and_has_a_camera_photo_s_weight() -> None:
    data = drawn.megapixel(np.random.default_rng(0))
    assert 150_000 < len(data) < 400_000
    with Image.open(io.BytesIO(data)) as photo:
        photo.load()
        assert photo.size == (1200, 900)

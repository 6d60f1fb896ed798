"""A model that is kept ready answers photos in every form as it answers their files."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import goodsight
from goodsight.errors import CatalogError, GoodsightError
from goodsight.flow.ready import Ready
from goodsight.model.record import LoadedModel
from goodsight.photos.given import Photo


@pytest.fixture(scope="module")
def model(loaded: LoadedModel) -> Ready:
    return goodsight.load(loaded)


@pytest.fixture(scope="module")
def mug(sound: dict[str, list[Path]]) -> Path:
    return sound["mug"][0]


def _bomb() -> bytes:
    """A PNG of a few hundred bytes that says it has 10,000 megapixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100_000)) + chunk(b"IEND", b"")


def _forms(path: Path) -> dict[str, Photo]:
    with Image.open(path) as opened:
        picture = opened.copy()
    return {
        "path": path,
        "text": str(path),
        "bytes": path.read_bytes(),
        "picture": picture,
        "array": np.asarray(picture),
        "address": path.as_uri(),
    }


@pytest.mark.parametrize("form", ["path", "text", "bytes", "picture", "array", "address"])
def test_every_form_of_a_photo_is_answered_as_its_file(model: Ready, mug: Path, form: str) -> None:
    if form == "address":
        pytest.importorskip("fsspec", reason="needs fsspec, which is in the extra `remote`")
    photo = _forms(mug)[form]
    (expected,) = goodsight.classify(model, mug)
    found = model.classify(photo)
    assert (found.label, found.verdict, found.probability) == ("mug", expected.verdict, expected.probability)
    assert model.check(photo, "mug") == goodsight.check(model, mug, "mug")
    assert np.array_equal(model.embed(photo), model.embed(mug))


def test_grey_arrays_are_answered_as_grey_files(model: Ready, mug: Path, tmp_path: Path) -> None:
    with Image.open(mug) as opened:
        grey = opened.convert("L")
    grey.save(tmp_path / "grey.png")
    assert np.array_equal(model.embed(np.asarray(grey)), model.embed(tmp_path / "grey.png"))


def test_lists_and_iterators_keep_the_order_with_bad_photos_mixed_in(
    model: Ready, sound: dict[str, list[Path]], truncated: list[Path]
) -> None:
    photos: list[Photo] = [*sound["bag"][:20], truncated[0], *sound["shoe"][:20], b"no photo", truncated[1]]
    found = model.classify(photos)
    assert [each.label for each in found] == ["bag"] * 20 + [""] + ["shoe"] * 20 + ["", ""]
    assert [i for i, each in enumerate(found) if each.problem] == [20, 41, 42]
    assert [each.row.file_name for each in found][41:] == ["photo 42", str(truncated[1])]
    streamed = list(model.classify(iter(photos)))
    assert [(s.label, s.probability) for s in streamed if s.label] == [
        (f.label, f.probability) for f in found if f.label
    ]
    vectors = found.embeddings()
    assert vectors.shape == (43, model.model.backbone.width)
    assert vectors.dtype == np.float32
    assert np.flatnonzero(np.isnan(vectors).any(axis=1)).tolist() == [20, 41, 42]
    assert np.array_equal(model.embed(photos), vectors, equal_nan=True)
    assert np.array_equal(model.embed(tuple(photos)), vectors, equal_nan=True)
    assert np.array_equal(model.embed(iter(photos)), vectors, equal_nan=True)


def test_an_iterator_is_read_a_bounded_way_ahead(model: Ready, mug: Path) -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield mug.read_bytes()

    answers = model.classify(endless())
    assert [next(answers).label for _ in range(3)] == ["mug"] * 3
    assert 3 <= read < 2000


def test_an_array_that_is_filled_anew_does_not_change_earlier_answers(
    model: Ready, sound: dict[str, list[Path]]
) -> None:
    photos = [np.asarray(Image.open(path).convert("RGB")) for path in (sound["bag"][0], sound["mug"][0])]
    frame = np.empty_like(photos[0])

    def camera() -> Iterator[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
        for photo in photos:
            frame[:] = photo
            yield frame

    assert [each.label for each in model.classify(camera())] == ["bag", "mug"]


@pytest.mark.parametrize(
    ("photo", "problem"),
    [
        (b"", "empty: the file has 0 bytes"),
        (b"\xff\xd8\xff" + bytes(range(256)) * 4, "truncated"),
        (b"<svg onload=alert(1)>", "not a picture"),
        (_bomb(), "too large: 10000.0 megapixels"),
        ("nowhere.jpg", "unreadable: no such file or directory"),
    ],
)
def test_hostile_bytes_are_a_problem_and_no_exception(model: Ready, photo: bytes | str, problem: str) -> None:
    found = model.classify(photo)
    assert found.problem.startswith(problem)
    assert (found.label, found.verdict) == ("", "")
    answer = model.check(photo, "mug")
    assert answer.verdict == ""
    assert answer.reason == found.problem
    assert np.isnan(model.embed(photo)).all()


def test_what_was_declared_is_one_for_all_or_one_for_each(model: Ready, sound: dict[str, list[Path]]) -> None:
    photos = [sound["bag"][0], sound["mug"][0], sound["bag"][1]]
    labels = ["bag", "lamp", "mug"]
    each = model.check(photos, labels)
    assert [(answer.label, answer.declared) for answer in each] == [("bag", "bag"), ("mug", "lamp"), ("bag", "mug")]
    assert list(model.check(iter(photos), iter(labels))) == each
    assert model.check(photos, [{"label": label} for label in labels]) == [{"label": answer} for answer in each]
    all_bags = model.check(photos, "bag")
    assert [answer.declared for answer in all_bags] == ["bag"] * 3
    assert [answer["label"] for answer in model.check(photos, {"label": "bag"})] == all_bags
    assert list(model.check(iter(photos), {"label": "bag"})) == [{"label": answer} for answer in all_bags]
    assert model.check(photos[0], {"label": "bag"}) == {"label": model.check(photos[0], "bag")}


def test_what_was_declared_must_be_known_and_fit_the_photos(model: Ready, mug: Path) -> None:
    with pytest.raises(CatalogError, match="Did you mean 'mug'"):
        model.check(mug, "mugg")
    with pytest.raises(CatalogError, match="Did you mean 'mug'"):
        model.check([b"no photo", mug], ["mug", "mugg"])
    with pytest.raises(GoodsightError, match=r"^`declared` 1: give one for all, or one for each of 2 photos$"):
        model.check([mug, mug], ["mug"])
    with pytest.raises(GoodsightError, match=r"^`declared`: ended before the photos, at .*jpg$"):
        list(model.check(iter([mug, mug]), iter(["mug"])))


def test_a_column_of_a_table_is_a_list(model: Ready, sound: dict[str, list[Path]]) -> None:
    photos = np.array([str(sound["bag"][0]), str(sound["mug"][0])])
    assert [each.label for each in model.classify(photos)] == ["bag", "mug"]  # type: ignore[attr-defined]
    assert len(model.embed(dict.fromkeys(photos.tolist()))) == 2


def test_what_is_neither_a_photo_nor_several_is_refused(model: Ready) -> None:
    for method in (model.classify, model.embed):
        with pytest.raises(
            GoodsightError, match=r"^photos are of type int: give a photo, a list of photos or an iterator$"
        ):
            method(3)  # type: ignore[arg-type, call-overload]
    with pytest.raises(GoodsightError, match=r"^a photo is of type float: give a path"):
        model.classify([1.5])  # type: ignore[list-item]


def test_loading_what_is_loaded_shares_its_engine_and_does_not_close_it(loaded: LoadedModel, mug: Path) -> None:
    plain = LoadedModel(loaded.model, loaded.engine, loaded.folder)
    assert goodsight.load(plain).engine is loaded.engine
    assert goodsight.load(ready := goodsight.load(plain)) is ready
    assert [each.label for each in goodsight.classify(plain, mug)] == ["mug"]
    assert goodsight.check(plain, mug, "mug").label == "mug"


def test_with_closes_the_engine(loaded: LoadedModel) -> None:
    closed: list[bool] = []

    class Closing:
        name, precision, outputs = loaded.engine.name, loaded.engine.precision, loaded.engine.outputs
        submit, explained = staticmethod(loaded.engine.submit), staticmethod(loaded.engine.explained)

        def close(self) -> None:
            closed.append(True)

    with Ready(loaded.model, Closing(), loaded.folder):
        assert closed == []
    assert closed == [True]


def test_progress_is_told_about_lists(loaded: LoadedModel, mug: Path) -> None:
    told: list[tuple[str, int, int]] = []
    model = goodsight.load(loaded, progress=lambda step, done, total, note="", /: told.append((step, done, total)))
    model.classify([mug] * 3)
    assert told == [("embed", 3, 3)]


def test_it_is_the_first_step_of_a_pipeline(model: Ready, sound: dict[str, list[Path]]) -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn, which is in the extra `dev`")
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline

    photos = [*map(str, sound["bag"][:12]), *map(str, sound["mug"][:12])]
    labels = ["bag"] * 12 + ["mug"] * 12
    pipeline = make_pipeline(model, LogisticRegression(max_iter=1000))
    assert pipeline.fit(photos, labels).score(photos, labels) == 1
    assert pipeline.predict([Path(photos[0]).read_bytes()]) == ["bag"]
    assert cross_val_score(pipeline, np.array(photos), labels, cv=3).mean() > 0.5

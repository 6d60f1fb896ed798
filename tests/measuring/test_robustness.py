"""Each kind of damage does what it says, vectors keep the order of the photos, and the card counts right."""

import io
import json
import re
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from here import here
from PIL import Image

from goodsight.arrays import Array, Bools, Ints, Pixels
from goodsight.backbones.backbone import Backbone, Block
from goodsight.catalog.rows import Row
from goodsight.embedding.embedder import Embedder
from goodsight.embedding.spoilt import spoilt_vectors
from goodsight.measuring import metrics, robustness
from goodsight.measuring.metrics import Scores
from goodsight.measuring.robustness import Card
from goodsight.photos import decoder
from goodsight.photos.resize import Resize
from goodsight.photos.spoil import CONDITIONS, Condition, spoil
from goodsight.progress import Progress, quiet
from goodsight.report import template

SIDE = 224
TINY = Backbone("tiny", Path("network.onnx"), "0" * 64, Resize(32), (Block("head", 2, 1.0),))
KINDS = list(dict.fromkeys(c.kind for c in CONDITIONS))
HOSTILE = '"><script>alert(1)</script>'


def _of(kind: str) -> list[Condition]:
    return [c for c in CONDITIONS if c.kind == kind]


def _scene(side: int = SIDE, seed: int = 0) -> Pixels:
    """Soft patches of colour with fine grain, and white bars above and below."""
    rng = np.random.default_rng(seed)
    patches = Image.fromarray(rng.integers(20, 236, (8, 8, 3), np.uint8)).resize((side, side))
    pixels = np.asarray(patches) // 2 + rng.integers(0, 100, (side, side, 3), np.uint8)
    pixels[: side // 8] = pixels[-(side // 8) :] = 255
    return np.asarray(pixels, np.uint8)


def _distance(a: Pixels, b: Pixels) -> float:
    return float(np.abs(a.astype(int) - b).mean())


class Lazy(Future[Array]):
    """Is worked out when it is asked for, so that what is under way can be counted."""

    def __init__(self, engine: "Means", pixels: Pixels) -> None:
        super().__init__()
        self._engine, self._pixels = engine, pixels

    def result(self, timeout: float | None = None) -> Array:
        self._engine.under_way -= 1
        return _means(self._pixels)


class Means:
    """An engine whose embedding is the mean and the spread of a photo."""

    name, precision = "means", "f32"
    outputs = ("embedding",)

    def __init__(self) -> None:
        self.under_way = self.most = 0
        self.batches: list[int] = []

    def submit(self, pixels: Pixels) -> Future[Array]:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.batches.append(len(pixels))
        return Lazy(self, pixels)

    def explained(self, pixels: Pixels) -> dict[str, Array]:
        return {"embedding": self.submit(pixels).result()}

    def close(self) -> None:
        pass


def _every(photos: int) -> Ints:
    """Every photo in every way."""
    return np.tile(np.arange(18), (photos, 1))


def _embedder(engine: Means, progress: Progress = quiet) -> Embedder:
    return Embedder(TINY, engine=engine, cached=False, progress=progress)


def _means(pixels: Pixels) -> Array:
    flat = pixels.reshape(len(pixels), -1).astype(np.float32)
    return np.stack([flat.mean(axis=1), flat.std(axis=1)], axis=1)


def test_six_kinds_in_three_strengths() -> None:
    assert len(CONDITIONS) == 18
    assert len(KINDS) == 6
    assert [c.strength for c in CONDITIONS] == [1, 2, 3] * 6


@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_suffers_more_with_strength(kind: str) -> None:
    for seed in range(4):
        pixels = _scene(seed=seed)
        before = pixels.copy()
        spoilt = [spoil(pixels, condition, seed) for condition in _of(kind)]
        distances = [_distance(pixels, s) for s in spoilt]
        assert 1 < distances[0] < distances[1] < distances[2]
        assert all((s.shape, s.dtype.name) == (pixels.shape, "uint8") for s in spoilt)
        assert (pixels == before).all()


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: f"{c.kind}-{c.strength}")
def test_the_same_seed_gives_the_same_pixels(condition: Condition) -> None:
    pixels = _scene()
    first = spoil(pixels, condition, 7)
    assert (first == spoil(pixels, condition, 7)).all()
    assert (first != spoil(pixels, condition, 8)).any() == (condition.kind in {"noise", "rotation"})


@pytest.mark.parametrize("side", [1, 2, 17])
@pytest.mark.parametrize("grey", [0, 255])
def test_blank_and_tiny_pictures_are_spoilt_too(side: int, grey: int) -> None:
    pixels = np.full((side, side, 3), grey, np.uint8)
    pixels.flags.writeable = False
    assert all(spoil(pixels, condition, 2**32 - 1).shape == pixels.shape for condition in CONDITIONS)


def test_a_blur_is_as_wide_for_a_small_photo_as_for_a_large_one() -> None:
    shares = []
    for side in (SIDE, 2 * SIDE):
        edge = np.zeros((side, side, 3), np.uint8)
        edge[:, side // 2 :] = 255
        across = spoil(edge, _of("blur")[2], 0)[0, :, 0]
        shares.append(((across > 20) & (across < 235)).mean())
    assert shares[0] > 0.03
    assert shares[0] == pytest.approx(shares[1], rel=0.15)


def test_darkness_keeps_a_share_of_the_light_not_of_the_grey_level() -> None:
    # sRGB writes half of the light of white as 188, and 40 % of that half as 124.
    assert spoil(np.full((1, 1, 3), 188, np.uint8), _of("darkness")[0], 0)[0, 0].tolist() == [124] * 3


def test_noise_has_its_spread_and_no_drift() -> None:
    grey = np.full((SIDE, SIDE, 3), 128, np.uint8)
    for condition in _of("noise"):
        drift = spoil(grey, condition, 5).astype(float) - 128
        assert drift.std() == pytest.approx(condition.value, rel=0.03)
        assert abs(drift.mean()) < 0.03 * condition.value


def test_a_turned_photo_has_white_corners_and_the_same_middle() -> None:
    black = np.zeros((SIDE, SIDE, 3), np.uint8)
    turned = spoil(black, _of("rotation")[2], 1)
    assert (turned[0, 0] == 255).all()
    assert (turned[SIDE // 2, SIDE // 2] == 0).all()
    # At 45 degrees an octagon is left of the square.
    assert (turned == 0).mean() == pytest.approx(2 * (2**0.5 - 1), abs=0.01)


def test_a_small_size_is_a_size_in_pixels() -> None:
    dots = np.zeros((SIDE, SIDE, 3), np.uint8)
    dots[::2] = 255
    assert np.ptp(spoil(dots, _of("small size")[0], 0)[8:-8].astype(int)) < 20


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    found = []
    for number in range(12):
        path = tmp_path / f"{number}.png"
        Image.fromarray(_scene(40, number)).crop((0, 0, 40, 20 + number)).save(path)
        found.append(Row(path.name, path))
    data = here(found[3]).read_bytes()
    here(found[3]).write_bytes(data[: len(data) // 2])
    here(found[8]).unlink()
    return found


def test_vectors_are_in_order_without_the_photos_that_cannot_be_read(rows: list[Row]) -> None:
    engine, told = Means(), list[tuple[str, int, int]]()
    vectors, good = spoilt_vectors(rows, _every(12), _embedder(engine, lambda *a: told.append(a)))
    assert good == [0, 1, 2, 4, 5, 6, 7, 9, 10, 11]
    assert (vectors.shape, vectors.dtype.name) == ((10, 18, 2), "float32")
    assert engine.batches == [18] * 10
    assert 1 < engine.most <= 4
    assert told == [("robustness", n, 12) for n in range(1, 13)]
    again, _ = spoilt_vectors(rows[::-1], _every(12), _embedder(Means()))
    assert (vectors == again[::-1]).all()
    for at, index in enumerate(good):
        pixels = decoder.decode(here(rows[index]).read_bytes(), TINY.resize)
        for number, condition in enumerate(CONDITIONS):
            if condition.kind not in {"noise", "rotation"}:
                assert vectors[at, number] == pytest.approx(_means(spoil(pixels, condition, 0)[None])[0], rel=1e-3)


def test_photos_that_are_spoilt_in_few_ways_go_to_the_network_together(rows: list[Row]) -> None:
    engine, told = Means(), list[int]()
    every, good = spoilt_vectors(rows, _every(12), _embedder(Means()))
    ways = np.arange(36).reshape(12, 3) % 18
    some, same = spoilt_vectors(rows, ways, _embedder(engine, lambda _step, done, *_: told.append(done)))
    assert same == good
    assert engine.batches == [12, 12, 6]  # 16 // 3 = 5 photos at a time, of which two cannot be read
    assert told == [5, 10, 12]
    for at, index in enumerate(good):
        assert (some[at] == every[at][ways[index]]).all()


def test_what_was_spoilt_before_is_not_embedded_again(
    rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOODSIGHT_CACHE", str(tmp_path / "cache"))
    ways = np.arange(12).reshape(12, 1)
    engines = [Means() for _ in range(3)]
    first, _ = spoilt_vectors(rows, ways, Embedder(TINY, engine=engines[0]))
    again, good = spoilt_vectors(rows, ways, Embedder(TINY, engine=engines[1]))
    assert (first == again).all()
    assert engines[1].batches == []
    every, _ = spoilt_vectors(rows, _every(12), Embedder(TINY, engine=engines[2]))
    assert engines[2].batches == [17] * 10
    assert (every[range(10), good] == first[:, 0]).all()


def test_memory_does_not_grow_with_the_number_of_photos(rows: list[Row], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    taken: list[int] = []
    finished: list[int] = []

    class Watched(list[Row]):
        def __iter__(self):  # type: ignore[no-untyped-def]
            for number in range(60):
                taken.append(number)
                yield rows[0]

        def __len__(self) -> int:
            return 60

    def progress(_step: str, done: int, _total: int, _note: str = "") -> None:
        finished.append(done)
        assert len(taken) - done <= 2 + 4

    spoilt_vectors(Watched(), _every(60), _embedder(Means(), progress))
    assert len(finished) == len(taken) == 60


def test_no_photo_that_can_be_read(rows: list[Row]) -> None:
    vectors, good = spoilt_vectors([rows[3], rows[8]], _every(2), _embedder(Means()))
    assert (vectors.shape, good) == ((0, 18, 2), [])


def _scores(right: Bools, groups: Ints) -> Scores:
    return metrics.score(np.eye(2)[(~right).astype(int)], np.zeros(len(right), int), groups)


def _card() -> Card:
    """Of four photos three are right unspoilt; the first way spoils nothing, the second one answer, the rest all."""
    clean, groups = np.array([True, True, True, False]), np.array([5, 6, 9, 7])
    right = np.zeros((4, 18), bool)
    right[:, 0] = clean
    right[:2, 1] = True
    return robustness.card("test", _scores(clean, groups), clean, right, _every(4), groups)


def test_a_card_by_hand() -> None:
    card = _card()
    assert (card.which, card.photos, card.of, card.ways, card.clean.value) == ("test", 4, 4, 18, 0.75)
    assert [line.cell.accuracy.value for line in card.lines] == pytest.approx([0.75, 0.5, *[0.0] * 16])
    assert tuple(line.condition for line in card.lines) == CONDITIONS
    assert [(kind.name, [line.condition.strength for line in kind.lines]) for kind in card.kinds] == [
        (kind, [1, 2, 3]) for kind in KINDS
    ]
    assert card.kinds[0].together.accuracy.value == pytest.approx((0.75 + 0.5) / 3)
    assert {line.cell.photos for line in card.lines} == {kind.together.photos for kind in card.kinds} == {4}
    # None of three right ones stays right, which is up to 1 - 0.025 ** (1 / 3); the wrong one stays wrong: up to 0.975.
    worst = card.lines[17].cell.accuracy
    ends = 0.75 * (1 - 0.025 ** (1 / 3)), 0.25 * 0.975
    assert (worst.low, worst.high) == pytest.approx((0.0, np.hypot(*ends)))
    told = json.loads(json.dumps(card.to_json(), allow_nan=False))
    assert (told["photos"], told["of"], told["n"], told["ways"], told["clean"]["value"]) == ("test", 4, 4, 18, 0.75)
    assert told["conditions"][17] == {
        "kind": "small size",
        "strength": 3,
        "value": 16,
        "unit": "px",
        "n": 4,
        "accuracy": {"value": 0.0, "low": 0.0, "high": pytest.approx(np.hypot(*ends), abs=1e-5)},
    }
    assert [kind["kind"] for kind in told["kinds"]] == KINDS
    assert told["kinds"][0]["accuracy"]["value"] == pytest.approx(1.25 / 3, abs=1e-5)


def test_a_card_begins_at_the_figure_for_all_photos() -> None:
    """Where spoiling changes no answer every figure is the known one, whatever the share is on the photos tried."""
    rng = np.random.default_rng(3)
    all_right, groups = rng.random(4000) < 0.8, np.arange(4000)
    clean = np.repeat([True, False], [9, 9])
    ways = np.arange(36).reshape(18, 2) % 18
    card = robustness.card("test", _scores(all_right, groups), clean, clean[:, None].repeat(2, 1), ways, np.arange(18))
    assert card.clean == _scores(all_right, groups).accuracy
    assert (card.of, card.photos, card.dealt, card.per_cell) == (4000, 18, True, (2, 2))
    for cell in (*(line.cell for line in card.lines), *(kind.together for kind in card.kinds)):
        assert cell.accuracy.value == pytest.approx(all_right.mean())
        assert cell.accuracy.low < all_right.mean() < cell.accuracy.high
    assert card.kinds[0].together.accuracy.low > card.lines[0].cell.accuracy.low


def test_a_way_without_photos_cannot_be_measured() -> None:
    clean = np.array([True, False])
    ways = np.array([[0, 1], [1, 2]])
    card = robustness.card("test", _scores(clean, np.arange(2)), clean, np.ones((2, 2), bool), ways, np.arange(2))
    assert [line.cell.photos for line in card.lines] == [1, 2, 1, *[0] * 15]
    told = json.loads(json.dumps(card.to_json(), allow_nan=False))
    assert told["conditions"][3]["accuracy"] == {"value": None, "low": None, "high": None}
    assert _rendered(card).count("not measurable") == 15 + 5
    assert "0 to 2 photos in each" in _rendered(card)


def test_answers_that_do_not_go_together_are_refused() -> None:
    some, groups = np.ones(4, bool), np.arange(4)
    whole = _scores(some, groups)
    with pytest.raises(ValueError, match=r"right and ways must be \(n, k\)"):
        robustness.card("test", whole, some, np.ones((4, 17), bool), _every(4), groups)
    with pytest.raises(ValueError, match=r"groups \(3,\)"):
        robustness.card("test", whole, some, np.ones((4, 18), bool), _every(4), groups[:3])
    with pytest.raises(ValueError, match=r"clean \(3,\)"):
        robustness.card("test", whole, some[:3], np.ones((4, 18), bool), _every(4), groups[:3])


def _rendered(card: Card, attribute: str = "") -> str:
    several, part = SimpleNamespace(several=attribute != ""), SimpleNamespace(name=attribute)
    return template.environment().get_template("robustness.html").render(card=card, f=several, part=part)


def test_the_table_shows_accuracies_values_and_intervals() -> None:
    text = _rendered(_card())
    rows = re.findall(r'<tr><th scope="row">(.*?)<br><small class="none">(.*?)</small></th>(.*?)</tr>', text)
    assert [kind for kind, _, _ in rows] == KINDS
    assert rows[0][1] == "0.5, 1, 2 % of the longer side"
    cells = re.findall(r'<td title="(.*?)">(.*?)<br><small class="none">(.*?)</small></td>', rows[0][2])
    assert [(title, shown) for title, shown, _ in cells] == [
        ("4 photos", "75.0 %"),
        ("4 photos", "50.0 %"),
        ("4 photos", "0.0 %"),
        ("4 photos", "41.7 %"),
    ]
    worst = _card().kinds[0].lines[2].cell.accuracy
    assert cells[2][2] == f"0.0 % to {worst.high:.1%}".replace("%", " %").replace("  ", " ")
    assert "test (4 of 4 photos)" in text
    assert "right on" in text
    assert "--spoilt" not in text


def test_a_card_that_saves_time_says_so() -> None:
    ways = np.arange(36).reshape(18, 2) % 18
    clean = np.ones(18, bool)
    every = np.ones((18, 2), bool)
    text = _rendered(
        robustness.card("test", _scores(np.ones(90, bool), np.arange(90)), clean, every, ways, np.arange(18))
    )
    assert "test (18 of 90 photos)" in text
    assert "these 90 photos" in text
    assert "Of them 18 were spoilt on purpose, each in 2 of the 18 ways to save time: 2 photos in each." in text
    assert "<code>--spoilt 200</code>" in text


def test_names_are_escaped_in_text_and_in_attributes() -> None:
    card = _card()
    first, *rest = card.kinds
    line, *others = first.lines
    hostile = replace(line, condition=replace(line.condition, unit=HOSTILE))
    for attribute, names in (("", 3), (HOSTILE, 5)):
        kinds = (replace(first, lines=(hostile, *others)), *rest)
        text = _rendered(replace(card, which=HOSTILE, kinds=kinds), attribute)
        assert "<script" not in text
        assert text.count("&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;") == names


def test_with_several_attributes_it_says_which() -> None:
    text = _rendered(_card(), "colour")
    assert "<span>colour: Accuracy on spoilt photos, with 95 % intervals: test (4 of 4 photos)</span>" in text


def test_jpeg_damage_is_a_jpeg_of_that_quality() -> None:
    pixels, condition = _scene(), _of("JPEG damage")[2]
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=5)
    assert (spoil(pixels, condition, 0) == np.asarray(Image.open(stream))).all()

import numpy as np

from goodsight.training.crops import PLACES, SIDE, STRIDE, Kind, draw, places

RED = (255, 0, 0)
SCALES = (1.0, 0.43)


def _photo(boxes: list[tuple[float, float, float, float]], side: int = 448) -> np.ndarray:
    photo = np.full((side, side, 3), 90, np.uint8)
    for left, top, right, bottom in boxes:
        photo[int(top) : int(bottom), int(left) : int(right)] = RED
    return photo


def test_a_logo_is_where_its_box_says() -> None:
    kinds, shapes = places([(32.0, 32.0, 128.0, 96.0)])
    middle = np.zeros((PLACES, PLACES), bool)
    middle[1:3, 1:4] = True
    assert (kinds[middle] == Kind.LOGO).all()
    assert (kinds[~middle] == Kind.NONE).sum() > PLACES
    assert np.allclose(shapes[1, 1], [1, 0.5, np.log(96 / 64), np.log(1)])


def test_a_small_logo_has_one_place() -> None:
    kinds, _ = places([(70.0, 70.0, 90.0, 90.0)])
    assert (kinds == Kind.LOGO).sum() == 1
    assert kinds[2, 2] == Kind.LOGO


def test_a_logo_that_is_mostly_outside_or_tiny_is_not_learnt_from() -> None:
    for box in ((-60.0, 0.0, 20.0, 40.0), (10.0, 10.0, 18.0, 18.0)):
        kinds, _ = places([box])
        assert not (kinds == Kind.LOGO).any()
        assert (kinds == Kind.UNKNOWN).any()


def test_crops_show_the_logo_where_they_say() -> None:
    boxes = [(200.0, 240.0, 280.0, 300.0)]
    photo, agree, wrong = _photo(boxes), 0, 0
    for seed in range(60):
        crop = draw(photo, boxes, SCALES, True, (seed,))
        colours = crop.pixels.reshape(PLACES, STRIDE, PLACES, STRIDE, 3)[:, STRIDE // 2, :, STRIDE // 2].astype(int)
        red = (colours[..., 0] > colours[..., 1] + 60) & (colours[..., 0] > colours[..., 2] + 60)
        agree += int((red & (crop.kinds == Kind.LOGO)).sum())
        wrong += int((red & (crop.kinds == Kind.NONE)).sum())
    assert crop.pixels.shape == (SIDE, SIDE, 3)
    assert agree > 100
    assert wrong == 0


def test_the_same_seed_gives_the_same_crop() -> None:
    photo = np.random.default_rng(0).integers(0, 255, (224, 224, 3)).astype(np.uint8)
    first, second, other = (draw(photo, [], SCALES, False, (seed,)).pixels for seed in (1, 1, 2))
    assert (first == second).all()
    assert (first != other).any()


def test_without_boxes_a_logo_is_somewhere_and_without_a_logo_nowhere() -> None:
    photo = _photo([])
    assert (draw(photo, [], SCALES, True, (0,)).kinds == Kind.SOMEWHERE).all()
    assert (draw(photo, [], SCALES, False, (0,)).kinds == Kind.NONE).all()

"""Draws small product photos, and folders of them with faults planted at known places.

Nothing is downloaded: four kinds of product are built from shaded outlines, lit, set on a background and given a
camera's blur and noise. Colour, background, light and size are drawn alike for every kind, so only shape tells them
apart. The same generator state gives the same photo.
"""

import colorsys
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, pi, sin
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

Array = NDArray[np.float32]
Rng = np.random.Generator
Size = tuple[int, int]


@dataclass(frozen=True)
class Part:
    """One shaded outline of a product; x to the right, y down, in units of about half the product."""

    outline: Array
    colour: Array
    bend: tuple[float, float] = (0.6, 0.2)  # how far the surface turns away to the sides, and to top and bottom
    gloss: float = 0.0
    pattern: tuple[str, float, float] = ("plain", 0.0, 0.0)  # name, frequency, contrast
    glow: float = 0.0


@dataclass(frozen=True)
class Planted:
    """A fault that `make_folder` put into a folder."""

    file_name: str  # relative to the root, with forward slashes
    fault: str  # "byte twin", "near twin", "wrong label", "off-topic", "truncated", or one of `spoil_folder`
    of: str = ""  # the original's file_name for a twin, the true kind for a wrong label


def _points(values: ArrayLike) -> Array:
    return np.asarray(values, dtype=np.float32)


def _colour(rng: Rng) -> Array:
    return _points(colorsys.hsv_to_rgb(rng.random(), rng.beta(1.3, 1.6), rng.uniform(0.22, 0.95)))


def _other(colour: Array, rng: Rng, apart: float = 0.35) -> Array:
    """Give a colour that can be told from the given one."""
    while np.abs((found := _colour(rng)) - colour).mean() < apart * rng.uniform(0.5, 1):
        pass
    return found


def _smooth(corners: ArrayLike, *, closed: bool = True, steps: int = 7) -> Array:
    """Run a Catmull-Rom curve through the corners."""
    p = _points(corners)
    p = np.concatenate([p[-1:], p, p[:2]] if closed else [p[:1], p, p[-1:]])
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[None, :, None]
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return curve.reshape(-1, 2) if closed else np.concatenate([curve.reshape(-1, 2), p[-1:]])


def _ribbon(path: Array, width: float) -> Array:
    step = np.gradient(path, axis=0)
    side = np.stack([-step[:, 1], step[:, 0]], 1) / (np.hypot(step[:, 0], step[:, 1])[:, None] + 1e-6) * width / 2
    return np.concatenate([path + side, (path - side)[::-1]])


def _arc(x: float, y: float, rx: float, ry: float, start: float = 0.0, stop: float = 2 * pi, power: float = 1) -> Array:
    t = np.linspace(start, stop, 40)
    c, s = np.cos(t), np.sin(t)
    return _points(np.stack([x + rx * np.sign(c) * abs(c) ** power, y + ry * np.sign(s) * abs(s) ** power], 1))


def _turned(top: float, bottom: float, wide: Callable[[float], float], tilt: float) -> Array:
    """Outline a turned body (cup, shade, base) whose half width at height t in 0..1 is wide(t), seen from above."""
    side = _points([(wide(t), top + t * (bottom - top)) for t in np.linspace(0, 1, 14)])
    upper, lower = _arc(0, top, wide(0), wide(0) * tilt, -pi, 0), _arc(0, bottom, wide(1), wide(1) * tilt, 0, pi)
    return np.concatenate([upper, side, lower, (side * _points([-1, 1]))[::-1]])


def _pattern(rng: Rng, chance: float = 0.55) -> tuple[str, float, float]:
    name = str(rng.choice(["bars", "rings", "check", "dots", "weave"])) if rng.random() < chance else "plain"
    return name, rng.uniform(12, 22) if name == "weave" else rng.uniform(2, 6), rng.uniform(-0.45, 0.45)


def _mug(rng: Rng, main: Array) -> list[Part]:
    half, tilt, gloss = rng.uniform(0.55, 0.85), rng.uniform(0.1, 0.3), rng.uniform(0, 0.6)
    taper, bulge, second = rng.uniform(-0.3, 0.12), rng.uniform(-0.08, 0.2), _other(main, rng)

    def wide(t: float) -> float:
        return float(half * (1 + taper * t**1.5 + bulge * sin(pi * t)))

    top, low = -rng.uniform(0.65, 1), 0.85
    reach, a, b = rng.uniform(0.32, 0.55), rng.uniform(0.12, 0.25), rng.uniform(0.7, 0.85)
    mid, tall = top + (a + b) / 2 * (low - top), (b - a) / 2 * (low - top)
    loop = _arc(wide((a + b) / 2) * 0.94, mid, reach, tall, -pi / 2 - 0.3, pi / 2 + 0.3, rng.uniform(0.6, 1.1))
    thick, grip = rng.uniform(0.13, 0.22), main if rng.random() < 0.75 else second
    parts = [Part(_ribbon(loop, thick), grip * 0.8), Part(_ribbon(loop, thick * 0.5), grip, gloss=gloss / 2)]
    parts.append(Part(_turned(top, low, wide, tilt), main, (0.93, 0.1), gloss, _pattern(rng)))
    if rng.random() < 0.4:
        at, thin = rng.uniform(0.15, 0.75), rng.uniform(0.05, 0.2)
        rims = [_arc(0, top + t * (low - top), wide(t), wide(t) * tilt, 0, pi) for t in (at, at + thin)]
        parts.append(Part(np.concatenate([rims[0], rims[1][::-1]]), second, (0.93, 0), gloss))
    elif rng.random() < 0.5:
        x, rx, ry = rng.uniform([-0.2, 0.15, 0.15], [0.2, 0.3, 0.3]).tolist()
        spot = _arc(x, 0.25, rx, ry, power=rng.choice([0.3, 1, 2.5]))
        parts.append(Part(spot, second, (0.4, 0.1)))
    inside = main if rng.random() < 0.5 else _points([0.93, 0.92, 0.9])
    parts += [Part(_arc(0, top, half, half * tilt), np.minimum(inside * 1.1, 1), (0.1, 0))]
    parts += [Part(_arc(0, top + 0.01, half * 0.92, half * tilt * 0.88), inside * 0.62, (-0.8, -0.4))]
    if rng.random() < 0.5:
        drink = _points([0.3, 0.17, 0.08]) * rng.uniform(0.6, 2.4)
        parts.append(Part(_arc(0, top + half * tilt * 0.16, half * 0.83, half * tilt * 0.7), drink, (0.1, 0.5), 0.2))
    return parts


def _lamp(rng: Rng, main: Array) -> list[Part]:
    gloss, tilt = rng.uniform(0, 0.7), rng.uniform(0.06, 0.2)
    stem, lit = _other(main, rng), rng.uniform(0.25, 0.7) * (rng.random() < 0.5)
    foot, thin = rng.uniform(0.28, 0.5), rng.uniform(0.05, 0.12)
    base = Part(_turned(0.86, 0.93, lambda t: foot * (0.9 + 0.1 * t), tilt), stem, (0.9, 0.2), gloss)
    if rng.random() < 0.35:  # a desk lamp with a jointed arm
        elbow, head = (rng.uniform(0.2, 0.6), rng.uniform(-0.25, 0.15)), (rng.uniform(-0.45, -0.05), -0.75)
        arm = [Part(_ribbon(_points([p, elbow]), thin), stem, (0.5, 0.3), gloss) for p in ((0, 0.85), head)]
        turn, wide, deep = rng.uniform(0.1, 0.9), rng.uniform(0.3, 0.45), rng.uniform(0.35, 0.55)
        cone = _smooth([(-0.12, -0.15), (0.12, -0.15), (wide * 0.75, deep * 0.5), (wide, deep), (-wide, deep)], steps=5)
        spin = _points([[cos(turn), sin(turn)], [-sin(turn), cos(turn)]])
        mouth = Part(_arc(0, deep, wide * 0.98, wide * 0.3) @ spin + _points(head), _points([1, 0.9, 0.65]), glow=lit)
        knob = Part(_arc(*elbow, thin, thin), stem * 0.8, (0.8, 0.8), gloss)
        return [base, *arm, knob, Part(cone @ spin + _points(head), main, (0.9, 0.2), gloss), mouth]
    wide, neck, deep = rng.uniform(0.5, 0.8), rng.uniform(0.25, 0.9), rng.uniform(0.55, 0.9)
    dome, lean, fat = rng.uniform(0.4, 1.3), rng.uniform(0.5, 1.6), rng.uniform(0.05, 0.38) * (rng.random() < 0.6)
    shade = _turned(-0.95, -0.95 + deep, lambda t: wide * (neck + (1 - neck) * t**dome), tilt)
    body = _turned(-0.95 + deep, 0.86, lambda t: thin * 0.7 + fat * sin(pi * t**lean), tilt)
    return [base, Part(body, stem, (0.9, 0.1), gloss), Part(shade, main, (0.85, 0.15), 0.0, _pattern(rng), lit)]


def _shoe(rng: Rng, main: Array) -> list[Part]:
    gloss = rng.uniform(0, 0.45)
    second, pale = _other(main, rng), _points([0.92, 0.9, 0.86])
    sole = pale if rng.random() < 0.5 else second * 0.8
    top, nose, thick = rng.uniform(-0.75, 0.15), rng.uniform(0.25, 0.45), rng.uniform(0.07, 0.2)
    heel, back, front = rng.uniform(0, 0.28) * (rng.random() < 0.5), rng.uniform(0.82, 0.95), rng.uniform(0.12, 0.32)
    floor, arch = 0.95 - thick, 0.95 - thick - heel
    under = _smooth([(-1, floor - 0.05), (-0.55, floor), (0.1, floor - heel * 0.6), (back, arch)], closed=False)
    throat = [(front, top + 0.02), (front - 0.12, max(top + 0.35, 0.12)), (-0.3, nose), (-0.72, nose + 0.1)]
    rear, tip = [(back, arch), (back + 0.03, arch - 0.25), (back - 0.03, top)], [(-1, floor - 0.2), (-1, floor - 0.05)]
    upper = np.concatenate([_smooth(rear, closed=False), _smooth(throat + tip, closed=False), under])
    block = _points([(back + 0.02, arch), (back - 0.03, 0.95), (0.48, 0.95), (0.42, arch)])
    parts = [Part(_arc((front + back) / 2, top, (back - front) / 2 - 0.02, 0.07), main * 0.3, (0, 0))]
    parts += [Part(block, sole * 0.7, (0.3, 0.2))] if heel else []
    parts += [Part(upper, main, (0.3, 0.75), gloss, _pattern(rng, 0.25))]
    parts += [Part(np.concatenate([under, under[::-1] + _points([0, thick])]), sole, (0.1, 0.6))]
    if rng.random() < 0.5:  # a toe cap
        cap = _smooth([(-0.7, floor - 0.02), (-0.6, floor - 0.2), (-0.68, nose + 0.1), (-0.98, floor - 0.18)])
        parts.append(Part(cap, second, (0.3, 0.6), gloss))
    if rng.random() < 0.6:  # a stripe or two along the side
        lean, broad = rng.uniform(-0.25, 0.25), rng.uniform(0.05, 0.11)
        for x in np.linspace(-0.05, rng.uniform(-0.05, 0.35), rng.integers(1, 4)):
            stripe = [(x, arch - 0.03), (x + lean, (arch + nose) / 2), (x + lean * 1.6, max(nose - 0.08, top + 0.15))]
            parts.append(Part(_ribbon(_smooth(stripe, closed=False), broad), second, (0.2, 0.3)))
    if rng.random() < 0.75:  # laces
        lace = pale if rng.random() < 0.6 else second
        ways = _smooth(throat[:3], closed=False)[3:-1:3]
        parts += [Part(_ribbon(_points(w + _points([[-0.03, 0], [0.2, 0.09]])), 0.05), lace, (0.2, 0.2)) for w in ways]
    return parts


def _bag(rng: Rng, main: Array) -> list[Part]:
    gloss, weave = rng.uniform(0, 0.4), _pattern(rng)
    second, metal = _other(main, rng), _points([0.8, 0.68, 0.4]) if rng.random() < 0.5 else _points([0.75, 0.76, 0.78])
    top, upper, lower = rng.uniform(-0.35, 0.25), rng.uniform(0.55, 0.85), rng.uniform(0.6, 0.95)
    sag, thin, grip = rng.uniform(-0.03, 0.08), rng.uniform(0.06, 0.12), main * 0.7 if rng.random() < 0.5 else second
    turn = rng.uniform(-0.3, 0.3)  # how much of the bag's side is seen
    body = [(-upper, top), (-lower, 0.78), (-lower * 0.9, 0.92), (lower * 0.9, 0.92), (lower, 0.78), (upper, top)]
    rim = _smooth([(upper, top), (0, top + sag), (-upper, top)], closed=False)
    front = np.concatenate([_points(body), rim])
    reach, span = rng.uniform(0.45, 0.9), upper * rng.uniform(0.35, 0.75)
    loop = _ribbon(_arc(0, top + 0.06, span, reach, -pi, 0, rng.uniform(0.5, 1.1)), thin)
    parts = [Part(loop + _points([turn * 0.5, -0.06]), grip * 0.6, (0.3, 0.3))]
    parts += [Part(front + _points([turn, -abs(turn) * 0.35]), main * 0.55, (0.2, 0.1))]
    parts += [Part(front, main, (0.45, 0.35), gloss, weave)]
    if (sort := rng.integers(3)) == 0:  # a flap with a clasp
        hang, round_ = rng.uniform(0.3, 0.8) * (0.9 - top), rng.uniform(0.3, 1)
        flap = np.concatenate([rim, _arc(0, top, (upper + lower) / 2, hang, pi, 0, round_)])
        parts.append(Part(flap, main * 0.9 if rng.random() < 0.5 else second, (0.4, 0.6), gloss))
        parts.append(Part(_arc(0, top + hang, 0.1, 0.07, power=0.4), metal, (0.5, 0.5), 0.8))
    elif sort == 1:  # a pocket under a zip
        wide, at = rng.uniform(0.35, 0.55), rng.uniform(0.35, 0.55)
        parts.append(Part(_arc(0, (at + 0.85) / 2, wide, (0.85 - at) / 2, power=0.4), main * 0.85, (0.4, 0.5), gloss))
        zip_ = _ribbon(_points([(-wide * 0.8, at + 0.03), (wide * 0.8, at + 0.03)]), 0.04)
        parts.append(Part(zip_, metal, gloss=0.6))
    for side in (-1, 1):
        parts.append(Part(_arc(side * span, top + 0.09, thin * 0.8, thin * 1.2, power=0.6), metal, (0.6, 0.6), 0.7))
    return [*parts, Part(loop, grip, (0.3, 0.5), gloss)]


_SHAPES = {"bag": _bag, "lamp": _lamp, "mug": _mug, "shoe": _shoe}
KINDS: tuple[str, ...] = tuple(_SHAPES)


def _cloud(rng: Rng, size: Size, cells: tuple[int, int]) -> Array:
    """Make smooth noise in 0..1 with the given number of cells across and down."""
    grid = Image.fromarray(rng.random((cells[1], cells[0]), dtype=np.float32))
    return np.asarray(grid.resize(size, Image.Resampling.BICUBIC))


def _background(rng: Rng, size: Size, away_from: Array) -> Array:
    width, height = size
    first, down = _other(away_from, rng), np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    if rng.random() < 0.5:  # half of all shops photograph on something pale
        first = 1 - (1 - first) * 0.25 if away_from.mean() < 0.72 else first * 0.6
    first, second = (c * 0.55 + c.mean() * 0.45 for c in (first, _other(first, rng, 0.2)))
    scene = np.empty((height, width, 3), np.float32)
    scene[:] = first
    sort = rng.choice(["plain", "gradient", "table", "texture"])
    if sort == "gradient":
        scene += (second - first) * rng.uniform(0.2, 0.6) * down ** rng.uniform(0.6, 2.5)
    elif sort == "table":
        edge = int(height * rng.uniform(0.5, 0.75))
        grain = _cloud(rng, size, (5, 70)) * 0.6 + _cloud(rng, size, (30, 120)) * 0.4
        scene[edge:] = (second * (0.75 + 0.5 * rng.uniform(0.2, 1) * grain[..., None]))[edge:]
    elif sort == "texture":
        cells = int(rng.integers(3, 60))
        mix = _cloud(rng, size, (cells, cells)) * 0.6 + _cloud(rng, size, (cells * 2, cells * 2)) * 0.4
        scene += (second - first) * rng.uniform(0.15, 0.5) * mix[..., None]
    return scene


def _tone(part: Part, u: Array, v: Array, light: Array) -> tuple[Array, Array]:
    """Shade the part at surface places u, v in -1..1, and give its highlight."""
    nx, ny = part.bend[0] * u, part.bend[1] * v
    facing = nx * light[0] + ny * light[1] + np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0.04)) * light[2]
    facing = np.maximum(facing, 0)
    name, often, contrast = part.pattern
    across = np.arcsin(u * 0.98) if part.bend[0] > 0.8 else u
    a, b = np.sin(across * often * pi), np.sin(v * often * pi + 0.5)
    wave = {"bars": a, "rings": b, "check": a * b, "dots": a * b - 0.45, "weave": a + b}.get(name, np.float32(0))
    shade = (0.42 + 0.66 * facing) * (1 + contrast * np.clip(wave * 6, -1, 1)) + part.glow * (1 - 0.5 * u * u)
    return shade, part.gloss * facing**26


def _paint(scene: Array, part: Part, outline: Array, angle: float, light: Array) -> None:
    height, width = scene.shape[:2]
    x0, y0 = np.maximum(np.floor(outline.min(0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(outline.max(0)).astype(int), (width, height))
    if x1 <= x0 or y1 <= y0:
        return
    mask = Image.new("L", (2 * (x1 - x0), 2 * (y1 - y0)))
    ImageDraw.Draw(mask).polygon(((outline - [x0, y0]) * 2).ravel().tolist(), fill=255)
    cover = np.asarray(mask.reduce(2), dtype=np.float32)[..., None] / 255
    middle, half = (outline.max(0) + outline.min(0)) / 2, np.ptp(outline, axis=0) / 2 + 1e-3
    x = np.arange(x0, x1, dtype=np.float32) + 0.5 - middle[0]
    y = np.arange(y0, y1, dtype=np.float32)[:, None] + 0.5 - middle[1]
    u = np.clip((x * cos(angle) + y * sin(angle)) / half[0], -1, 1, dtype=np.float32)
    v = np.clip((y * cos(angle) - x * sin(angle)) / half[1], -1, 1, dtype=np.float32)
    shade, shine = _tone(part, u, v, light)
    patch = scene[y0:y1, x0:x1]
    patch += cover * (part.colour * shade[..., None] + shine[..., None] - patch)


def _cast(scene: Array, outlines: list[Array], rng: Rng, light: Array) -> None:
    """Lay the product's shadow on the ground behind it."""
    height, width = scene.shape[:2]
    ground = max(float(o[:, 1].max()) for o in outlines)
    soft, squash, lean = rng.uniform(1, 6), rng.uniform(0.04, 0.45), float(-light[0] * rng.uniform(0.2, 0.8))
    shadow = Image.new("L", (width // 2, height // 2))
    for o in outlines:
        up = ground - o[:, 1]
        laid = np.stack([o[:, 0] + lean * up, ground + 0.01 * height - squash * up], 1) / 2
        ImageDraw.Draw(shadow).polygon(laid.ravel().tolist(), fill=255)
    soften = shadow.filter(ImageFilter.GaussianBlur(soft * min(width, height) / 480))
    dark = np.asarray(soften.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32)
    scene *= 1 - dark[..., None] * (rng.uniform(0.1, 0.6) / 255)


def _place(parts: list[Part], rng: Rng, size: Size) -> tuple[list[Array], float]:
    """Turn, mirror, lean and scale the outlines to pixels; also give the angle."""
    angle, mirror = float(rng.normal(0, 0.1)), rng.choice([-1.0, 1.0])
    turn = _points([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]])
    shape = _points([[mirror * rng.uniform(0.82, 1.1), 0], [rng.normal(0, 0.07), 1]])
    turned = [part.outline @ shape @ turn for part in parts]
    every = np.concatenate(turned)
    low, span, frame = every.min(0), np.ptp(every, axis=0), _points(size)
    scale = rng.uniform(0.55, 0.9) * (frame / span).min()
    start = (frame - span * scale) * np.clip(rng.normal(0.5, 0.2, 2), 0.06, 0.94)
    return [_points((outline - low) * scale + start) for outline in turned], angle


def draw(kind: str, rng: Rng, size: Size = (240, 240), colour: Sequence[float] | None = None) -> Image.Image:
    """Draw one photo of a product of the kind, mainly in a colour (red, green and blue from 0 to 1) if one is given."""
    if kind not in _SHAPES:
        raise ValueError(f"kind is {kind!r}; it must be one of {', '.join(KINDS)}")
    main = _colour(rng)
    parts = _SHAPES[kind](rng, main if colour is None else _points(colour))
    outlines, angle = _place(parts, rng, size)
    aim = _points([rng.uniform(-0.75, 0.75), rng.uniform(-0.7, -0.1), rng.uniform(0.5, 1)])
    light = aim / np.linalg.norm(aim)
    biggest = max(parts, key=lambda part: float(np.ptp(part.outline, axis=0).prod()))
    scene = _background(rng, size, biggest.colour)
    if rng.random() < 0.85:
        _cast(scene, outlines, rng, light)
    for part, outline in zip(parts, outlines, strict=True):
        _paint(scene, part, outline, angle, light)
    return _develop(scene, rng, light)


def _develop(scene: Array, rng: Rng, light: Array) -> Image.Image:
    """Give the scene a falling light, a tint, a lens's blur and a sensor's noise."""
    height, width = scene.shape[:2]
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    fall = rng.uniform(0.7, 1.12) * (1 + rng.uniform(0, 0.25) * (x * light[0] + y * light[1]))
    scene = scene * np.asarray(fall, np.float32)[..., None] * _points(rng.normal(1, 0.04, 3))
    noise = rng.standard_normal(scene.shape, dtype=np.float32) * np.float32(rng.gamma(2, 1.6))
    photo = Image.fromarray(np.clip(scene * 255, 0, 255).astype(np.uint8))
    photo = photo.filter(ImageFilter.GaussianBlur(rng.gamma(2, 0.22) * min(width, height) / 240))
    return Image.fromarray(np.clip(np.asarray(photo) + noise, 0, 255).astype(np.uint8))


def _ink(rng: Rng) -> tuple[int, ...]:
    return tuple(int(c * 255) for c in _other(_points([1, 1, 1]), rng, 0.5))


def _paper(rng: Rng) -> tuple[int, ...]:
    return tuple(int(255 - c * 0.4) for c in _ink(rng)) if rng.random() < 0.7 else (255, 255, 255)


def _page(rng: Rng, size: Size) -> Image.Image:
    width, height = size
    page = Image.new("RGB", size, _paper(rng))
    pen, line = ImageDraw.Draw(page), int(rng.integers(10, 17)) * min(size) // 240 + 2
    pen.rectangle((0, 0, width, line * int(rng.integers(1, 4))), fill=_ink(rng))
    font = ImageFont.load_default(line * 0.75)
    for y in range(4 * line, height - line, line):
        words = ("".join(rng.choice(list("aeinorstlmd"), rng.integers(2, 9))) for _ in range(rng.integers(2, 10)))
        pen.text((width // 14, y), " ".join(words), fill=(40, 40, 50), font=font)
    return page


def _chart(rng: Rng, size: Size) -> Image.Image:
    width, height = size
    chart = Image.new("RGB", size, _paper(rng))
    pen, count, ink = ImageDraw.Draw(chart), int(rng.integers(4, 12)), _ink(rng)
    left, floor, step = width * 0.1, height * 0.9, width * 0.85 / count
    tops = floor - rng.uniform(0.05, 0.8, count) * height
    for y in np.linspace(height * 0.1, floor, 6):
        pen.line((left, y, width * 0.95, y), fill=(180, 180, 180))
    if rng.random() < 0.5:
        for i, y in enumerate(tops):
            pen.rectangle((left + (i + 0.15) * step, y, left + (i + 0.85) * step, floor), fill=ink)
    else:
        pen.line([(left + (i + 0.5) * step, float(y)) for i, y in enumerate(tops)], fill=ink, width=max(width // 80, 1))
    pen.line((left, height * 0.08, left, floor, width * 0.95, floor), fill=(30, 30, 30), width=2)
    return chart


def _landscape(rng: Rng, size: Size) -> Image.Image:
    width, height = size
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    sky, hill = _points([0.35, 0.55, 0.85]) * rng.uniform(0.6, 1.2), _points(rng.uniform(0.08, 0.4, 3))
    scene = np.broadcast_to(sky + (1 - sky) * 0.8 * down, (height, width, 3)).copy()
    scene += 0.25 * np.maximum(_cloud(rng, size, (6, 14)) - 0.5, 0)[..., None]
    for far in np.linspace(0.8, 0.1, int(rng.integers(2, 6))):
        ridge = 1 - 0.7 * far - 0.25 * _cloud(rng, (width, 1), (int(rng.integers(4, 16)), 1))
        scene = np.where(down < ridge[..., None], scene, hill + (sky - hill) * np.float32(far))
    return _develop(scene, rng, _points([0.2, -0.5, 0.8]))


def _board(rng: Rng, size: Size) -> Image.Image:
    cell, (width, height) = max(int(min(size) / rng.uniform(4, 14)), 2), size
    field = (np.arange(width) // cell + np.arange(height)[:, None] // cell) % 2 == 0
    if rng.random() < 0.4:  # a random code rather than a regular board
        field = (
            rng.random((height // cell + 1, width // cell + 1)).repeat(cell, 0).repeat(cell, 1)[:height, :width] < 0.5
        )
    first = _colour(rng)
    return _develop(np.where(field[..., None], first, _other(first, rng)), rng, _points([0.3, -0.3, 0.9]))


_OFF_TOPIC = (_page, _chart, _landscape, _board)


def draw_off_topic(rng: Rng, size: Size = (240, 240)) -> Image.Image:
    """Draw something that is no product: a page of text, a chart, a landscape or a checkerboard."""
    return _OFF_TOPIC[rng.integers(len(_OFF_TOPIC))](rng, size)


def _jpeg(photo: Image.Image, quality: int = 88) -> bytes:
    photo.save(buffer := io.BytesIO(), "JPEG", quality=quality)
    return buffer.getvalue()


def _near_twin(original: bytes, rng: Rng) -> bytes:
    photo = Image.open(io.BytesIO(original))
    (width, height), cut = photo.size, 0.02
    box = (width * cut, height * cut, width * (1 - cut), height * (1 - cut))
    closer = photo.resize(photo.size, Image.Resampling.BICUBIC, box=box)
    return _jpeg(ImageEnhance.Brightness(closer).enhance(1 + rng.choice([-1, 1]) * rng.uniform(0.03, 0.08)), 72)


def make_folder(
    root: Path, *, per_kind: int = 145, faults: int = 8, seed: int = 0, size: Size = (240, 240)
) -> list[Planted]:
    """Write root/<kind>/<number>.jpg: per_kind sound photos of each kind, and as many faults of each of five sorts."""
    if 2 * faults > per_kind * len(KINDS):
        raise ValueError(
            f"faults is {faults}; it must be at most {per_kind * len(KINDS) // 2}, or two share an original"
        )
    rng = np.random.default_rng(seed)
    photos = [(kind, _jpeg(draw(kind, rng, size))) for kind in KINDS for _ in range(per_kind)]
    faulty: list[tuple[str, int | str]] = []  # the fault, and its original's number or its true kind
    for i, number in enumerate(rng.choice(len(photos), 2 * faults, replace=False).tolist()):
        kind, original = photos[number]
        photos.append((kind, original if i < faults else _near_twin(original, rng)))
        faulty.append(("byte twin" if i < faults else "near twin", number))
    for _ in range(faults):
        (true, false), (home, cut) = rng.permutation(KINDS)[:2].tolist(), rng.choice(KINDS, 2).tolist()
        whole = _jpeg(draw(cut, rng, size))
        photos += [(false, _jpeg(draw(true, rng, size))), (home, _jpeg(draw_off_topic(rng, size)))]
        photos.append((cut, whole[: len(whole) * 2 // 5]))
        faulty += [("wrong label", true), ("off-topic", ""), ("truncated", "")]
    names = [f"{photos[i][0]}/{n + 1:04}.jpg" for i, n in enumerate(rng.permutation(len(photos)))]
    for kind in KINDS:
        (root / kind).mkdir(parents=True, exist_ok=True)
    for name, (_, data) in zip(names, photos, strict=True):
        (root / name).write_bytes(data)
    planted = zip(names[len(photos) - len(faulty) :], faulty, strict=True)
    return [Planted(name, fault, names[of] if isinstance(of, int) else of) for name, (fault, of) in planted]


def _blank(photo: Image.Image) -> Image.Image:
    blank = Image.new("RGB", photo.size, (225, 222, 215))
    blank.paste(photo.resize((12, 12)), (photo.width // 2, photo.height // 2))
    return blank


_SPOILT: dict[str, Callable[[Image.Image], Image.Image]] = {
    "mirrored": lambda photo: photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "blurry": lambda photo: photo.filter(ImageFilter.GaussianBlur(min(photo.size) / 16)),
    "dark": lambda photo: ImageEnhance.Brightness(photo).enhance(0.12),
    "overexposed": lambda photo: Image.blend(photo, Image.new("RGB", photo.size, "white"), 0.97),
    "nearly empty": _blank,
    "tiny": lambda photo: photo.resize((24, 24)),
    "odd shape": lambda photo: photo.resize((photo.width, photo.height // 6)),
    "two labels": lambda photo: photo,
}


def spoil_folder(root: Path, *, faults: int = 8, seed: int = 1, size: Size = (240, 240)) -> list[Planted]:
    """Add photos with faults of eight more sorts to a folder that :func:`make_folder` made.

    A mirrored photo, and one with two labels, is of a sound photo that is added as well; the others are of new ones.
    """
    rng, planted = np.random.default_rng(seed), []
    for fault, spoil in _SPOILT.items():
        for number in range(faults):
            home, other = rng.permutation(KINDS)[:2].tolist()
            original = draw(home, rng, size)
            name = f"{home}/{fault.replace(' ', '-')}-{number}.jpg"
            of = ""
            if fault in {"mirrored", "two labels"}:
                of = f"{home if fault == 'mirrored' else other}/{fault.replace(' ', '-')}-of-{number}.jpg"
                (root / of).write_bytes(_jpeg(original))
            (root / name).write_bytes(_jpeg(spoil(original)))
            planted.append(Planted(name, fault, of))
    return planted


def megapixel(rng: Rng, width: int = 1200, height: int = 900) -> bytes:
    """Give a detailed JPEG of about a million pixels, to time decoding with."""
    small = draw(KINDS[rng.integers(len(KINDS))], rng, (width // 4, height // 4))
    photo = small.resize((width, height), Image.Resampling.BICUBIC)
    fine = np.frombuffer(rng.bytes(width * height), np.uint8).reshape(height, width)
    coarse = np.frombuffer(rng.bytes((width // 3) * (height // 3)), np.uint8).reshape(height // 3, width // 3)
    rough = Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR)
    grain = Image.blend(rough, Image.fromarray(fine), 0.3).convert("RGB")
    return _jpeg(Image.blend(photo, grain, 0.13))

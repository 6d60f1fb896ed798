"""Where in a photo the answer comes from: a map of the network's own evidence, and how it is drawn on the photo.

The evidence for a class at a place is how far its score, against the mean of all classes, falls when the embedding is
pooled without what lies around the place. It is the occlusion of Zeiler and Fergus (2014, Visualizing and
Understanding Convolutional Networks), done to the last maps instead of the pixels: the network runs once for a photo,
and every kind of head can say what it makes of the rest. What a network pools from is in its outputs
``places.BLOCK``, float32 (n, views, height, width, channels): the embedding's block of that name is their mean over
the places, or, where the name begins with ``std``, their standard deviation, and then the mean over the views.

A network may say it all itself: an output ``evidence``, float32 (n, height, width, classes), is the map of each class
(class activation map; Zhou et al. 2016, Learning Deep Features for Discriminative Localization). Where a class means
"none of the others", its score in the embedding's block ``classes`` is the threshold that a place has to exceed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from goodsight.arrays import Array, Doubles, Floats, Pixels
from goodsight.backbones import lite0
from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import Engine
from goodsight.errors import GoodsightError
from goodsight.photos import decoder
from goodsight.photos.limits import Limits
from goodsight.photos.resize import Resize

Scores = Callable[[Array], Floats]
"""Makes scores (m, classes) of embeddings (m, width), such as a :class:`goodsight.heads.head.Head`."""


LEAST = 1e-4
"""Less than this is rounding: a head that looks at colours alone has no place at all."""


REACH = 1.0
"""How far around a place is left out, as the standard deviation of a bell, in places of the first view."""


_COVER = 0.6
"""How much of the photo the heat hides where it is strongest."""


_HEAT = ((0.0, 0.5, 1.0), (250, 249, 220), (204, 115, 38), (21, 22, 38))
"""Evidence, and its red, green and blue."""


_DARK, _LIGHT = "#111827", "#facc15"


_OWN, _PLACES = "evidence", "places."


def gives(engine: Engine) -> bool:
    """Whether a network has what a map is made of."""
    return any(name == _OWN or name.startswith(_PLACES) for name in engine.outputs[1:])


def require(backbone: Backbone, engine: Engine) -> None:
    """Refuse a network that has nothing to make a map of.

    Raises:
        GoodsightError: it has not.

    """
    if not gives(engine):
        raise GoodsightError(
            f"`explain`: the network {backbone.name} does not say where its answers come from; lite0 does, as it is "
            "and as lite0:tuned, and so do networks of brands (a model that was made before this was possible must be "
            "trained again)"
        )


def maps(
    backbone: Backbone,
    engine: Engine,
    pixels: Pixels,
    scores: Scores,
    numbers: Sequence[int],
    none: int | None = None,
) -> Array:
    """The evidence for one class in each photo.

    Args:
        backbone: the blocks of the embedding.
        engine: runs its network.
        pixels: photos (n, side, side, 3), as the network's resize rule asks.
        scores: of embeddings.
        numbers: the class number of each photo (n,).
        none: the class that means none of the others, which no place speaks for; None when there is none.

    Returns:
        Maps (n, height, width) over the square that the network was given: 1 at the place of a photo that speaks
        most for the class, 0 at places that do not, or speak against it. A photo in which no place speaks for the
        class has only zeros.

    """
    outputs = engine.explained(pixels)
    if _OWN in outputs:
        own = outputs[_OWN][np.arange(len(pixels)), :, :, list(numbers)]
        columns = backbone.columns("classes")
        if none is not None and columns is not None:
            # A place that does not exceed the threshold says nothing; one that does may still have odds below even.
            own = own - outputs[engine.outputs[0]][:, columns][:, none, None, None]
            own[np.asarray(numbers) == none] = 0
        return _shares(own)
    one_by_one = ({name: output[i] for name, output in outputs.items()} for i in range(len(pixels)))
    return _shares(np.stack([_falls(backbone, one, scores, c) for one, c in zip(one_by_one, numbers, strict=True)]))


def explain(
    picture: Image.Image,
    data: bytes,
    backbone: Backbone,
    engine: Engine,
    scores: Scores,
    number: int,
    limits: Limits,
    none: int | None = None,
) -> Image.Image:
    """A photo with the evidence for one class drawn over it.

    Args:
        picture: the upright photo, in any size.
        data: its bytes.
        backbone: the blocks of the embedding, and how photos are resized.
        engine: runs its network; :func:`require` says whether it can be asked.
        scores: of embeddings.
        number: of the class.
        limits: on bytes and pixels of the photo.
        none: as for :func:`maps`.

    Raises:
        BadPhoto: it cannot be decoded.

    """
    pixels = decoder.decode(data, backbone.resize, limits)
    return draw(picture, backbone.resize, maps(backbone, engine, pixels[None], scores, [number], none)[0])


def draw(picture: Image.Image, resize: Resize, found: Array) -> Image.Image:
    """The photo with its evidence over it: clear where there is none, then yellow to red, and the photo shows through.

    A line goes around the places that have at least half of the most: on a red photo, red alone would not be seen.

    Args:
        picture: the upright photo, in any size.
        resize: the rule by which the network was given it.
        found: its map (height, width), as :func:`maps` gives it.

    """
    heat = on_photo(found, resize, picture.size)
    colours = np.stack([np.interp(heat, _HEAT[0], channel) for channel in _HEAT[1:]], axis=-1)
    share = _COVER * heat[..., None]
    mixed = np.asarray(picture.convert("RGB"), np.float32) * (1 - share) + colours * share
    out = Image.fromarray(np.rint(mixed).astype(np.uint8))
    inside = Image.fromarray(heat >= 0.5).convert("L")
    thick = 2 * max(1, round(max(picture.size) / 600)) + 1
    line = inside.filter(ImageFilter.MaxFilter(thick))
    out.paste(_DARK, mask=ImageChops.subtract(line.filter(ImageFilter.MaxFilter(thick)), line))
    out.paste(_LIGHT, mask=ImageChops.subtract(line, inside))
    return out


def on_photo(found: Array, resize: Resize, size: tuple[int, int]) -> Array:
    """A map of the square that the network was given as one of the photo alone.

    Args:
        found: the map (height, width).
        resize: the rule that made the square; what it padded is cut off, what it stretched is put right.
        size: width and height of the photo in pixels, which are those of the new map.

    Returns:
        The map (height, width), 1 where the photo has most evidence; zeros where it has none.

    """
    inner = resize.box(*size)
    rows, columns = found.shape
    # As the decoder places the photo in the square.
    left, top = ((resize.size - length) // 2 / resize.size for length in inner)
    right, bottom = left + inner[0] / resize.size, top + inner[1] / resize.size
    box = (left * columns, top * rows, right * columns, bottom * rows)
    whole = Image.fromarray(np.asarray(found, np.float32))
    large = np.asarray(whole.resize(size, Image.Resampling.BICUBIC, box))
    return np.asarray(_shares(large[None])[0])


def draw_box(picture: Image.Image, box: tuple[int, int, int, int], label: str) -> Image.Image:
    """The photo with a frame around a part of it (left, top, right and bottom in pixels), and what the part shows."""
    out = picture.convert("RGB")
    pen = ImageDraw.Draw(out)
    edge = max(2, round(max(out.size) / 250))
    left, top, right, bottom = box
    # A light line beside a dark one is seen on every photo.
    pen.rectangle((left, top, max(left, right), max(top, bottom)), outline=_DARK, width=2 * edge)
    pen.rectangle((left, top, max(left, right), max(top, bottom)), outline=_LIGHT, width=edge)
    if label:
        font = ImageFont.load_default(max(12, out.width // 32))
        _, _, width, height = font.getbbox(label)
        at = (min(left, max(0, out.width - round(width) - 2 * edge)), max(0, top - round(height) - 2 * edge))
        pen.rectangle((*at, at[0] + width + 2 * edge, at[1] + height + 2 * edge), fill=_LIGHT)
        pen.text((at[0] + edge, at[1] + edge), label, _DARK, font)
    return out


def _shares(maps: Array) -> Array:
    """Maps (n, height, width) from 0 to 1: what is below 0 is 0, and the most of each map is 1, or all is 0."""
    most = maps.max(axis=(1, 2), keepdims=True)
    return np.asarray(np.where(most > LEAST, np.maximum(maps, 0) / np.maximum(most, LEAST), 0), np.float32)


def _falls(backbone: Backbone, outputs: Mapping[str, Array], scores: Scores, number: int) -> Array:
    """How far a class's score falls without each place (height, width)."""
    vectors, shape = _without(backbone, outputs)
    found = scores(vectors)
    # Log-odds find as many logos, but flatten where the class is far ahead of all others.
    ahead = found[:, number] - found.mean(axis=1)
    return np.asarray(ahead[0] - ahead[1:].reshape(shape), np.float32)


def _without(backbone: Backbone, outputs: Mapping[str, Array]) -> tuple[Array, tuple[int, int]]:
    """The embedding of a photo, then what it is without each place (1 + height * width, width); height and width."""
    local = {name.removeprefix(_PLACES): maps for name, maps in outputs.items() if name.startswith(_PLACES)}
    views, height, width, _ = next(iter(local.values())).shape
    kept = _kept(backbone.resize.size, views, height, width)
    vectors = np.tile(outputs["embedding"], (len(kept), 1))
    for name, maps in local.items():
        places = maps.reshape(views, height * width, -1)
        # Around the mean, so that nothing is lost where a spread is small against its mean.
        middle = places.mean(axis=1, keepdims=True)
        pooled = np.einsum("qvp,vpc->qvc", kept, places - middle, optimize=True)
        if name.startswith("std"):
            squares = np.einsum("qvp,vpc->qvc", kept, (places - middle) ** 2, optimize=True)
            pooled = np.sqrt(np.maximum(squares - pooled**2, 0) + 1e-6)
        # As a difference: what the engine rounds in one output and not in another must not look like evidence.
        vectors[:, backbone.columns(name)] += (pooled - pooled[:1]).mean(axis=1)
    return vectors, (height, width)


def _kept(side: int, views: int, height: int, width: int) -> Array:
    """What is kept of each place (1 + height * width, views, height * width), in shares: of all, then without each."""
    windows = lite0.windows(side, views, height)
    axes = [_axis(begin, end, height) for begin, end in windows]
    grid = [np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2) for axis in axes]
    away = np.stack(grid)[None] - grid[0][:, None, None]
    near = np.exp(-(away**2).sum(axis=-1) / 2 / (REACH / height) ** 2)
    kept = np.concatenate([np.ones((1, views, height * width)), 1 - near])
    return np.asarray(kept / kept.sum(axis=2, keepdims=True), np.float32)


def _axis(begin: float, end: float, places: int) -> Doubles:
    return begin + (np.arange(places) + 0.5) / places * (end - begin)

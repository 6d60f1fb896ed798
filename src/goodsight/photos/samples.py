"""Samples of any depth and format as 8 bits: scaled by their bits, white where white is, transparency laid on white."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImagePalette

from goodsight.photos.formats import first_tag
from goodsight.photos.limits import BadPhoto

_BITS, _PHOTOMETRIC, _COLOURS, _FORMAT = 258, 262, 320, 339
_COMPRESSION, _FILL_ORDER, _PLANES = 259, 266, 284
_SUBSAMPLING = 530
_SIGNED, _DEFLATE = 2, 8
_NATIVE = {
    f"{kind}{order}{number}": f"{kind}N{number}"
    for kind, number in (("I;16", "S"), ("I;32", "S"), ("F;32", "F"))
    for order in ("", "B")
}
_BLOCK = 2**20  # values at once: the copies in between would otherwise take several times the picture's memory


def prepare(picture: Any, data: bytes, kind: str) -> None:
    """Put right, before a picture is loaded, what Pillow takes from the header as it stands."""
    clear = picture.info.get("transparency")
    if kind == "PNG" and clear is not None and not isinstance(clear, bytes) and picture.mode in ("L", "RGB"):
        # The header counts in the file's bits, Pillow's pixels have 8.
        bits = data[24]
        scale: Callable[[int], int] = (
            (lambda value: value >> 8) if bits == 16 else lambda value: (value & (2**bits - 1)) * 255 // (2**bits - 1)
        )
        picture.info["transparency"] = tuple(map(scale, clear)) if isinstance(clear, tuple) else scale(clear)
    if kind == "TIFF":
        if picture.mode in ("P", "PA") and max(colours := picture.tag_v2[_COLOURS]) < 256:
            # 16 bits are the rule, but some programs write 8, and all colours would be black.
            picture.palette = ImagePalette.raw("RGB;L", bytes(colours))
        if Image.MAX_IMAGE_PIXELS and picture.width * picture.height > Image.MAX_IMAGE_PIXELS:
            # Our limit was held already; Pillow's own, which is lower, is asked where the memory is not there yet.
            picture.im = Image.new(picture.mode, picture._tile_size).im
        _choose_reader(picture)


def _choose_reader(picture: Any) -> None:
    """Have a TIFF's samples taken apart rightly, where Pillow's own choice refuses them or gives noise."""
    planes, order = first_tag(picture, _PLANES, 1), first_tag(picture, _FILL_ORDER, 1)
    halved = picture.mode == "YCbCr" and tuple(picture.tag_v2.get(_SUBSAMPLING, (2, 2))) != (1, 1)
    if not picture.use_load_libtiff and (planes == 2 or order == 2 or halved):
        # Pillow reads plain data itself, and knows neither planes of 16 bits nor colours at half the resolution.
        # libtiff knows them; it looks into the file, so that what stands here matters to nobody else.
        picture.tag_v2[_COMPRESSION] = _DEFLATE
        picture._setup()
    if planes == 2 and picture.mode in ("LA", "La", "PA"):
        raise BadPhoto("unreadable", "TIFF of 2 x 8 bits in planes is not supported")
    if picture.use_load_libtiff:  # it gives numbers in the machine's order, whatever the file's
        picture.tile = [tile._replace(args=(_NATIVE.get(*tile.args[:1] * 2), *tile.args[1:])) for tile in picture.tile]


def eight_bits(picture: Image.Image) -> Image.Image:
    """A loaded picture in mode L, RGB, CMYK or LAB. Raises BadPhoto "unreadable" for any other that cannot be made so.

    Its `info` still has the profile that its colours are meant in.
    """
    mode = picture.mode
    if mode == "RGB" and "transparency" not in picture.info:
        return picture
    if mode.startswith("I") or mode == "F" or (mode == "L" and first_tag(picture, _FORMAT, 1) == _SIGNED):
        made = Image.fromarray(_grey(picture))
    elif mode == "La":
        made = _on_white(picture.convert("LA"))
    elif picture.has_transparency_data:
        made = _on_white(picture)
    elif mode in ("L", "RGB", "CMYK", "LAB"):
        return picture
    elif mode in ("1", "P", "YCbCr", "RGBX"):
        made = picture.convert("L" if mode == "1" else "RGB")
    else:
        raise BadPhoto("unreadable", f"colour mode {mode} is not supported")
    made.info["icc_profile"] = picture.info.get("icc_profile")
    return made


def _on_white(picture: Image.Image) -> Image.Image:
    layer = picture.convert("RGBA")
    white = Image.new("RGB", picture.size, "white")
    white.paste(layer, mask=layer)
    # A grey picture may have a profile for greys.
    return white.getchannel(0) if picture.mode in ("L", "LA") else white


def _grey(picture: Image.Image) -> npt.NDArray[np.uint8]:
    """A grey picture of signed, deep or floating-point samples as 8 bits, shape `(height, width)`."""
    values = _values(picture)
    low, high = _range(values, picture)
    grey = np.empty(values.shape, np.uint8)
    rows = max(1, _BLOCK // max(1, values.shape[1]))
    clear = picture.info.get("transparency")
    # Pillow turns round only the pictures of 8 bits and less. A TIFF without the tag is taken as Pillow does.
    white_is_zero = hasattr(picture, "tag_v2") and first_tag(picture, _PHOTOMETRIC, 0) == 0
    for top in range(0, len(values), rows):
        block = values[top : top + rows]
        light = np.nan_to_num((block.astype(np.float64) - low) / (high - low), nan=0.0)
        light = np.clip(light, 0, 1)
        if white_is_zero:
            light = 1 - light
        part = np.rint(255 * light).astype(np.uint8)
        if isinstance(clear, int):
            part[block == clear] = 255
        grey[top : top + rows] = part
    return grey


def _values(picture: Image.Image) -> npt.NDArray[Any]:
    """The samples as numbers, in the type that the file means."""
    values = np.asarray(picture)
    if picture.mode == "L":
        return values.view(np.int8)
    if picture.mode == "I" and first_tag(picture, _BITS, 0) == 32 and first_tag(picture, _FORMAT, 1) != _SIGNED:
        return values.view(np.uint32)
    return values


def _range(values: npt.NDArray[Any], picture: Image.Image) -> tuple[float, float]:
    """The values of black and white.

    Some writers use a signed format from 0 up, others all of it: then there are values far below 0. 32 bits may be the
    wider place of 16. Floating point is meant from 0 to 1, and is left at 0 to 255 or 0 to 65535 by writers who only
    changed the type; a little above 1 are lights that outshine white.
    """
    if picture.mode == "F":
        top = _most(values)
        return 0.0, 1.0 if top <= 16 else 255.0 if top <= 256 else 65535.0
    bits = first_tag(picture, _BITS, 16)
    if picture.mode == "I" and bits == 32 and values.min() >= 0 and values.max() <= 65535:
        return 0.0, 65535.0
    if values.dtype.kind == "u" or first_tag(picture, _FORMAT, 1) != _SIGNED:
        return 0.0, float(2**bits - 1)
    top = 2 ** (bits - 1)
    return (float(-top) if values.min() < -top / 16 else 0.0), float(top - 1)


def _most(values: npt.NDArray[Any]) -> float:
    """The largest finite value; 1 where there is none."""
    top = float(values.max())
    if not np.isfinite(top):
        finite = values[np.isfinite(values)]
        top = float(finite.max()) if finite.size else 1.0
    return top

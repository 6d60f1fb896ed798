"""Small pictures of photos, as data URIs that a page holds."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from goodsight.catalog.rows import Row
from goodsight.measuring.explained import Seen
from goodsight.model import evidence
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto, Limits
from goodsight.photos.places import Place
from goodsight.photos.resize import Resize

_WORKERS = 4  # a photo of 64 megapixels takes 200 MB while it is open


class Thumbnails:
    """Small pictures as data URIs; a photo that cannot be read any more gives its reason instead.

    Args:
        limits: on bytes and pixels of a photo.
        edge: the longer side of a picture, in pixels.

    """

    def __init__(self, limits: Limits, edge: int = 112) -> None:
        self._limits = limits
        self._edge = edge
        self._made: dict[Place, tuple[str, str]] = {}

    def __call__(self, row: Row) -> tuple[str, str]:
        """The data URI ('' when there is none) and what is wrong ('' when nothing is)."""
        if row.path not in self._made:
            self._made[row.path] = self._make(row.path)
        return self._made[row.path]

    def explained(self, row: Row, resize: Resize, found: Seen) -> tuple[str, str]:
        """As for a photo without it, with its evidence drawn over the picture, and a frame around its place."""
        try:
            picture = self.open(row)
        except BadPhoto as bad:
            return "", str(bad)
        drawn = evidence.draw(picture, resize, found.map)
        if found.place:
            drawn = evidence.draw_box(drawn, resize.in_pixels(found.place, *drawn.size), "")
        return data_uri(drawn), ""

    def prepare(self, rows: Iterable[Row]) -> None:
        """Make the pictures of many photos at once, several at a time."""
        paths = list(dict.fromkeys(row.path for row in rows if row.path not in self._made))
        workers = min(_WORKERS, os.cpu_count() or 1)
        with ThreadPoolExecutor(workers, thread_name_prefix="goodsight-thumbnail") as pool:
            self._made.update(zip(paths, pool.map(self._make, paths), strict=True))

    def _make(self, path: Place) -> tuple[str, str]:
        try:
            return data_uri(self._open(path)), ""
        except BadPhoto as bad:
            return "", str(bad)

    def open(self, row: Row) -> Image.Image:
        """The small picture itself. Raises BadPhoto as :mod:`goodsight.photos.decoder`."""
        return self._open(row.path)

    def _open(self, path: Place) -> Image.Image:
        # A JPEG comes at a fraction of its scale, which is most of the speed.
        data = decoder.read(path, self._limits)
        return small(data, self._limits, self._edge)


def small(data: bytes, limits: Limits, edge: int = 112) -> Image.Image:
    """A photo whose longer side has ``edge`` pixels at most. Raises BadPhoto as :mod:`goodsight.photos.decoder`."""
    picture = decoder.open_rgb(data, limits, at_least=edge * 6 // 7)
    picture.thumbnail((edge, edge))
    return picture


def data_uri(picture: Image.Image) -> str:
    """A picture as a JPEG in a data URI."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=70)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"

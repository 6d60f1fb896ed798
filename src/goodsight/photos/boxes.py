"""Boxes around what a photo is labelled for, as a list writes them: ``x0 y0 x1 y1;...`` in pixels of the photo."""

from __future__ import annotations

import math

from goodsight.errors import CatalogError

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels of the photo the right way up."""


def parse(text: str, where: str) -> tuple[Box, ...]:
    """The boxes that a text names; those without an area say nothing and are left out.

    Args:
        text: boxes of four numbers, with ``;`` between boxes; '' for none.
        where: the file and the row, for the message.

    Raises:
        CatalogError: the text is no list of boxes.

    """
    found = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        box = _numbers(part)
        if box is None:
            raise CatalogError(
                f"{where} has the box {part!r}; write `x0 y0 x1 y1` in pixels of the upright photo, left and top first "
                "and none below 0, with `;` between boxes, or leave it empty"
            )
        if box[0] < box[2] and box[1] < box[3]:
            found.append(box)
    return tuple(found)


def _numbers(part: str) -> Box | None:
    if "_" in part:  # Python would take 1_0 for 10
        return None
    try:
        left, top, right, bottom = map(float, part.split())
    except ValueError:
        return None
    box = (left, top, right, bottom)
    sound = all(map(math.isfinite, box)) and 0 <= left <= right and 0 <= top <= bottom
    return box if sound else None

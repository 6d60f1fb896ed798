"""What an exported model says of itself: what it takes, what it gives, and how answers become verdicts.

It is one JSON object: in the ONNX file's metadata under :data:`KEY`, and in a file of its own beside other forms.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from goodsight.about import __version__
from goodsight.model.record import Judge, Model

KEY = "goodsight"
FORMAT = 1
"""Raised when the record changes so that programs that read it must change."""
PIXELS, ON_TOPIC, PLACE = "pixels", "on_topic", "place"

_RESIZE = (
    "Decode to 8-bit sRGB, transparency laid on white, turn as EXIF says. With fit 'pad' scale by size / longer side "
    "(sides rounded, at least 1), centre (left and top rounded down) on a square filled with white; with fit 'squash' "
    "scale to the square. Scale with a triangle filter whose support grows with the reduction: Pillow's BILINEAR, "
    "ONNX Resize's linear with antialias=1; across, rounded to 8 bits, then down. A JPEG may first be decoded at 1/2, "
    "1/4 or 1/8 of its size, the smallest that is not below the scaled size."
)
_VERDICTS = {
    "label": "the class with the largest probability; of a tag 'yes' where its probability is at least `cut`",
    "off-topic": "`none` is empty and on_topic <= off_topic_alpha",
    "unsure": "else: the label's probability is below `threshold` (null: always), or the combination of labels of all "
    "attributes that are no tags is none of `combinations` (where these are not empty)",
    "sure": "else",
    "declared": "off-topic as above; else mismatch where the p-value of the declared class is at most alpha and "
    "another class is the label; else match where it is the label and sure; else unsure",
}
_LACKS = (
    "the names of off-topic things, the training photos' fingerprints, the canaries, the maps of --explain, the limits "
    "on files"
)


def record(model: Model) -> dict[str, Any]:
    """The JSON object of a model."""
    resize = model.backbone.resize
    return {
        "format": FORMAT,
        "goodsight": __version__,
        "network": model.backbone.name,
        "input": {"name": PIXELS, "type": "uint8", "shape": ["n", resize.size, resize.size, 3], "colours": "RGB"},
        "resize": resize.to_json() | {"rule": _RESIZE},
        "attributes": [_attribute(model, judge) for judge in model.judges],
        "on_topic": ON_TOPIC,
        "place": PLACE if model.backbone.columns("place") else None,
        "alpha": model.alpha,
        "off_topic_alpha": model.off_topic_alpha,
        "precision": model.precision,
        "combinations": sorted(map(list, model.combinations)),
        "int8": None,
        "verdicts": _VERDICTS,
        "not_inside": _LACKS,
    }


def output(what: str, judge: Judge) -> str:
    """The name of an attribute's output: a label column is any text, and a protobuf holds UTF-8 alone."""
    return f"{what}.{judge.attribute.name.encode('utf-8', 'backslashreplace').decode()}"


def _attribute(model: Model, judge: Judge) -> dict[str, Any]:
    return {
        "name": judge.attribute.name,
        "tag": judge.attribute.tag,
        "classes": list(judge.classes),
        "probabilities": output("probabilities", judge),
        "p_values": output("p_values", judge),
        "threshold": None if np.isinf(judge.threshold) else judge.threshold,
        "cut": judge.cut if judge.attribute.tag else None,
        "none": judge.none,
    }

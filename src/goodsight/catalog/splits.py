"""Which names mean which split: folders and the column ``split`` of a list."""

from __future__ import annotations

import re

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "eval": "validation",
    "evaluation": "validation",
    "test": "test",
    "testing": "test",
    "holdout": "test",
}
_AROUND = "set|sets|data|dataset|split|folder|image|images|img|imgs|photo|photos|picture|pictures"
"""What people write around a split's name."""
_SPLIT_WORD = re.compile(rf"({'|'.join(sorted(SPLITS, key=len, reverse=True))})?({_AROUND})?")


def split_of(name: str) -> str:
    """The split that a name means, also one such as ``train_set`` or ``images-val2017``; '' for none."""
    words = [_SPLIT_WORD.fullmatch(word) for word in re.findall(r"[^\W\d_]+", name.lower())]
    said = {SPLITS[word[1]] for word in words if word and word[1]}
    return said.pop() if len(said) == 1 and all(words) else ""

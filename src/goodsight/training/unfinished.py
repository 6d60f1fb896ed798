"""What a training that is not finished needs to go on: the folder ``NAME.training`` beside the model to be."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from goodsight.errors import EngineError, FolderExistsError, GoodsightError
from goodsight.files import whole_file
from goodsight.training.recipe import Recipe, TrainingSet

_RECORD = "recipe.json"


def folder_for(out: Path) -> Path:
    """Where the training of the model ``out`` keeps what it needs to go on."""
    return out.with_name(f"{out.name}.training")


def begin(out: Path, wished: Recipe, *, resume: bool, force: bool) -> Recipe:
    """The recipe to follow: that of the unfinished training when it is resumed.

    Nothing is written or removed yet.

    Args:
        out: the model folder to be.
        wished: what the user asks for.
        resume: go on with the unfinished training.
        force: an unfinished training may be thrown away.

    Raises:
        EngineError: there is nothing to resume, or it goes on with other options.
        FolderExistsError: an unfinished training, or a folder that is none, is in the way.

    """
    folder = folder_for(out)
    begun = _read(folder)
    if resume:
        return _resumed(folder, begun, wished)
    if wished.trained_here and folder.exists():
        if begun is None:
            raise FolderExistsError(f"{folder}: in the way, and no training of Goodsight; move it or change `out`")
        if not force:
            raise FolderExistsError(f"{folder}: an unfinished training; go on with `resume` or start anew with `force`")
    return wished


def _resumed(folder: Path, begun: tuple[Recipe, str] | None, wished: Recipe) -> Recipe:
    if begun is None:
        raise EngineError(
            f"`resume`: {folder} holds no unfinished training; run it without `resume` (photos that were embedded are "
            "not embedded again)"
        )
    recipe = begun[0]
    for one in fields(Recipe):
        given, old = getattr(wished, one.name), getattr(recipe, one.name)
        if given not in (one.default, old):
            own = f"with `{one.name}` {old}" if old else f"without `{one.name}`"
            said = f"`{one.name}`" if given is True else f"`{one.name}` {given}"
            raise EngineError(f"`resume` goes on {own}; leave {said} out")
    return recipe


def note(out: Path, recipe: Recipe, photos: TrainingSet, sha256: Sequence[str], *, resume: bool) -> Path:
    """Write down what is trained, or see that a resumed training has the same photos; the folder.

    Args:
        out: the model folder to be.
        recipe: what is followed.
        photos: what is trained on.
        sha256: content hashes (n,) of these photos.
        resume: go on with the unfinished training; else one that is there is thrown away.

    Raises:
        EngineError: photos, labels, boxes, their order or their twins are not those that the training began with.

    """
    folder = folder_for(out)
    each = zip(sha256, photos.labels.tolist(), photos.groups.tolist(), photos.rows, strict=True)
    lines = ((*told, *row.boxes) for *told, row in each)
    digest = hashlib.sha256("\n".join(map(str, lines)).encode()).hexdigest()
    if resume:
        begun = _read(folder)
        if begun is None or begun[1] != digest:
            raise EngineError(
                f"`resume`: photos, labels, boxes or their order changed since {folder} was begun; start anew with "
                "`force`"
            )
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    with whole_file(folder / _RECORD) as part:
        part.write_text(json.dumps({"recipe": asdict(recipe), "photos": digest}, indent=1), encoding="utf-8")
    return folder


def end(out: Path) -> None:
    """The model is there: what was needed to go on is not needed any more."""
    shutil.rmtree(folder_for(out), ignore_errors=True)


def _read(folder: Path) -> tuple[Recipe, str] | None:
    """The recipe and the photos' hash of a training of ours, or None."""
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        return Recipe(**record["recipe"]), str(record["photos"])
    except (OSError, ValueError, KeyError, TypeError, GoodsightError):
        return None

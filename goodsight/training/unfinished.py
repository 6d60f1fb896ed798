"""What a training that is not finished needs to go on: the folder ``NAME.training`` beside the model to be."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from goodsight.errors import EngineError, FolderExistsError
from goodsight.files import whole_file
from goodsight.training import Recipe

_RECIPE = "recipe.json"


def folder_for(out: Path) -> Path:
    """Where the training of the model ``out`` keeps what it needs to go on."""
    return out.with_name(f"{out.name}.training")


def begin(out: Path, recipe: Recipe | None, *, resume: bool, force: bool) -> Recipe | None:
    """The recipe to follow: the one given, or that of the unfinished training when it is resumed.

    Args:
        out: the model folder to be.
        recipe: what the user asks for; None for a network that is not trained here.
        resume: go on with the unfinished training.
        force: throw an unfinished training away.

    Raises:
        EngineError: there is nothing to resume.
        FolderExistsError: an unfinished training, or a folder that is none, is in the way.

    """
    folder = folder_for(out)
    record = folder / _RECIPE
    if resume:
        if not record.is_file():
            raise EngineError(
                f"--resume: {folder} holds no unfinished training; run it without --resume (photos that were embedded "
                "are not embedded again)"
            )
        return Recipe(**json.loads(record.read_text(encoding="utf-8"))["recipe"])
    if recipe is None or not folder.exists():
        return recipe
    if not record.is_file():
        raise FolderExistsError(
            f"{folder}: is in the way and is no training of Goodsight; move it or choose another --out"
        )
    if not force:
        raise FolderExistsError(f"{folder}: an unfinished training; go on with --resume, or start anew with --force")
    shutil.rmtree(folder)
    return recipe


def note(out: Path, recipe: Recipe, photos: str) -> Path:
    """Write down what is trained, or see that a resumed training has the same photos; the folder.

    Args:
        out: the model folder to be.
        recipe: what is followed.
        photos: a hash of photos and labels.

    Raises:
        EngineError: the photos or labels are not those that the training began with.

    """
    folder = folder_for(out)
    record = folder / _RECIPE
    if record.is_file():
        if json.loads(record.read_text(encoding="utf-8"))["photos"] != photos:
            raise EngineError(f"--resume: photos or labels changed since {folder} was begun; start anew with --force")
        return folder
    with whole_file(record) as part:
        part.write_text(json.dumps({"recipe": asdict(recipe), "photos": photos}, indent=1), encoding="utf-8")
    return folder


def end(out: Path) -> None:
    """The model is there: what was needed to go on is not needed any more."""
    shutil.rmtree(folder_for(out), ignore_errors=True)

"""Folders become rows: one per class, or splits with one per class in each, or classes with splits in each.

The form is told by the names and by what lies in the folders. Where they do not agree, nothing is guessed: the error
says what was seen and how to say what is meant. What lies beside is named as left out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from goodsight.catalog.labels import FOLDER, Labels
from goodsight.catalog.rows import Found, Row
from goodsight.catalog.splits import split_of
from goodsight.errors import CatalogError
from goodsight.photos.find import find, folders_in, holds_files
from goodsight.photos.places import Source, below

FORMS = (
    "give one folder per class, train/validation/test folders with one folder per class in each, "
    "or a metadata.csv with the columns file_name and label"
)
_DEBRIS = {"__macosx", "@eadir", "lost+found", "$recycle.bin", "system volume information", "__pycache__"}
"""Folders that systems leave behind; never a class."""


@dataclass(frozen=True)
class _Form:
    """Which part of a photo's path is its class and which its split (-1 for none)."""

    label: int
    split: int


def split_folders(root: Source) -> list[Source]:
    """The folders of a root that are called like splits."""
    return [folder for folder in folders_in(root) if split_of(folder.name)]


def from_folders(root: Source, labels: Labels) -> Found:
    """The photos of class folders, and what lies in none with the reason.

    Raises:
        CatalogError: there are none, or the form is doubtful.

    """
    form = _form(root, labels)
    found, classes = Found(), set()
    for path in find(root):
        name = below(path, root)
        parts = name.split("/")
        reason = _outside(parts, form)
        if reason:
            found.left_out.append((name, reason))
            continue
        folder = unicodedata.normalize("NFC", parts[form.label]).strip()
        classes.add("/".join(parts[: form.label + 1]))
        said = tuple(folder.split("_", len(labels.names) - 1)) if labels.folders else (folder,)
        if len(said) < len(labels.names) or not all(said):
            wanted = "_".join(labels.names).upper()
            found.left_out.append((name, f"the folder {folder!r} does not name one label of each, as {wanted} would"))
        else:
            split = "" if form.split < 0 else split_of(parts[form.split])
            found.rows.append(Row(name, path, said, split, group=_group(parts, form, labels)))
    if not found.rows:
        raise CatalogError(f"{root}: no photos in class folders; {FORMS}")
    found.notes += [
        (f"{name}/", "a class folder without photos") for name in _class_folders(root, form) if name not in classes
    ]
    return found


def _group(parts: list[str], form: _Form, labels: Labels) -> str:
    """The folder below the class, or '' for a photo that lies in the class itself."""
    inner = parts[max(form.label, form.split) + 1 : -1]
    return "/".join([parts[form.label], *inner]) if labels.group == FOLDER and inner else ""


def _outside(parts: list[str], form: _Form) -> str:
    """Why a file is no photo of a class, '' if it is one."""
    if parts[0].lower() in _DEBRIS:
        return "lies in a folder that a system left behind"
    if form.split == 0 and len(parts) > 1 and not split_of(parts[0]):
        return f"lies in {parts[0]!r}, beside the splits"
    if len(parts) < max(form.label, form.split) + 2:
        return "lies in no class folder"
    return ""


def _form(root: Source, labels: Labels) -> _Form:
    """Which form a folder has.

    Raises:
        CatalogError: it is doubtful.

    """
    folders = [folder for folder in folders_in(root) if folder.name.lower() not in _DEBRIS]
    splits = [folder for folder in folders if split_of(folder.name)]
    deeper = len(folders) == 1 and not splits and folders_in(folders[0]) and not holds_files(folders[0])
    if deeper and labels.group != FOLDER:
        raise CatalogError(f"{root}: holds one folder only, and its photos lie deeper; give {folders[0]}")
    if not splits:
        inside = [[split_of(inner.name) for inner in folders_in(folder)] for folder in folders]
        # Classes with the splits in each: photos of a class are then in no other folder.
        if any(inside) and all(all(names) for names in inside if names) and any("train" in names for names in inside):
            for folder, names in zip(folders, inside, strict=True):
                if not names and holds_files(folder):
                    raise CatalogError(
                        f"{root}: other classes have splits in them, {folder.name}/ has photos and no splits; "
                        f"put them into {folder.name}/train and so on"
                    )
            return _Form(label=0, split=1)
        return _Form(label=0, split=-1)
    others = [folder for folder in folders if folder not in splits]
    whole = [folder for folder in splits if folders_in(folder)]
    trains = [folder for folder in whole if split_of(folder.name) == "train"]
    if trains or (whole and not any(_has_photos(folder) for folder in others)):
        return _Form(label=1, split=0)
    seen = ", ".join(f"{folder.name}/" for folder in folders[:8])
    which = splits[0].name
    if others:
        raise CatalogError(
            f"{root}: holds {seen}: {which!r} is the name of a split, and lies beside what may be classes; put the "
            f"class folders into train/, move {which}/ away or give it another name, or say each photo's class in a "
            "metadata.csv"
        )
    raise CatalogError(
        f"{root}: holds {seen}, called like splits, but without class folders in them; put one folder per class into "
        "each, or say each photo's class in a metadata.csv with the columns file_name and label"
    )


def _class_folders(root: Source, form: _Form) -> Iterator[str]:
    """The names of the folders that would be classes, relative to the root."""
    for folder in folders_in(root):
        if folder.name.lower() in _DEBRIS or (form.split == 0 and not split_of(folder.name)):
            continue
        if form.label == 0:
            yield folder.name
        else:
            yield from (f"{folder.name}/{inner.name}" for inner in folders_in(folder))


def _has_photos(folder: Source) -> bool:
    return next(find(folder), None) is not None

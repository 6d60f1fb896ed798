"""What a catalog needs before it can be trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from goodsight.catalog.read import unlabelled
from goodsight.catalog.rows import YES, Catalog, Row
from goodsight.errors import CatalogError, did_you_mean
from goodsight.photos import places
from goodsight.photos.places import Source


def with_none(catalog: Catalog, source: Source, name: str) -> Catalog:
    """A catalog with the photos of a folder or a list as further photos of the class ``name``, to train on.

    It has one attribute.

    Photos that the catalog has under this label already are not added.

    Raises:
        CatalogError: ``source`` is not there, holds no photo, or holds photos that the catalog has under another label.

    """
    folder, split = source.resolve().name, "train" if catalog.has_split else ""
    labels = {places.real(row.path): row.labels[0] for row in catalog.rows}
    found, more, otherwise = list(unlabelled(source)), [], []
    for row in found:
        path = places.real(row.path)
        if path not in labels:
            more.append(Row(f"{folder}/{row.file_name}", row.path, (name,), split))
        elif labels[path] != name:
            otherwise.append(f"{row.file_name} as {labels[path]!r}")
        labels.setdefault(path, name)
    if not found:
        raise CatalogError(f"{source}: holds no photo; give a folder of photos that show none of the classes")
    if otherwise:
        raise CatalogError(
            f"`none` {source}: {len(otherwise)} of its photos are labelled otherwise as well, the first "
            f"{otherwise[0]}; take them out of one of the two, or name their label with `none_class`"
        )
    return replace(catalog, rows=(*catalog.rows, *more))


def require_none(
    said: str, classes: Sequence[str], name: str, kind: str = "photo", bad: Sequence[tuple[Row, Exception]] = ()
) -> None:
    """The class that means none of the others is there, and two others.

    Args:
        said: where the photos came from.
        classes: those that there are photos of.
        name: of the class.
        kind: of the photos.
        bad: photos that cannot be used, with the reason.

    Raises:
        CatalogError: it is not, or they are not.

    """
    first = f"; the first bad photo: {bad[0][0].file_name}: {bad[0][1]}" if bad else ""
    if name not in classes:
        raise CatalogError(
            f"{said}: no {kind} has the label {name!r}; give photos of it with `none` FOLDER, or name another label "
            f"with `none_class`.{did_you_mean(name, classes)}{first}"
        )
    brands = [each for each in classes if each != name]
    if len(brands) < 2:
        raise CatalogError(
            f"{said}: beside {name!r}, two brands at least must have a {kind}; "
            f"only {', '.join(map(repr, brands)) or 'none'} has{first}"
        )


def without_lone_tags(catalog: Catalog) -> Catalog:
    """A catalog without the tags that all of its training photos have, or none: there is nothing to learn of them.

    Each is named among what was left out; the last attribute stays.
    """
    trained = [row for row in catalog.rows if row.split in ("", "train")]
    kept, out = [], []
    for number, attribute in enumerate(catalog.attributes):
        found = {row.labels[number] for row in trained}
        if attribute.tag and len(found) == 1:
            said = "all training photos have it" if found == {YES} else "no training photo has it"
            out.append((f"tag {attribute.name}", f"{said}, so there is nothing to learn"))
        else:
            kept.append(number)
    if not out or not kept:
        return catalog
    rows = tuple(replace(row, labels=tuple(row.labels[number] for number in kept)) for row in catalog.rows)
    attributes = tuple(catalog.attributes[number] for number in kept)
    return replace(catalog, rows=rows, attributes=attributes, left_out=(*catalog.left_out, *out))


def require_classes(catalog: Catalog) -> None:
    """Training needs two classes at least, of each attribute.

    Raises:
        CatalogError: there is one class only.

    """
    for number, attribute in enumerate(catalog.attributes):
        classes = catalog.classes(number)
        if len(classes) < 2:
            if attribute.tag:
                raise CatalogError(
                    f"{catalog.name}: the tag {attribute.name!r} is {', '.join(classes)} for every photo; training "
                    "needs photos with it and without"
                )
            raise CatalogError(
                f"{catalog.name}: {catalog.prefix(number)}one class only ({', '.join(classes)!r}); training needs "
                "at least two, each in its folder"
            )

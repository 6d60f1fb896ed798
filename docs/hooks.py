"""What the site needs beyond MkDocs: the records of the Python API, and roles of docstrings as links."""

from __future__ import annotations

import re
from typing import Any

import griffe

RECORDS = "<!-- records -->"
ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):<code>~?([\w.]+)</code>")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put a reference of every record in place of the mark: the modules that define them are nobody's business."""
    if RECORDS not in markdown:
        return markdown
    return markdown.replace(RECORDS, "\n\n".join(f"::: {path}" for path in records()))


def on_page_content(html: str, **_: Any) -> str:
    """Make links of roles such as ``:func:`train```, where the site has what they name."""
    return ROLE.sub(_link, html)


def records() -> list[str]:
    """The paths of the classes that the public functions return, then those of the classes that these hold."""
    package = griffe.load("goodsight", search_paths=["src", "."], try_relative_path=False)
    functions = [package[name] for name in _public(package) if package[name].is_function]
    returned = [path for function in functions for path in _named(function.returns)]
    inherited = [path for path in returned if (member := _class(package, path)) for path in _bases(member)]
    classes = {path: member for path in [*returned, *inherited] if (member := _class(package, path))}
    members = [member for record in classes.values() for member in record.members.values()]
    fields = [member for member in members if isinstance(member, griffe.Attribute) and member.is_public]
    held = [path for field in fields for path in _named(field.annotation)]
    return list(dict.fromkeys([*classes, *(path for path in held if _class(package, path))]))


def _public(package: griffe.Object | griffe.Alias) -> list[str]:
    return [str(name) for name in package.exports or () if not str(name).startswith("__")]


def _named(annotation: str | griffe.Expr | None) -> list[str]:
    """Paths of what an annotation names in this package."""
    if not isinstance(annotation, griffe.Expr):
        return []
    paths = [part.canonical_path for part in annotation.iterate() if isinstance(part, griffe.ExprName)]
    return [path for path in paths if path.startswith("goodsight.")]


def _bases(member: griffe.Object | griffe.Alias) -> list[str]:
    """Paths of the records that a class of this package is made from."""
    bases = [path for base in getattr(member, "bases", ()) for path in _named(base)]
    return [path for path in bases if path != "goodsight.display.Tabular"]


def _class(package: griffe.Object | griffe.Alias, path: str) -> griffe.Object | griffe.Alias | None:
    member: griffe.Object | griffe.Alias = package[path.removeprefix("goodsight.")]
    return member if member.is_class else None


def _link(role: re.Match[str]) -> str:
    name = role[1]
    path = name if name.startswith("goodsight.") else f"goodsight.{name}"
    return f'<autoref identifier="{path}" optional><code>{name}</code></autoref>'

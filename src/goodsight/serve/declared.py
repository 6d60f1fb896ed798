"""What a client says that a photo shows: one class, or ATTRIBUTE=CLASS for each of several attributes."""

from __future__ import annotations

from collections.abc import Sequence

from goodsight.serve.models import Served
from goodsight.serve.problems import Problem

CATEGORY = "The class that was declared, for a model of one attribute."
MEANING = (
    "What was declared, as ATTRIBUTE=CLASS; of a tag yes or no. Repeat the field for each attribute that is checked. "
    "For a model of one attribute the class alone is enough."
)


def declared(served: Served, category: str, said: Sequence[str]) -> dict[str, str]:
    """The declared class by attribute, in the order of the model's attributes; '' is the only one.

    Args:
        served: the model that is asked.
        category: the form's ``ad_category``, '' when it was not sent.
        said: the form's fields ``declared``.

    Raises:
        Problem: 422: nothing was declared, or no attribute or class of the model.

    """
    pairs: dict[str, str] = {}
    for field, text in [*([("ad_category", category)] if category else []), *(("declared", text) for text in said)]:
        attribute, label = _pair(served, field, text)
        judge = served.judge(attribute)
        if judge is None:
            names = ", ".join(served.attribute(judge) for judge in served.model.judges)
            raise Problem(
                422, f"{field} {text[:100]!r}: {served.name} answers for {names}; send declared=ATTRIBUTE=CLASS"
            )
        if label not in judge.classes:
            of = f"{attribute} in {served.name}" if attribute else served.name
            raise Problem(422, f"{field} {label[:100]!r}: the classes of {of} are {', '.join(judge.classes)}")
        if pairs.setdefault(attribute, label) != label:
            raise Problem(422, f"{field} {text[:100]!r}: {pairs[attribute]!r} was declared as well; send one of them")
    if not pairs:
        field = "declared" if served.several else "ad_category"
        how = ", as ATTRIBUTE=CLASS for each attribute" if served.several else ""
        raise Problem(422, f"{field}: missing; send the class that was declared{how}")
    return {name: pairs[name] for name in map(served.attribute, served.model.judges) if name in pairs}


def _pair(served: Served, field: str, text: str) -> tuple[str, str]:
    """The attribute and the class of a field; an attribute that is not there is left for the caller to refuse."""
    attribute, equals, label = text.partition("=")
    if served.several:
        return (attribute, label) if equals and field == "declared" else (text, "")
    (judge,) = served.model.judges
    # A class may have an equals sign in it.
    named = equals and attribute == judge.attribute.name and text not in judge.classes
    return ("", label) if named and field == "declared" else ("", text)

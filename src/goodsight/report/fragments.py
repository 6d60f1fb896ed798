"""The parts of a report that depend on the wanted precision, between marks by which they are found again."""

from __future__ import annotations

import re
from collections.abc import Sequence

from goodsight.measuring.result import SECONDS_BY_HAND
from goodsight.report.assets import as_json
from goodsight.report.decided import Setting
from goodsight.report.template import environment


def tiles(number: int, setting: Setting) -> str:
    """How much is decided alone, and how much of that is wrong."""
    return _marked("tiles", number, _rendered("tiles.html", s=setting))


def slider(number: int, setting: Setting) -> str:
    """What other precisions cost."""
    steps = {
        "steps": [step.to_json() for step in setting.steps],
        "minutes": round(setting.minutes, 1),
        "most": round(setting.most, 6),
    }
    return _marked("slider", number, _rendered("slider.html", s=setting, number=number, steps=as_json(steps)))


def card(settings: Sequence[Setting]) -> str:
    """What the model card says of it."""
    return _marked("card", 0, _rendered("decided.md", settings=settings))


def replaced(text: str, fragment: str) -> str:
    """A text with a fragment in the place of the one with the same marks.

    Raises:
        ValueError: there is none.

    """
    begin, end = fragment.splitlines()[0], fragment.splitlines()[-1]
    found, count = re.subn(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: fragment, text, count=1, flags=re.DOTALL)
    if not count:
        raise ValueError(begin)
    return found


def _rendered(name: str, **said: object) -> str:
    return environment().get_template(name).render(seconds_by_hand=SECONDS_BY_HAND, **said)


def _marked(name: str, number: int, text: str) -> str:
    return f"<!-- goodsight {name} {number} -->\n{text}\n<!-- goodsight {name} {number} ends -->"

"""How figures read on a terminal: the scores of a result, what can be decided without a person, forecasts, gains."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from goodsight.measuring.expected import Expected
    from goodsight.measuring.metrics import Scores
    from goodsight.measuring.result import Result


def print_result(result: Result, precision: float, threshold: float) -> None:
    """The scores, with and without leaked photos, and what can be decided without a person.

    At a wanted precision the model does so from a threshold on, which is above 1 where it promises nothing.
    """

    def show(name: str, scores: Scores) -> None:
        print(
            f"{name}: accuracy {_figure(scores.accuracy.value)} "
            f"[{_figure(scores.accuracy.low)}, {_figure(scores.accuracy.high)}], "
            f"balanced {_figure(scores.balanced_accuracy.value)}, log loss {_figure(scores.log_loss.value)}, "
            f"calibration error {_figure(scores.calibration_error.value)} ({scores.n} photos)"
        )

    show(result.name, result.scores)
    if result.scores_without_leaks is not None:
        show(f"{result.name} without {result.leaked} leaked photos", result.scores_without_leaks)
    elif result.leaked:
        print(f"{result.name}: every photo has a twin or its group among the training photos: nothing new is seen")
    if result.not_measurable:
        print(f"{result.name}: too few photos to measure: {', '.join(result.not_measurable)}")
    if result.nones is not None:
        found = result.nones
        print(
            f"{result.name}: brand right {_figure(found.right)} (missed {_figure(found.missed)}, another "
            f"{_figure(found.confused)}; {found.photos} photos), none right {_figure(found.recall)} "
            f"({found.without} photos without a brand)"
        )
    error = "" if math.isnan(result.decided_error) else f", error among them {result.decided_error:.4f}"
    why = error or _undecided(precision, threshold)
    print(f"{result.name}: {_share(result.decided)} can be decided without a person{why}")


def _undecided(precision: float, threshold: float) -> str:
    """Why nothing can be decided without a person."""
    from goodsight.heads.calibrate import least_for

    if threshold <= 1:
        return f": no answer is as sure as the model decides from, probability {threshold:.3f}"
    least = least_for(precision)
    return f": to promise {100 * precision:g}%, {least} right answers in a row are needed, from the surest on"


def print_expected(found: Mapping[str, Expected]) -> None:
    """What to expect of a model on photos without labels."""
    for name, each in found.items():
        said = f"{name}: " if len(found) > 1 else ""
        figure = each.accuracy
        print(
            f"{said}expect accuracy {_figure(figure.value)} [{_figure(figure.low)}, {_figure(figure.high)}] "
            f"({each.n} photos)"
        )
        error = each.error
        wrong = f", of which {error.value:.1%} [{error.low:.1%}, {error.high:.1%}] may be wrong"
        print(f"{said}{_share(each.decided)} can be decided without a person{'' if math.isnan(error.value) else wrong}")
        if each.farther:
            print(
                f"{said}these photos are {each.nearness:.2f} near to the training photos, those that it was judged on "
                f"{each.known_nearness:.2f}: label some, or train again with --like"
            )


def signed(value: float) -> str:
    """A gain with its sign, and with as many digits as it takes to tell little from none."""
    digits = next((digits for digits in range(4, 9) if round(value, digits)), 4)
    return f"{value:+.{digits}f}" if value else "0.0000"


def _share(value: float) -> str:
    """In percent, with as many digits as it takes to tell few from none."""
    digits = next((digits for digits in (1, 2, 3, 4) if round(value, digits + 2)), 1)
    return f"{value:.{digits}%}"


def _figure(value: float) -> str:
    return "not measurable" if math.isnan(value) else f"{value:.4f}"

"""A word means the same in every command; lists have one grammar; defaults are the library's."""

from pathlib import Path
from typing import Any

import pytest
import typer

import goodsight
from goodsight.cli import app, options
from goodsight.collecting import terms
from goodsight.errors import GoodsightError
from goodsight.photos.limits import WHOLE
from goodsight.serve.service import Settings

ROOT: Any = typer.main.get_command(app.app)
PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
MADE = "--out"
"""What is made differs from command to command, a path or an address, and its help says what."""


def _commands(command: Any, name: str = "") -> dict[str, Any]:
    found = {name: command}
    for below, other in getattr(command, "commands", {}).items():
        found |= _commands(other, f"{name} {below}".strip())
    return found


def _kind(parameter: Any) -> str:
    described = getattr(parameter, "type_descriptor", None)
    return str(described.annotation if described else parameter.type)


COMMANDS = _commands(ROOT)
OPTIONS = [
    (name, parameter)
    for name, command in COMMANDS.items()
    for parameter in command.params
    if not getattr(parameter, "hidden", False)
    if parameter.param_type_name == "option"
]


def test_an_option_means_the_same_in_every_command() -> None:
    meant: dict[str, set[tuple[str, bool, str]]] = {}
    for _, parameter in OPTIONS:
        for option in (*parameter.opts, *parameter.secondary_opts):
            kind, said = ("", "") if option == MADE else (_kind(parameter), parameter.help)
            meant.setdefault(option, set()).add((kind, parameter.multiple, said))
    assert {option: found for option, found in meant.items() if len(found) > 1} == {}


def test_a_parameter_has_one_name_in_a_command() -> None:
    for name, command in COMMANDS.items():
        names = [parameter.name for parameter in command.params]
        assert len(names) == len(set(names)), name


def test_the_page_has_every_option() -> None:
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `--")]
    listed = [part.strip().strip("`") for row in rows for part in row.split(",")]
    assert len(listed) == len(set(listed))
    known = {option for _, parameter in OPTIONS for option in (*parameter.opts, *parameter.secondary_opts)}
    assert set(listed) == known | {"--help"}


def test_options_that_take_several_values_are_the_lists() -> None:
    several = {parameter.opts[0] for _, parameter in OPTIONS if parameter.multiple}
    assert several == {"--label", "--attributes", "--ledger", "--declared", "--allow-host", "--proxy"}


@pytest.mark.parametrize(
    ("given", "values"),
    [
        (None, ()),
        (["colour", "type"], ("colour", "type")),
        (["colour,type"], ("colour", "type")),
        (["colour, type", "make"], ("colour", "type", "make")),
        (['"Bags, Wallets",colour'], ("Bags, Wallets", "colour")),
        (["colour,"], ("colour", "")),
        ([""], ("",)),
    ],
)
def test_a_list_is_given_with_commas_or_several_times(given: list[str] | None, values: tuple[str, ...]) -> None:
    assert options.values(given) == values


def test_all_lists_become_records() -> None:
    labels = options.labels(["colour,type"], None, "details", [Path("a.csv,b.csv"), Path("c.csv")], ignore_split=True)
    ledgers = (Path("a.csv"), Path("b.csv"), Path("c.csv"))
    assert labels == goodsight.Labels(("colour", "type"), (), "details", ledgers, True)
    assert options.labels(None, ["colour", "type"], "") == options.labels(None, ["colour,type"], "")
    assert options.labels(None, None, "") == goodsight.Labels()
    assert options.pairs(["colour=black,type=dress"]) == options.pairs(["colour=black", "type=dress"])
    assert options.pairs(['"type=Bags, Wallets",colour=black']) == {"type": "Bags, Wallets", "colour": "black"}
    with pytest.raises(GoodsightError, match="`label` '': empty or given twice"):
        options.labels(["colour,"], None, "")
    with pytest.raises(GoodsightError, match=r"`ledger` a\.csv,: a name is empty"):
        options.labels(None, None, "", [Path("a.csv,")])
    for wrong in (["black"], ["colour=black,colour=red"], ["colour=black", "dress"]):
        with pytest.raises(GoodsightError, match="give ATTRIBUTE=CLASS, once for each of them"):
            options.pairs(wrong)


def test_names_of_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=b").mkdir()
    assert options.models(["ads=models/ads", "shoes"]) == {"ads": Path("models/ads"), "shoes": Path("shoes")}
    with pytest.raises(GoodsightError, match="the name 'a=b' must be"):
        options.models(["a=b"])


def test_limits_are_above_0() -> None:
    assert options.limits(0.5, 2) == goodsight.Limits(2**19, 2_000_000)
    for wrong in (0, -1, float("nan"), float("inf")):
        with pytest.raises(GoodsightError, match=r"`max_mb` .* must be above 0"):
            options.limits(wrong, 64)
        with pytest.raises(GoodsightError, match=r"`max_megapixels` .* must be above 0"):
            options.limits(32, wrong)


def test_the_defaults_are_those_of_the_library() -> None:
    def defaults(command: str) -> dict[str, Any]:
        return {parameter.name: parameter.default for parameter in COMMANDS[command].params}

    plain = defaults("train")
    for record in (goodsight.Recipe(), goodsight.Wishes()):
        shared = vars(record).keys() & plain.keys()
        assert len(shared) >= 5
        assert {name: plain[name] for name in shared} == {name: getattr(record, name) for name in shared}
    for name, command in COMMANDS.items():
        found = {parameter.name: parameter.default for parameter in command.params}
        if "max_mb" in found:
            # A service decodes what strangers send, and keeps to the smaller limit for every format.
            wanted = goodsight.Limits(max_pixels=WHOLE if name == "serve" else None)
            assert options.limits(found["max_mb"], found["max_megapixels"]) == wanted, name
        if "spoilt" in found:
            assert found["spoilt"] == goodsight.Wishes().spoilt
    manners = goodsight.Manners()
    assert (defaults("collect")["rate"], terms.USER_AGENT) == (manners.rate, manners.user_agent)
    service, served = Settings({}, Path()), defaults("serve")
    for name in ("store", "keep_days", "most_photos", "decode_seconds", "body_seconds"):
        assert served[name] == getattr(service, name)

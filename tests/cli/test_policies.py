"""policy test: what is printed, and the exit codes."""

from collections.abc import Callable
from pathlib import Path

import pytest

import goodsight
from goodsight.cli import policies
from goodsight.flow.policies import CategoryTest, Outcome, PoliciesTest, PolicyTest
from goodsight.measuring.metrics import Estimate

Run = Callable[..., tuple[int, str, str]]
NOW, OWN = Outcome(18, Estimate(1 / 18, 0.001, 0.27), 1, 3), Outcome(0, Estimate(*[float("nan")] * 3), 0, 22)


def _found(precision: float) -> PoliciesTest:
    total = PolicyTest("phones", "label", precision, 22, NOW)
    each = CategoryTest("label", "phone", "phones", 22, NOW, OWN)
    return PoliciesTest((each,), (total,), 4, (("a.jpg", "no photo"),))


@pytest.mark.parametrize(("precision", "said", "code"), [(0.9, "kept", 0), (0.99, "missed", 1)])
def test_each_category_is_printed_and_a_missed_precision_is_an_exit_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, precision: float, said: str, code: int
) -> None:
    asked: list[object] = []

    def policy_test(*given: object, name: str, **_: object) -> PoliciesTest:
        asked.extend([*given, name])
        return _found(precision)

    monkeypatch.setattr(goodsight, "policy_test", policy_test, raising=False)
    ended, out, _ = run("policy", "test", "p.toml", "ads=model", "photos")
    assert ended == code
    assert asked == [Path("p.toml"), Path("model"), "photos", "ads"]
    assert out.splitlines()[:6] == [
        "phone: 22 answers",
        "  policy phones: decided alone 19 (18 accepted with error 0.0556 [0.0010, 0.2700], 1 refused), to review 3",
        "  the model alone: decided alone 0 (0 accepted, 0 refused), to review 22",
        "policy phones: of 22 answers decided alone 19 (18 accepted with error 0.0556 [0.0010, 0.2700], 1 refused), "
        "to review 3",
        f"policy phones: wanted precision {precision:g}, is 0.9444: {said}",
        "left out: 4 copies of training photos",
    ]
    assert "a.jpg" in out


def test_a_file_that_is_wrong_is_exit_code_2(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text('[policies.x]\nmodel = "m"\nunsure = "ask"\n', encoding="utf-8")
    code, _, err = run("policy", "test", path, tmp_path, tmp_path)
    assert code == 2
    assert err.startswith(f"goodsight: {path}: [policies.x]: unsure 'ask': must be one of accept, refuse")
    code, _, err = run("policy", "test", path, "a b=model", tmp_path)
    assert (code, "the name 'a b' must be letters" in err) == (2, True)


def test_several_attributes_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    found = _found(0.9)
    (each,), (total,) = found.categories, found.policies
    other = CategoryTest("colour", "red", "", 1, OWN, OWN)
    policies.show(PoliciesTest((each, other), (total,), 0, ()))
    out = capsys.readouterr().out
    assert "label: phone: 22 answers\n" in out
    assert "colour: red: 1 answers\n  no policy: decided alone 0" in out
    assert "policy phones, label: of 22 answers" in out

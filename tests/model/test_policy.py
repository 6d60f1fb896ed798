"""What a file of policies may say, and how what it may not say is told."""

from pathlib import Path

import pytest

from goodsight.errors import GoodsightError
from goodsight.model.policy import Policies, Policy, read_policies, usual

WHOLE = """
[policies.usual]
model = "ads"
off_topic = "refuse"

[policies.phones]
model = "ads"
attribute = "type"
category = "phone"
precision = 0.995
alpha = 0.01
unsure = "accept"
"""


def _read(tmp_path: Path, text: str) -> Policies:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return read_policies(path)


def test_a_policy_says_what_is_promised_and_done(tmp_path: Path) -> None:
    policies = _read(tmp_path, WHOLE)
    first, second = policies.each
    assert first == Policy("usual", "ads", off_topic="refuse")
    assert second == Policy("phones", "ads", "type", "phone", 0.995, 0.01, "accept", "review")
    verdicts = ("match", "sure", "mismatch", "blocked", "unsure", "off-topic")
    assert [first.action(v) for v in verdicts] == ["accept", "accept", "refuse", "refuse", "review", "refuse"]
    assert [second.action(v) for v in verdicts] == ["accept", "accept", "refuse", "refuse", "accept", "review"]
    assert [usual(v) for v in verdicts] == ["accept", "accept", "refuse", "refuse", "review", "review"]
    assert policies.of("ads") == policies
    assert policies.of("shoes").each == ()


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("precison = 0.9", r"\[policies\.one\]: 'precison' is none of model, .* Did you mean 'precision'"),
        ("precision = 1", r"\[policies\.one\]: precision 1: must be a number between 0\.5 and 1"),
        ("precision = nan", "precision nan: must be a number"),
        ("precision = true", "precision True: must be a number"),
        ('precision = "0.9"', "precision '0.9': must be a number"),
        ("alpha = 0", "alpha 0: must be a number between 0 and 1"),
        ('unsure = "reviews"', "unsure 'reviews': must be one of accept, refuse, review. Did you mean 'review'"),
        ("off_topic = []", r"off_topic \[\]: must be one of"),
        ("category = 5", "category 5: must be a name in quotes"),
        ('attribute = ""', "attribute '': must be a name in quotes"),
    ],
)
def test_what_a_policy_cannot_say_is_told_with_its_key(tmp_path: Path, entry: str, told: str) -> None:
    with pytest.raises(GoodsightError, match=told) as raised:
        _read(tmp_path, f'[policies.one]\nmodel = "ads"\n{entry}\n')
    assert str(raised.value).startswith(f"{tmp_path / 'policy.toml'}: [policies.one]")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"has no \[policies\.NAME\] entry"),
        ("policies = 3", r"has no \[policies\.NAME\] entry"),
        ("[policies]\none = 3", r"\[policies\.one\]: must be a table with model"),
        ("[policies.one]\nalpha = 0.1", r"\[policies\.one\]: has no model"),
        ('[policies."a b"]\nmodel = "ads"', "the name must be letters, digits"),
        ('[policy.one]\nmodel = "ads"', "'policy' is no part of it"),
        ('[policies.one]\nmodel = "ads"\nalpha = no', "cannot be read: .*line 3"),
        ('[policies.one]\nmodel = "ads"\n[policies.one]\nmodel = "ads"', "cannot be read: .*line 3"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(GoodsightError, match=told):
        _read(tmp_path, text)


def test_a_file_that_is_not_there_and_a_model_that_is_not_served_are_told(tmp_path: Path) -> None:
    with pytest.raises(GoodsightError, match=r"nowhere\.toml: cannot be read"):
        read_policies(tmp_path / "nowhere.toml")
    policies = _read(tmp_path, WHOLE)
    policies.require_known({"ads": 1, "shoes": 2})
    with pytest.raises(GoodsightError, match=r"\[policies\.usual\]: model 'ads' is none of add, x\. Did you"):
        policies.require_known({"add": 1, "x": 2})

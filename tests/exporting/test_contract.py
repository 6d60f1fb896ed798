"""An exported model says what it takes, what it gives and what that means; all of it is JSON in UTF-8."""

import json
from dataclasses import replace

from goodsight.catalog.rows import Attribute
from goodsight.exporting import contract
from goodsight.model.record import LoadedModel


def test_everything_that_answers_need_is_told(loaded: LoadedModel) -> None:
    model = loaded.model
    said = json.loads(json.dumps(contract.record(model)))
    (attribute,) = said["attributes"]
    assert attribute["classes"] == list(model.judges[0].classes)
    assert attribute["threshold"] == model.judges[0].threshold
    assert (attribute["probabilities"], attribute["p_values"]) == ("probabilities.label", "p_values.label")
    assert said["input"]["shape"] == ["n", 224, 224, 3]
    assert (said["resize"]["size"], said["resize"]["fit"]) == (224, "pad")
    assert (said["alpha"], said["off_topic_alpha"]) == (model.alpha, model.off_topic_alpha)
    assert said["place"] is None


def test_a_threshold_that_is_never_reached_is_null(loaded: LoadedModel) -> None:
    judge = replace(loaded.model.judges[0], threshold=float("inf"))
    said = contract.record(replace(loaded.model, judges=(judge,)))
    assert said["attributes"][0]["threshold"] is None


def test_a_name_that_is_no_text_can_be_that_of_an_output(loaded: LoadedModel) -> None:
    odd = replace(loaded.model.judges[0], attribute=Attribute("caf\udce9"))
    assert contract.output("p_values", odd) == "p_values.caf\\udce9"
    json.dumps(contract.record(replace(loaded.model, judges=(odd,)))).encode("utf-8")

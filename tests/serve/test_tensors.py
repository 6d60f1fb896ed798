"""A request of the binary extension is refused, and not tripped over, when its header is none."""

import pytest

from goodsight.serve import tensors
from goodsight.serve.problems import Problem


@pytest.mark.parametrize("head", ["9" * 5000, "0" * 13, "9", "-1", "", "1.5", "\u0663"])
def test_a_length_that_is_none_is_refused(head: str) -> None:
    with pytest.raises(Problem, match=r"Inference-Header-Content-Length .*: must be the bytes of the JSON") as caught:
        tensors.read(b"{}", head, 100)
    assert caught.value.status_code == 422

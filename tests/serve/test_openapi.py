"""Generated requests, sensible and senseless, against every operation of the OpenAPI document."""

from typing import Any

import loopback
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def test_every_answer_is_as_documented(running: loopback.Running) -> None:
    found = schemathesis.openapi.from_url(f"{running.url}/openapi.json").get_all_operations()
    operations = [result.ok() for result in found]
    assert len(operations) > 10
    assert sum(_ask(operation) for operation in operations) > 5 * len(operations)


def _ask(operation: Any) -> int:
    seen = 0

    @seed(0)
    @settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy())
    def answer(case: Any) -> None:
        nonlocal seen
        seen += 1
        case.call_and_validate(checks=CHECKS)

    answer()
    return seen

"""The OpenAPI document against the service: whatever is generated from it, no answer is a 5xx or not documented."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, seed, settings
from schemathesis.checks import CHECKS
from schemathesis.core.failures import Failure, FailureGroup
from starlette.testclient import TestClient

from tests.api.colours import Installation

pytestmark = pytest.mark.slow

CHECKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
EXAMPLES = 12
"""Requests per operation; `schemathesis run` against a served address makes as many as are asked for."""

Operation = schemathesis.APIOperation


@pytest.fixture
def unhindered(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Generated calls come fast."""
    monkeypatch.setenv("LOOKALIKE_HTTP_RATE", "1000000")


@pytest.fixture
def headers(unhindered: None, admin: TestClient) -> dict[str, str]:
    return {"Authorization": admin.headers["Authorization"]}


@pytest.fixture
def operations(app: FastAPI, headers: dict[str, str]) -> list[Operation]:
    loaded = schemathesis.openapi.from_asgi("/v1/openapi.json", app, headers=headers)
    return [each.ok() for each in loaded.get_all_operations()]


def test_no_answer_is_unforeseen(operations: list[Operation], headers: dict[str, str]) -> None:
    """All operations are tried, so that one run tells of every fault."""
    assert len(operations) > 20
    faults = [fault for operation in operations for fault in faults_of(operation, headers)]
    assert not faults, "\n\n".join(faults)


def faults_of(operation: Operation, headers: dict[str, str]) -> Iterator[str]:
    checks = CHECKS.get_by_names(CHECKED)

    @seed(20261124)
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def answered_as_documented(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=checks, headers=headers)

    try:
        answered_as_documented()
    except (FailureGroup, Failure) as found:
        yield f"{operation.label}: {found}\n" + "\n".join(map(str, getattr(found, "exceptions", ())))

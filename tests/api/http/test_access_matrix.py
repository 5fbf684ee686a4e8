"""Every operation against every role, really called. What an operation needs is written down here by hand, so that a
route which forgets its scope, or asks for the wrong one, fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.http.app import MACHINE_PATHS
from detector.access import SCOPES, Role

Calls = Callable[..., TestClient]
READS = frozenset({"get", "list", "versions", "picture", "history", "rows", "counts"})

OWN_SCOPE = {
    "keys.self": None,
    "health.openapi": None,
    "health.metrics": "metrics:read",
    "talents.erase": "talents:erase",
    "findings.review": "findings:review",
}
"""Operations whose scope isn't their resource's reading or writing."""

RESOURCES = {
    "talents": ("talents:read", "talents:write"),
    "references": ("talents:read", "talents:write"),
    "imports": ("talents:write", "talents:write"),
    "consents": ("consents:read", "consents:write"),
    "checks": ("checks:write", "checks:write"),
    "scans": ("scans:read", "scans:write"),
    "findings": ("findings:read", "findings:review"),
    "webhooks": ("webhooks:manage", "webhooks:manage"),
    "deliveries": ("webhooks:manage", "webhooks:manage"),
    "keys": ("keys:manage", "keys:manage"),
}
SEES: dict[Role, dict[str, str]] = {
    Role.ADMIN: {},
    Role.REGISTRAR: {"agency": "North"},
    Role.SCANNER: {"client": "Acme"},
    Role.REVIEWER: {},
    Role.MONITOR: {},
}


def needed(operation: str) -> str | None:
    if operation in OWN_SCOPE:
        return OWN_SCOPE[operation]
    resource, verb = operation.split(".")
    reads, writes = RESOURCES[resource]
    return reads if verb in READS else writes


def operations(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    """Method, path and operation id of everything that needs a key."""
    for path, methods in app.openapi()["paths"].items():
        if path.startswith(MACHINE_PATHS):
            for method, operation in methods.items():
                yield method.upper(), path, operation["operationId"]


def test_every_operation_says_the_scope_it_needs(app: FastAPI) -> None:
    said = {
        operation["operationId"]: operation["security"]
        for path, methods in app.openapi()["paths"].items()
        if path.startswith(MACHINE_PATHS)
        for operation in methods.values()
    }
    assert len(said) > 20
    for operation, security in said.items():
        scope = needed(operation)
        assert security == [{"key": [scope] if scope else []}], operation


@pytest.mark.parametrize("role", Role)
def test_a_role_reaches_what_it_may_and_nothing_else(app: FastAPI, call_as: Calls, role: Role) -> None:
    caller = call_as(role.value, **SEES[role])
    for method, path, operation in operations(app):
        scope = needed(operation)
        filled = re.sub(r"\{\w+\}", "none", path)
        answer = caller.request(method, filled)
        allowed = scope is None or scope in {str(each) for each in SCOPES[role]}
        assert (answer.status_code == 403) == (not allowed), (operation, answer.status_code, answer.text)
        assert answer.status_code < 500, (operation, answer.text)


def test_no_operation_answers_without_a_key(app: FastAPI, nobody: TestClient) -> None:
    for method, path, operation in operations(app):
        answer = nobody.request(method, re.sub(r"\{\w+\}", "none", path))
        assert answer.status_code == 401, operation

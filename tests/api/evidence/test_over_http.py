"""Evidence over HTTP and from the finding's page: for those who review and see everything, each export an event."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.composition import Application
from api.evidence.verifying import verify
from api.http.app import create_app
from api.http.service import Service
from data.store.findings import KeptFinding
from data.store.keys import NewKey
from detector.access import Role


@pytest.fixture
def call_as(application: Application) -> Iterator[Callable[..., TestClient]]:
    app = create_app(Service(application))

    def caller(role: str, **sees: str) -> TestClient:
        _, token = application.store.keys.create(NewKey(Role(role), f"the {role}", **sees))
        client = TestClient(app, raise_server_exceptions=False)
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    with TestClient(app):
        yield caller


def test_a_reviewer_gets_the_bundle_and_the_audit_names_the_key(
    call_as: Callable[..., TestClient], application: Application, finding: KeptFinding, signing: Path
) -> None:
    caller = call_as("reviewer")
    answer = caller.get(f"/v1/findings/{finding.id}/evidence")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert verify(answer.content, signing.read_text().strip()).holds
    event = application.store.audit.list(subject=finding.id)[-1]
    assert event.action == "evidence.exported"
    assert str(event.details["key"]).startswith("key_")


def test_a_key_that_sees_less_than_everything_gets_none(
    call_as: Callable[..., TestClient], finding: KeptFinding
) -> None:
    path = f"/v1/findings/{finding.id}/evidence"
    bound = call_as("reviewer", client="Acme").get(path)
    assert (bound.status_code, bound.json()["code"]) == (403, "evidence_not_yours")
    assert call_as("reviewer", client="Other").get(path).status_code == 404
    assert call_as("scanner", client="Acme").get(path).status_code == 403
    assert call_as("reviewer").get("/v1/findings/fnd_none/evidence").status_code == 404


def test_the_page_of_the_finding_has_the_button_and_the_file(
    application: Application, finding: KeptFinding, signing: Path
) -> None:
    with TestClient(create_app(Service(application)), raise_server_exceptions=False) as browser:
        for sees, shown in (({}, True), ({"client": "Acme"}, False)):
            _, token = application.store.keys.create(NewKey(Role.REVIEWER, "a reviewer", **sees))
            csrf = re.search(r'name="csrf" value="([^"]+)"', browser.get("/sign-in").text)
            assert csrf
            browser.post("/sign-in", data={"csrf": csrf[1], "key": token})
            address = f"/review/{finding.id}/evidence.zip"
            assert (address in browser.get(f"/review/{finding.id}").text) is shown
            answer = browser.get(address)
            assert (answer.status_code == 200) is shown
            assert not shown or verify(answer.content, signing.read_text().strip()).holds
            browser.cookies.clear()


def test_a_client_reads_no_inputs(call_as: Callable[..., TestClient], finding: KeptFinding) -> None:
    path = f"/v1/findings/{finding.id}"
    assert "inputs" in call_as("reviewer").get(path).json()["row"]["decision"]
    row = call_as("reviewer", client="Acme").get(path).json()["row"]
    assert "inputs" not in row["decision"]
    assert all("inputs" not in face["decision"] for face in row["faces"])

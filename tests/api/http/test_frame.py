"""What surrounds every call: keys, ids, limits, rates, problems, idempotency."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from api.composition import Application
from data.store.requests import ABANDONED, Attempt
from tests.api.colours import Installation

Calls = Callable[..., TestClient]
KEY = {"role": "admin", "name": "console"}


def test_nothing_but_health_answers_without_a_key(nobody: TestClient) -> None:
    assert nobody.get("/livez").json() == {"status": "ok"}
    assert nobody.get("/readyz").json() == {"ready": True, "reasons": []}
    for path in ("/v1/keys", "/v1/openapi.json", "/v1/none", "/metrics"):
        refused = nobody.get(path)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
        assert refused.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("value", ["Bearer lk_a_b", "Basic lk_a_b", "Bearer", "", "Bearer \xff"])
def test_a_wrong_key_is_refused_and_audited_once(
    nobody: TestClient, application: Application, value: str
) -> None:
    for _ in range(3):
        headers = {"Authorization": value.encode("latin-1")}
        assert nobody.get("/v1/keys", headers=headers).status_code == 401
    refusals = [event for event in application.store.audit.list() if event.action == "access.refused"]
    assert [event.subject for event in refusals] == ["anonymous"]


def test_a_role_without_the_scope_is_refused_and_audited(call_as: Calls, application: Application) -> None:
    scanner = call_as("scanner", client="Acme")
    refused = scanner.post("/v1/keys", json=KEY)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    own = scanner.get("/v1/keys/self").json()
    assert own["client"] == "Acme"
    actions = [event.action for event in application.store.audit.list(subject=own["id"])]
    assert actions == ["key.created", "access.refused"]


def test_a_revoked_key_opens_nothing_at_once(admin: TestClient, call_as: Calls) -> None:
    visitor = call_as("monitor")
    key_id = visitor.get("/v1/keys/self").json()["id"]
    assert admin.delete(f"/v1/keys/{key_id}").json()["revoked_at"]
    assert visitor.get("/v1/keys/self").status_code == 401
    assert admin.delete(f"/v1/keys/{key_id}").status_code == 409
    assert admin.delete("/v1/keys/key_none").status_code == 404


def test_every_answer_has_an_id_and_a_callers_own_plain_id_is_kept(admin: TestClient) -> None:
    assert admin.get("/livez").headers["X-Request-Id"].startswith("req_")
    assert (
        admin.get("/livez", headers={"X-Request-Id": "order-000017"}).headers["X-Request-Id"]
        == "order-000017"
    )
    odd = admin.get("/livez", headers={"X-Request-Id": "a b\tc"}).headers["X-Request-Id"]
    assert odd.startswith("req_")
    missing = admin.get("/v1/none")
    assert missing.json()["request_id"] == missing.headers["X-Request-Id"]


def test_a_wrong_body_is_told_by_pointer_and_never_repeated(admin: TestClient) -> None:
    wrong = admin.post("/v1/keys", json={"role": "king", "name": "s3cret", "extra": "s3cret"})
    problem = wrong.json()
    assert (wrong.status_code, problem["code"]) == (422, "invalid_request")
    assert {fault["pointer"] for fault in problem["errors"]} == {"/body/role", "/body/extra"}
    assert "s3cret" not in wrong.text


def test_unknown_paths_and_methods_are_problems(admin: TestClient) -> None:
    assert admin.get("/v1/nothing").json()["code"] == "not_found"
    wrong = admin.put("/v1/keys", json={})
    assert wrong.json()["code"] == "method_not_allowed"
    assert wrong.headers["Allow"] == "GET, POST"
    assert (
        admin.post("/v1/keys", content=b"{", headers={"Content-Type": "application/json"}).status_code == 422
    )


class TestLimits:
    @pytest.fixture(autouse=True)
    def small(self, here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LOOKALIKE_HTTP_MAX_BODY", "2048")
        monkeypatch.setenv("LOOKALIKE_HTTP_RATE", "5")

    def test_a_body_above_the_limit_is_refused_by_its_length_and_by_its_bytes(
        self, admin: TestClient
    ) -> None:
        long = json.dumps({**KEY, "name": "x" * 4000}).encode()
        kind = {"Content-Type": "application/json"}
        assert admin.post("/v1/keys", content=long, headers=kind).json()["code"] == "request_too_large"
        chunks = (long[at : at + 100] for at in range(0, len(long), 100))
        told = admin.post("/v1/keys", content=chunks, headers=kind)
        assert (told.status_code, told.json()["code"]) == (413, "request_too_large")

    def test_a_key_above_its_rate_waits_and_others_do_not(self, admin: TestClient, call_as: Calls) -> None:
        answers = [admin.get("/v1/keys/self") for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
        assert call_as("monitor").get("/v1/keys/self").status_code == 200
        assert admin.get("/livez").status_code == 200


class TestIdempotency:
    HEADERS = {"Idempotency-Key": "a-1"}

    def test_a_secret_answer_is_not_kept_and_the_work_is_done_once(
        self, admin: TestClient, application: Application
    ) -> None:
        before = len(application.store.keys.list())
        assert admin.post("/v1/keys", json=KEY, headers=self.HEADERS).status_code == 201
        again = admin.post("/v1/keys", json=KEY, headers=self.HEADERS)
        assert (again.status_code, again.json()["code"]) == (409, "idempotent_answer_not_kept")
        assert len(application.store.keys.list()) == before + 1

    def test_a_kept_answer_is_replayed_to_the_letter(self, admin: TestClient) -> None:
        wrong = {"role": "scanner", "name": "no client"}
        first = admin.post("/v1/keys", json=wrong, headers=self.HEADERS)
        again = admin.post("/v1/keys", json=wrong, headers=self.HEADERS)
        assert (first.status_code, again.status_code) == (422, 422)
        assert again.content == first.content
        assert again.headers["Idempotency-Replayed"] == "true"
        assert "Idempotency-Replayed" not in first.headers

    def test_another_body_under_the_same_key_is_refused(self, admin: TestClient) -> None:
        admin.post("/v1/keys", json=KEY, headers=self.HEADERS)
        other = admin.post("/v1/keys", json={**KEY, "name": "other"}, headers=self.HEADERS)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")

    def test_keys_of_other_callers_do_not_meet(self, admin: TestClient, call_as: Calls) -> None:
        admin.post("/v1/keys", json=KEY, headers=self.HEADERS)
        assert call_as("admin").post("/v1/keys", json=KEY, headers=self.HEADERS).status_code == 201

    def test_a_call_under_way_is_a_conflict_until_it_is_abandoned(
        self, admin: TestClient, application: Application
    ) -> None:
        caller = admin.get("/v1/keys/self").json()["id"]
        requests = application.store.requests
        assert requests.begin(Attempt(caller, "a-1", "POST /v1/keys?")) is None
        waiting = admin.post("/v1/keys", json=KEY, headers=self.HEADERS)
        assert (waiting.status_code, waiting.json()["code"]) == (409, "idempotency_in_progress")
        requests._database.clock = lambda: application.clock() + 2 * ABANDONED
        assert admin.post("/v1/keys", json=KEY, headers=self.HEADERS).status_code == 201

    @pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 256])
    def test_a_key_of_another_form_is_refused(self, admin: TestClient, key: str) -> None:
        headers = {"Idempotency-Key": key.encode("latin-1")}
        answer = admin.post("/v1/keys", json=KEY, headers=headers)
        assert answer.json()["code"] == "bad_idempotency_key"


def test_metrics_name_operations_and_no_ids(admin: TestClient) -> None:
    admin.delete("/v1/keys/key_none")
    text = admin.get("/metrics").text
    assert 'lookalike_http_requests_total{operation="DELETE /v1/keys/{key_id}",status="404"} 1.0' in text
    assert "key_none" not in text

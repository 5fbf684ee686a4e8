"""What a key that is bound to a client or an agency must not get at, and what one small body must not cost."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.composition import Application
from api.http.problems import MOST_FAULTS
from api.jobs.building import runner_of
from data.store.findings import NewFinding
from detector.review import Judgement, ReviewState
from tests.api.colours import Installation, drawn

Calls = Callable[..., TestClient]
RIVAL = "Rival Secret"


@pytest.fixture
def licensed(
    here: Installation, enrolled: Callable[[str, str], str], admin: TestClient
) -> Callable[..., dict[str, Any]]:
    """A talent, red, with a licence for Acme and one for its rival; gives the licence to record."""
    talent = enrolled("anna", "red")

    def licence(client: str) -> dict[str, Any]:
        return {
            "talent_id": talent,
            "kind": "photo_use",
            "subject": {"minor": False},
            "grantor": {"role": "self"},
            "grantee": {"client": client},
            "scope": dict.fromkeys(("assets", "campaigns", "products", "media", "alterations"), "any"),
            "purpose": {"code": "advertising", "description": "Advertising of the spring collection."},
            "pay": {"amount": "100", "currency": "USD", "unit": "image"},
            "duration": {"valid_from": "2026-01-01", "valid_to": "2027-01-01", "timezone": "UTC"},
            "territory": {"include": ["WORLD"]},
            "form": {"signed_at": "2025-12-20", "separate": True, "conspicuous": True},
        }

    for client in ("Acme", RIVAL):
        answer = admin.post("/v1/consents", json=licence(client))
        assert answer.status_code == 201, answer.text
    return licence


USE = {
    "medium": "print",
    "purpose": "advertising",
    "territory": "US",
    "published_at": "2026-05-01",
    "made_at": "2026-04-01",
    "declared_ai": "false",
}


def red(seed: int) -> bytes:
    return drawn((200, 40, 40), seed=seed)


def test_a_clean_check_tells_a_client_nothing_of_its_rival(licensed: object, call_as: Calls) -> None:
    scanner = call_as("scanner", client="Acme")
    answer = scanner.post("/v1/checks", files={"picture": ("p.png", red(5))}, data=USE)
    assert answer.status_code == 200, answer.text
    assert answer.json()["faces"][0]["talent"]
    assert RIVAL not in answer.text
    assert '"inputs"' not in answer.text


def test_the_rows_of_a_scan_tell_a_client_nothing_of_its_rival(
    licensed: object, call_as: Calls, application: Application
) -> None:
    scanner = call_as("scanner", client="Acme")
    files = [("pictures", ("p.png", io.BytesIO(red(6))))]
    scan = scanner.post("/v1/scans", files=files, data={**USE, "territory": "US"}).json()
    runner = runner_of(application)
    while runner.run(scan["id"]):
        pass
    rows = scanner.get(f"/v1/scans/{scan['id']}/rows").text
    assert json.loads(rows.splitlines()[0])["faces"][0]["talent"]
    assert RIVAL not in rows
    assert '"inputs"' not in rows


def test_a_bound_admin_makes_no_key(call_as: Calls) -> None:
    for bound in ({"client": "Acme"}, {"agency": "North"}):
        admin = call_as("admin", **bound)
        assert admin.post("/v1/keys", json={"role": "admin", "name": "x"}).status_code == 403
        assert admin.get("/v1/keys").status_code == 403
        assert "keys:manage" not in admin.get("/v1/keys/self").json()["scopes"]


def test_signals_do_not_borrow_the_verdict_on_another_picture(
    enrolled: Callable[[str, str], str], admin: TestClient, application: Application
) -> None:
    """Whoever sends signals says himself which picture they are of."""
    enrolled("anna", "red")
    first = admin.post("/v1/checks", files={"picture": ("p.png", red(7))}).json()
    findings = application.store.findings
    kept = findings.get(first["finding_id"])
    findings.review(kept.id, kept.version, Judgement(ReviewState.WRONG_PERSON), kept.key_id)
    claimed = findings.add(NewFinding(kept.row, kept.key_id))
    seen = findings.add(NewFinding(kept.row, kept.key_id, picture=red(7)))
    assert claimed is not None
    assert seen is not None
    assert (claimed.state, seen.state) == (ReviewState.OPEN, ReviewState.SUPPRESSED)


def test_who_only_looks_reads_no_ground_of_a_decision(
    enrolled: Callable[[str, str], str], call_as: Calls, nobody: TestClient
) -> None:
    enrolled("anna", "red")
    scanner = call_as("scanner", client="Acme")
    finding = scanner.post("/v1/checks", files={"picture": ("p.png", red(8))}).json()["finding_id"]
    admin = call_as("admin")
    change = {"outcome": "authorised_out_of_band", "note": "SECRETNOTE", "document": "SECRETDOC"}
    tag = admin.get(f"/v1/findings/{finding}").headers["ETag"]
    reviewed = admin.patch(f"/v1/findings/{finding}", json=change, headers={"If-Match": tag})
    assert reviewed.status_code == 200, reviewed.text
    history = scanner.get(f"/v1/findings/{finding}/history").text
    assert "SECRET" not in history


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_moments_at_the_ends_of_the_calendar_are_faults_of_the_request(
    admin: TestClient, moment: str
) -> None:
    picture = "https://shop.example/a.png"
    answers = [
        admin.get("/v1/findings", params={"since": moment}),
        admin.get("/v1/findings/counts", params={"until": moment}),
        admin.post("/v1/scans", json={"pictures": [picture], "as_of": moment}),
        admin.post("/v1/keys", json={"role": "admin", "name": "x", "expires_at": moment}),
        admin.post("/v1/checks", files={"picture": ("p.png", red(9))}, data={"as_of": moment}),
    ]
    assert [answer.status_code for answer in answers] == [422] * len(answers)


def test_a_body_of_many_faults_is_answered_in_few_words(admin: TestClient) -> None:
    wrong = [1] * 50_000
    for path, body in (("/v1/scans", {"pictures": wrong}), ("/v1/checks/signals", {"faces": wrong})):
        answer = admin.post(path, json=body)
        assert answer.status_code == 422
        assert len(answer.json()["errors"]) <= MOST_FAULTS


def test_a_feed_is_read_no_further_than_a_scan_goes(
    admin: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.jobs.ordering.MAX_PICTURES", 3)
    feed = b'{"image":"https://shop.example/a.png"}\n' * 50
    answer = admin.post("/v1/scans", content=feed, headers={"Content-Type": "application/x-ndjson"})
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_pictures")

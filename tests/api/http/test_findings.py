"""The review queue over HTTP: a flagged check waits in it, people decide, and nobody sees or overwrites another's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from api.composition import Application
from data.store.findings import NewFinding
from data.store.keys import NewKey
from detector.access import Role
from detector.finding import Row
from tests.api.colours import RED, drawn
from tests.flagged import decision, face, row

Calls = Callable[..., TestClient]
Flag = Callable[..., str]
PICTURE = drawn(RED)


@pytest.fixture
def ada(application: Application) -> str:
    return application.store.talents.add("AG-1", "Ada", agency="North").id


@pytest.fixture
def flag(application: Application, ada: str) -> Flag:
    """Keeps a finding of Ada; gives its id."""
    key = application.store.keys.create(NewKey(Role.MONITOR, "crawler"))[0].id

    def flagged(made: Row | None = None, client: str | None = "Acme", picture: bytes = PICTURE) -> str:
        made = made or row(face(ada), picture=picture)
        kept = application.store.findings.add(NewFinding(made, key, client, None, picture))
        assert kept is not None
        return kept.id

    return flagged


def decide(caller: TestClient, finding: str, version: int, outcome: str, **words: str) -> object:
    body = {"outcome": outcome, **words}
    return caller.patch(f"/v1/findings/{finding}", json=body, headers={"If-Match": f'"v{version}"'})


def test_a_flagged_check_waits_in_the_queue_with_its_picture(
    admin: TestClient, call_as: Calls, enrolled: Callable[[str, str], str]
) -> None:
    talent = enrolled("AG-7", "red")
    scanner = call_as("scanner", client="Acme")
    other = drawn(RED, seed=5)
    checked = scanner.post("/v1/checks", content=other, headers={"Content-Type": "image/png"}).json()
    assert checked["finding_id"]
    [listed] = scanner.get("/v1/findings").json()["items"]
    assert (listed["id"], listed["client"], listed["talents"]) == (checked["finding_id"], "Acme", [talent])
    assert listed["sha256"] == hashlib.sha256(other).hexdigest()
    shown = scanner.get(f"/v1/findings/{listed['id']}/picture")
    assert (shown.content, shown.headers["content-type"]) == (other, "image/png")
    assert "sandbox" in shown.headers["content-security-policy"]
    whole = admin.get(f"/v1/findings/{listed['id']}")
    assert whole.headers["etag"] == whole.json()["etag"] == '"v0"'
    assert whole.json()["row"]["verdict"] == listed["verdict"]


def test_people_decide_in_view_of_a_version(call_as: Calls, flag: Flag) -> None:
    reviewer, finding = call_as("reviewer"), flag()
    bare = reviewer.patch(f"/v1/findings/{finding}", json={"outcome": "confirmed"})
    assert (bare.status_code, bare.json()["code"]) == (428, "version_required")
    done = decide(reviewer, finding, 0, "confirmed", note="it is her")
    assert (done.status_code, done.headers["etag"], done.json()["state"]) == (200, '"v1"', "confirmed")
    assert "take_down_sent" in done.json()["may_become"]
    late = decide(reviewer, finding, 0, "wrong_person", note="no")
    assert (late.status_code, late.json()["code"]) == (412, "stale_version")
    wrong = decide(reviewer, finding, 1, "confirmed")
    assert (wrong.status_code, wrong.json()["code"]) == (409, "outcome_not_allowed")
    bare = decide(reviewer, finding, 1, "authorised_out_of_band", note="they said so")
    assert (bare.status_code, "document" in bare.json()["detail"]) == (422, True)
    assert decide(reviewer, finding, 1, "open").status_code == 422
    [first] = reviewer.get(f"/v1/findings/{finding}/history").json()
    assert (first["outcome"], first["note"], first["version"]) == ("confirmed", "it is her", 1)


def test_the_queue_goes_page_by_page_and_a_cursor_is_of_its_list_and_key(call_as: Calls, flag: Flag) -> None:
    reviewer = call_as("reviewer")
    made = [flag(picture=drawn(RED, seed=seed)) for seed in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": 2, "sort": "newest", "state": ["open", "confirmed"]} | (
            {"cursor": cursor} if cursor else {}
        )
        page = reviewer.get("/v1/findings", params=query).json()
        seen += [one["id"] for one in page["items"]]
        first, cursor = cursor or page["next"], page["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(made)
    for changed in ({"sort": "oldest"}, {"sort": "newest", "state": "open"}):
        answer = reviewer.get("/v1/findings", params={"limit": 2, "cursor": first, **changed})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_cursor")
    stolen = {"limit": 2, "sort": "newest", "state": ["open", "confirmed"], "cursor": first}
    assert call_as("reviewer").get("/v1/findings", params=stolen).status_code == 422
    [counted] = reviewer.get("/v1/findings/counts").json()["items"]
    assert counted == {"state": "open", "severity": "high", "findings": 5}


def test_a_filter_that_is_none_is_refused(admin: TestClient) -> None:
    wrong = (
        "state=x",
        "severity=x",
        "talent_id=x'+OR+1",
        f"sha256={'F' * 64}",
        "since=2026-01-01",
        "limit=0",
    )
    for query in (*wrong, "sort=id", "cursor=x"):
        answer = admin.get(f"/v1/findings?{query}")
        assert answer.status_code == 422, query
        assert answer.headers["content-type"] == "application/problem+json"


def test_another_clients_findings_are_not_there(call_as: Calls, flag: Flag) -> None:
    acme, other = flag(client="Acme"), flag(client="Other", picture=drawn(RED, seed=1))
    nobodys = flag(client=None, picture=drawn(RED, seed=2))
    scanner = call_as("scanner", client="acme ")
    assert [one["id"] for one in scanner.get("/v1/findings").json()["items"]] == [acme]
    assert scanner.get("/v1/findings", params={"client": "Other"}).json()["items"] == []
    for hidden in (other, nobodys, "fnd_none", "fnd_%00"):
        for path in ("", "/picture", "/history"):
            answer = scanner.get(f"/v1/findings/{hidden}{path}")
            assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such finding")
    bound = call_as("reviewer", client="Acme")
    assert decide(bound, other, 0, "confirmed").status_code == 404
    assert decide(bound, acme, 0, "confirmed").status_code == 200
    assert decide(scanner, acme, 1, "resolved").status_code == 403


def test_a_client_reads_no_records_of_others_and_no_words_of_reviewers(
    call_as: Calls, flag: Flag, ada: str
) -> None:
    why = [{"code": "client_outside", "detail": "The consent is for Rival Ltd, not for Acme."}]
    record = {
        "consent_id": "con_rival",
        "version": 1,
        "kind": "photo_use",
        "status": "active",
        "covers": False,
    }
    made = row(face(ada), picture=PICTURE)
    judged = {**decision(ada), "consents": [{**record, "why": why}]}
    finding = flag({**made, "decision": judged, "faces": [{**made["faces"][0], "decision": judged}]})
    reviewer, scanner = call_as("reviewer"), call_as("scanner", client="Acme")
    decide(reviewer, finding, 0, "authorised_out_of_band", note="Rival asked", document="Rival's letter")
    assert "con_rival" in reviewer.get(f"/v1/findings/{finding}").text
    seen = scanner.get(f"/v1/findings/{finding}").text + scanner.get(f"/v1/findings/{finding}/history").text
    assert "ival" not in seen
    [said] = scanner.get(f"/v1/findings/{finding}/history").json()
    assert (said["outcome"], said["note"], said["document"]) == ("authorised_out_of_band", None, None)


def test_a_key_of_an_agency_sees_findings_of_its_talents_only(
    call_as: Calls, application: Application, flag: Flag, ada: str
) -> None:
    eve = application.store.talents.add("AG-2", "Eve", agency="South").id
    north = flag()
    both = flag(row(face(ada), face(eve), picture=drawn(RED, seed=1)), picture=drawn(RED, seed=1))
    reviewer = call_as("reviewer", agency="north")
    assert [one["id"] for one in reviewer.get("/v1/findings").json()["items"]] == [north]
    assert reviewer.get(f"/v1/findings/{both}").status_code == 404


def test_after_an_erasure_finding_and_picture_are_gone(admin: TestClient, flag: Flag, ada: str) -> None:
    finding = flag()
    assert admin.delete(f"/v1/talents/{ada}").is_success
    for path in ("", "/picture", "/history"):
        assert admin.get(f"/v1/findings/{finding}{path}").status_code == 404
    assert admin.get("/v1/findings").json()["items"] == []

"""Talents, references and consents over HTTP, as an agency's registrar and as others see them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from api.composition import Application
from api.http.routes.consents import LICENCE, RELEASE
from tests.api.colours import BLUE, GREY, RED, Colour, drawn

Calls = Callable[..., TestClient]


@pytest.fixture
def north(call_as: Calls) -> TestClient:
    return call_as("registrar", agency="North")


@pytest.fixture
def south(call_as: Calls) -> TestClient:
    return call_as("registrar", agency="South")


def registered(client: TestClient, ref: str = "AG-17", **facts: Any) -> dict[str, Any]:
    answer = client.post("/v1/talents", json={"ref": ref, "name": f"Name of {ref}", **facts})
    assert answer.status_code == 201, answer.text
    return answer.json()


def released(client: TestClient, ref: str = "AG-17") -> dict[str, Any]:
    """A talent whose pictures may be kept."""
    talent = registered(client, ref)
    assert client.post("/v1/consents", json={**RELEASE, "talent_id": talent["id"]}).status_code == 201
    return talent


def sent(
    client: TestClient, talent: dict[str, Any], *colours: Colour, seed: int = 0, **form: Any
) -> Response:
    files = {"picture": ("shoot/a.png", drawn(*colours, seed=seed))}
    return client.post(f"/v1/talents/{talent['id']}/references", files=files, data=form)


def problem(answer: Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


def test_a_talent_is_registered_read_changed_and_erased(admin: TestClient, application: Application) -> None:
    created = admin.post("/v1/talents", json={"ref": "AG-17", "name": "Ada", "minor": True})
    where = created.headers["Location"]
    read = admin.get(where)
    assert read.json() == created.json()
    assert (read.json()["minor"], read.json()["agency"]) == (True, None)
    changed = admin.patch(
        where,
        json={"name": "Eve", "agency": "North", "minor": None},
        headers={"If-Match": read.headers["ETag"]},
    )
    assert (changed.json()["name"], changed.json()["agency"], changed.json()["minor"]) == (
        "Eve",
        "North",
        True,
    )
    gone = admin.delete(where).json()
    assert gone["erased_at"]
    assert gone["name"] == gone["id"]
    assert problem(admin.delete(where)) == (409, "conflict")
    assert admin.get("/v1/talents").json()["items"] == []
    assert [one["id"] for one in admin.get("/v1/talents?erased=true").json()["items"]] == [gone["id"]]
    assert [event.action for event in application.store.audit.list(subject=gone["id"])] == [
        "talent.added",
        "talent.updated",
        "talent.erased",
    ]


def test_a_change_needs_the_version_that_was_looked_at(admin: TestClient) -> None:
    created = admin.post("/v1/talents", json={"ref": "a", "name": "Ada"})
    where, first = created.headers["Location"], created.headers["ETag"]
    assert problem(admin.patch(where, json={"name": "Eve"})) == (428, "version_required")
    assert admin.patch(where, json={"name": "Eve"}, headers={"If-Match": first}).status_code == 200
    assert problem(admin.patch(where, json={"name": "Mia"}, headers={"If-Match": first})) == (
        412,
        "stale_version",
    )
    assert admin.patch(where, json={"name": "Zoe"}, headers={"If-Match": "*"}).json()["name"] == "Zoe"


@pytest.mark.parametrize(
    "body",
    [
        {"ref": "a"},
        {"ref": "a", "name": "Ada", "minor": 1},
        {"ref": "a", "name": " "},
        {"ref": "a\nb", "name": "Ada"},
        {"ref": "a", "name": "Ada", "age": 9},
    ],
)
def test_what_is_no_person_is_refused(admin: TestClient, body: dict[str, Any]) -> None:
    assert admin.post("/v1/talents", json=body).status_code == 422


def test_a_taken_reference_is_a_conflict(admin: TestClient) -> None:
    registered(admin)
    assert problem(admin.post("/v1/talents", json={"ref": "AG-17", "name": "Eve"})) == (409, "conflict")


def test_lists_go_page_by_page_and_by_filter(admin: TestClient) -> None:
    added = [
        registered(admin, f"T-{number}", agency="North" if number % 2 else None)["ref"] for number in range(5)
    ]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = admin.get("/v1/talents", params={"limit": 2, **cursor}).json()
        found += [one["ref"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert sorted(found) == added
    assert len(found) == 5
    assert [one["ref"] for one in admin.get("/v1/talents?ref=T-3").json()["items"]] == ["T-3"]
    assert len(admin.get("/v1/talents?agency=NORTH").json()["items"]) == 2
    assert problem(admin.get("/v1/talents", params={"agency": "North", **cursor})) == (422, "bad_cursor")
    assert problem(admin.get("/v1/talents?cursor=x")) == (422, "bad_cursor")
    misspelt = admin.get("/v1/talents?agencie=North")
    assert problem(misspelt) == (422, "invalid_request")
    assert "agency, cursor, erased, limit, ref" in misspelt.json()["detail"]


def test_a_picture_becomes_a_reference_once(north: TestClient) -> None:
    talent = released(north)
    first = sent(north, talent, RED)
    assert (first.status_code, first.json()["status"], first.json()["source"]) == (201, "accepted", "a.png")
    where = first.headers["Location"]
    again = sent(north, talent, RED)
    assert (again.status_code, again.json()["status"], again.json()["id"]) == (
        200,
        "unchanged",
        first.json()["id"],
    )
    assert north.get(where).json()["sha256"] == first.json()["sha256"]
    picture = north.get(f"{where}/picture")
    assert (picture.content, picture.headers["Content-Type"]) == (drawn(RED), "image/png")
    assert "sandbox" in picture.headers["Content-Security-Policy"]
    assert north.get(f"/v1/talents/{talent['id']}").json() | {"references": 1, "biometric_consent": True} == (
        north.get(f"/v1/talents/{talent['id']}").json()
    )
    sent(north, talent, RED, seed=1)
    listed = north.get(f"/v1/talents/{talent['id']}/references?limit=1").json()
    assert len(listed["items"]) == 1
    assert listed["next"]
    assert north.delete(where).status_code == 204
    assert problem(north.get(f"{where}/picture")) == (404, "not_found")


def test_a_rejected_picture_says_why(north: TestClient) -> None:
    bare = registered(north, "AG-1")
    assert problem(sent(north, bare, RED)) == (422, "no_release")
    talent = released(north)
    assert problem(sent(north, talent, GREY)) == (422, "no_face")
    both = sent(north, talent, RED, BLUE)
    assert problem(both) == (422, "several_faces")
    assert "0,0,32,64" in both.json()["detail"]
    assert sent(north, talent, RED, BLUE, box="0,0,32,64").status_code == 201
    assert problem(sent(north, talent, RED, box="1,2")) == (422, "usage")
    assert problem(sent(north, talent, RED, seed=3, box="0,0,nan,1")) == (422, "usage")
    files = {"picture": ("a.png", b"no picture")}
    assert problem(north.post(f"/v1/talents/{talent['id']}/references", files=files)) == (422, "not_an_image")


def test_confirmation_keeps_a_picture_that_seems_another(north: TestClient) -> None:
    ada, eve = released(north, "ada"), released(north, "eve")
    sent(north, ada, RED)
    assert problem(sent(north, eve, RED, seed=1)) == (422, "closer_to_another_talent")
    kept = sent(north, eve, RED, seed=1, confirm="true")
    assert (kept.status_code, kept.json()["note"]["code"]) == (201, "closer_to_another_talent")


def test_an_agency_sees_nothing_of_another(north: TestClient, south: TestClient, admin: TestClient) -> None:
    theirs = released(south, "S-1")
    reference = sent(south, theirs, RED).json()
    consent = south.get("/v1/consents").json()["items"][0]["consent_id"]
    record = {**RELEASE, "talent_id": theirs["id"]}
    calls = [
        north.get(f"/v1/talents/{theirs['id']}"),
        north.patch(f"/v1/talents/{theirs['id']}", json={"name": "x"}, headers={"If-Match": "*"}),
        north.delete(f"/v1/talents/{theirs['id']}"),
        north.get(f"/v1/talents/{theirs['id']}/references"),
        sent(north, theirs, BLUE),
        north.get(f"/v1/references/{reference['id']}"),
        north.get(f"/v1/references/{reference['id']}/picture"),
        north.delete(f"/v1/references/{reference['id']}"),
        north.post("/v1/consents", json=record),
        north.get(f"/v1/consents/{consent}"),
        north.get(f"/v1/consents/{consent}/versions"),
        north.post(f"/v1/consents/{consent}/revoke", json={}),
    ]
    assert {problem(answer) for answer in calls} == {(404, "not_found")}
    unknown = north.get("/v1/talents/tal_none").json()
    assert calls[0].json()["detail"] == unknown["detail"]
    for path in (
        "/v1/talents",
        "/v1/talents?agency=south",
        "/v1/consents",
        f"/v1/consents?talent_id={theirs['id']}",
    ):
        assert north.get(path).json()["items"] == []
    assert len(admin.get("/v1/talents").json()["items"]) == 1


def test_an_agency_registers_its_own_people_only(north: TestClient, south: TestClient) -> None:
    own = registered(north)
    assert own["agency"] == "North"
    foreign = {"ref": "AG-18", "name": "Eve", "agency": "South"}
    assert problem(north.post("/v1/talents", json=foreign)) == (403, "other_agency")
    moved = north.patch(f"/v1/talents/{own['id']}", json={"agency": "South"}, headers={"If-Match": "*"})
    assert problem(moved) == (403, "other_agency")
    cleared = north.patch(f"/v1/talents/{own['id']}", json={"agency": None}, headers={"If-Match": "*"})
    assert cleared.json()["agency"] == "North"


def test_sentences_about_pictures_name_no_other_agencys_talent(north: TestClient, south: TestClient) -> None:
    sent(south, released(south, "SECRET-9"), RED)
    ours = released(north, "N-1")
    for answer in (sent(north, ours, RED, seed=4), sent(north, ours, RED)):
        assert answer.status_code == 422
        assert "another agency" in answer.json()["detail"]
        assert "SECRET-9" not in answer.text


def test_a_consent_is_recorded_read_as_of_a_moment_and_revoked(north: TestClient) -> None:
    talent = registered(north)
    created = north.post("/v1/consents", json={**LICENCE, "talent_id": talent["id"]})
    assert (created.status_code, created.json()["status"], created.json()["defects"]) == (201, "active", [])
    where = created.headers["Location"]
    assert created.headers["ETag"] == '"v1"'
    assert created.json()["record"]["pay"]["amount"] == "250.00"
    assert north.get(where, params={"as_of": "2026-01-20"}).json()["status"] == "scheduled"
    assert north.get(where, params={"as_of": "2027-02-01T00:00:00Z"}).json()["status"] == "expired"
    assert problem(north.get(where, params={"as_of": "soon"})) == (422, "usage")
    ended = north.post(f"{where}/revoke", json={"reason": "withdrawn", "effective_at": "2026-03-01"}).json()
    assert (ended["version"], ended["status"]) == (2, "revoked")
    assert ended["record"]["life"]["effective_at"] == "2026-03-01T00:00:00-05:00"
    assert problem(north.post(f"{where}/revoke", json={})) == (409, "conflict")
    versions = north.get(f"{where}/versions").json()["items"]
    assert [(one["version"], one["status"]) for one in versions] == [(1, "superseded"), (2, "revoked")]
    active = north.get("/v1/consents", params={"status": "active", "as_of": "2026-02-10"}).json()["items"]
    assert [one["consent_id"] for one in active] == [ended["consent_id"]]
    assert north.get("/v1/consents", params={"status": "active"}).json()["items"] == []


def test_every_fault_of_a_record_is_named(north: TestClient) -> None:
    talent, child = registered(north), registered(north, "C-1", minor=True)
    record = {
        "talent_id": talent["id"],
        "kind": "replica_use",
        "grantor": {},
        "pay": {"unpaid": "s3cret"},
        "x": 1,
    }
    wrong = north.post("/v1/consents", json=record)
    assert problem(wrong) == (422, "invalid_consent_record")
    said = " ".join(fault["detail"] for fault in wrong.json()["errors"])
    assert all(name in said for name in ("grantor.role", "grantee", "pay.unpaid", "x"))
    for odd in ({}, {"talent_id": 7}, {**RELEASE, "talent_id": talent["id"], "consent_id": "../x"}):
        assert problem(north.post("/v1/consents", json=odd)) == (422, "usage")
    for group in ("subject", "grantor", "duration", "form", "privacy"):
        broken = {**RELEASE, "talent_id": talent["id"], group: "text"}
        assert problem(north.post("/v1/consents", json=broken)) == (422, "invalid_consent_record")
        assert problem(north.post("/v1/consents", json={**broken, "talent_id": child["id"]}))[0] == 422
    strange = {**RELEASE, "talent_id": talent["id"], "grantor": {"role": "self", "name": "\ud800"}}
    zero = {**LICENCE, "talent_id": talent["id"], "grantee": {"client": "Ac\x00me"}}
    assert problem(north.post("/v1/consents", json=zero)) == (422, "invalid_consent_record")
    sent_so = {"content": json.dumps(strange), "headers": {"Content-Type": "application/json"}}
    assert problem(north.post("/v1/consents", **sent_so)) == (422, "invalid_consent_record")


def test_a_void_record_is_kept_and_says_what_is_missing(north: TestClient) -> None:
    talent = registered(north, minor=True)
    record = {name: value for name, value in LICENCE.items() if name != "pay"} | {"talent_id": talent["id"]}
    kept = north.post("/v1/consents", json=record)
    assert (kept.status_code, kept.json()["defects"]) == (201, ["guardian_missing", "pay_missing"])


def test_a_next_version_is_added_in_turn_and_ids_are_nobody_elses(
    north: TestClient, south: TestClient
) -> None:
    ours, theirs = registered(north, "N-1"), registered(south, "S-1")
    record = {**LICENCE, "consent_id": "con_spring", "talent_id": ours["id"]}
    assert north.post("/v1/consents", json=record).status_code == 201
    assert problem(north.post("/v1/consents", json=record)) == (409, "conflict")
    assert north.post("/v1/consents", json={**record, "version": 2}).json()["version"] == 2
    taken = south.post("/v1/consents", json={**record, "talent_id": theirs["id"]})
    assert problem(taken) == (409, "conflict")
    assert ours["id"] not in taken.text


def test_a_client_sees_the_consents_it_was_granted(call_as: Calls, admin: TestClient) -> None:
    talent = released(admin)
    for client in ("Acme", "Rival"):
        admin.post("/v1/consents", json={**LICENCE, "talent_id": talent["id"], "grantee": {"client": client}})
    reviewer = call_as("reviewer", client="ACME")
    (seen,) = reviewer.get("/v1/consents").json()["items"]
    assert seen["client"] == "Acme"
    assert reviewer.get("/v1/consents?client=Rival").json()["items"] == []
    others = [
        one["consent_id"] for one in admin.get("/v1/consents").json()["items"] if one["client"] != "Acme"
    ]
    assert {problem(reviewer.get(f"/v1/consents/{one}")) for one in others} == {(404, "not_found")}


def test_a_talent_that_was_erased_takes_nothing_more(admin: TestClient) -> None:
    talent = released(admin)
    reference = sent(admin, talent, RED).json()["id"]
    admin.delete(f"/v1/talents/{talent['id']}")
    assert problem(admin.get(f"/v1/references/{reference}/picture")) == (404, "not_found")
    assert problem(admin.post("/v1/consents", json={**RELEASE, "talent_id": talent["id"]})) == (
        409,
        "conflict",
    )
    assert sent(admin, talent, RED, seed=2).status_code in (409, 422)


def test_a_repeated_call_registers_once(admin: TestClient) -> None:
    headers = {"Idempotency-Key": "import-17"}
    first, again = (
        admin.post("/v1/talents", json={"ref": "AG-17", "name": "Ada"}, headers=headers) for _ in range(2)
    )
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
